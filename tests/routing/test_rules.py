"""Rules, menus and people's boundaries, as a table that an office's people can check."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.config.plan import load
from routing import people
from routing.decision import Facts
from routing.engine import NO_RULE, route
from routing.escalation import Ringing, Waiting, course
from routing.model import (
    Contact,
    GoTo,
    Menu,
    Patient,
    Person,
    Plan,
    Repeat,
    Ring,
    Rule,
    RunEscalation,
    TakeMessage,
    When,
    Window,
)
from routing.rules import Scene, words
from routing.triage import PRESS_LIMIT, Asking, follow

ROOT = Path(__file__).parents[2]
OWN, BLOCKED, PLAIN = "+19175550101", "+19175550102", "+19175550103"
PATIENTS = {
    OWN: Patient("p1", "A. Patient", "patel"),
    BLOCKED: Patient("p2", "B. Patient", None, frozenset({"blocked"})),
}
PLAN = replace(load(ROOT / "tests/calls/policy.toml").plan, patients=PATIENTS)
MAIN, LAB, DIRECT = "+12125550100", "+12125550101", "+12125550102"


def local(text: str) -> datetime:
    """Read a local time of the office."""
    return datetime.fromisoformat(text).replace(tzinfo=PLAN.office.zone)


DAY, NIGHT = local("2026-11-24 10:00"), local("2026-11-24 22:00")
ONE = (NIGHT - timedelta(minutes=20),)
TWO = (*ONE, NIGHT - timedelta(minutes=59))
OLD = (*ONE, NIGHT - timedelta(minutes=60))


@pytest.mark.parametrize(
    ("facts", "at", "kind", "target", "decides"),
    [
        (Facts(MAIN, BLOCKED), DAY, "reject", "", "blocked callers are refused"),
        (
            Facts(MAIN, PLAIN, (), TWO),
            NIGHT,
            "escalation",
            "urgent",
            "third call in an hour is urgent",
        ),
        (Facts(MAIN, PLAIN, (), OLD), NIGHT, "menu", "night", "urgent at night"),
        (Facts(MAIN, None, (), TWO), NIGHT, "menu", "night", "urgent at night"),
        (Facts(DIRECT, PLAIN), DAY, "ring", "lee", "her patients reach Dr. Lee"),
        (Facts(DIRECT, OWN), DAY, "ring", "patel", "her patients reach Dr. Lee"),
        (Facts(LAB, PLAIN), NIGHT, "ring", "patel", "the service answers for the lab"),
        (Facts(MAIN, PLAIN), DAY, "ring", "oncall", "whoever is on call answers by day"),
        (Facts(MAIN, PLAIN, ("1",)), NIGHT, "escalation", "urgent", "urgent at night"),
        (Facts(MAIN, PLAIN, ("2",)), NIGHT, "menu", "other", "urgent at night"),
        (Facts(MAIN, PLAIN, ("2", "1")), NIGHT, "message", "frontdesk", "a key of the menu"),
        (Facts(MAIN, PLAIN, ("2", "9")), NIGHT, "escalation", "urgent", "urgent at night"),
        (Facts(MAIN, PLAIN, ("",)), NIGHT, "escalation", "urgent", "urgent at night"),
    ],
)
def test_a_call_and_the_rule_that_decides(
    facts: Facts, at: datetime, kind: str, target: str, decides: str
) -> None:
    """Who calls whom and when, what happens, and the rule that says so."""
    decision = route(facts, PLAN, at)
    assert (decision.kind, decision.target) == (kind, target)
    assert decision.reasons[-1].rule.startswith(decides)
    assert all(not reason.matched for reason in decision.reasons[:-1])


@pytest.mark.parametrize(
    ("when", "facts", "at", "missed", "said"),
    [
        (When(line="main"), Facts(LAB), DAY, "line", "came in on line lab, not main"),
        (When(line="lab"), Facts(LAB), DAY, None, "the call came in on line lab"),
        (When(hours="open"), Facts(MAIN), NIGHT, "hours", "the office is closed (Tuesday 10:00 PM"),
        (
            When(hours="open"),
            Facts(MAIN),
            DAY,
            None,
            "the office is open (Tuesday 8:00 AM to 5:00 PM)",
        ),
        (When(caller="known"), Facts(MAIN, OWN), DAY, None, "the caller is known"),
        (When(caller="known"), Facts(MAIN, PLAIN), DAY, "caller", "is unknown, not known"),
        (When(caller="unknown"), Facts(MAIN), DAY, "caller", "is anonymous, not unknown"),
        (When(flag="blocked"), Facts(MAIN, OWN), DAY, "flag", "not marked 'blocked'"),
        (When(panel="patel"), Facts(MAIN, OWN), DAY, None, "a patient of patel"),
        (When(panel="lee"), Facts(MAIN, OWN), DAY, "panel", "not a patient of lee"),
        (When(repeat=Repeat(3, 60)), Facts(MAIN, PLAIN, (), OLD), NIGHT, "repeat", "call 2 within"),
        (When(repeat=Repeat(3, 60)), Facts(MAIN, PLAIN, (), TWO), NIGHT, None, "it is call 3"),
    ],
)
def test_a_condition_in_words(
    when: When, facts: Facts, at: datetime, missed: str | None, said: str
) -> None:
    """Each condition where it holds and where it does not, and what a receptionist reads."""
    rule = Rule("tried", when, TakeMessage("routine"))
    plan = replace(PLAN, rules=(rule, Rule("rest", When(), TakeMessage("routine"))))
    first = route(facts, plan, at).reasons[0]
    assert first.matched == (missed is None)
    assert said in first.because


def test_conditions_are_asked_in_a_fixed_order() -> None:
    """The first that fails is named, and words of all that hold are joined."""
    when = When(line="main", hours="open", panel="patel", urgency="urgent")
    scene = Scene(Facts(MAIN, OWN), PLAN, DAY, PLAN.lines[0], PATIENTS[OWN], "urgent")
    assert words(when, scene, None) == (
        "the call came in on line main and the office is open (Tuesday 8:00 AM to 5:00 PM) "
        "and the caller is a patient of patel and the call is urgent"
    )
    wrong = Rule("wrong", replace(when, panel="lee", hours="closed"), TakeMessage("routine"))
    (said,) = route(Facts(MAIN, OWN), replace(PLAN, rules=(wrong,)), DAY).reasons[:-1]
    assert said.because == "the office is open (Tuesday 8:00 AM to 5:00 PM)"


def test_times_of_day_pass_midnight() -> None:
    """A rule for 22:00 to 06:00 on weekdays holds after midnight of its last night."""
    during = tuple(
        Window(
            day,
            datetime.min.time().replace(hour=22),
            (day + 1) % 7,
            datetime.min.time().replace(hour=6),
        )
        for day in range(5)
    )
    rule = Rule(
        "nights", When(during=during, during_text="mon-fri 22:00-06:00"), RunEscalation("urgent")
    )
    plan = replace(PLAN, rules=(rule,))
    for at, holds in (
        ("2026-11-28 05:59", True),  # the Saturday after Friday's night
        ("2026-11-28 06:00", False),
        ("2026-11-28 22:00", False),
        ("2026-11-29 23:00", False),
        ("2026-11-30 05:00", False),
        ("2026-11-30 22:00", True),
    ):
        decision = route(Facts(LAB, PLAIN), plan, local(at))
        assert (decision.kind == "escalation") == holds, at


def test_without_a_rule_that_matches_a_call_is_an_urgent_message() -> None:
    """A check refuses such a file; were it to run all the same, nobody is dropped."""
    plan = replace(PLAN, rules=(Rule("never", When(line="lab"), RunEscalation("urgent")),))
    decision = route(Facts(MAIN, PLAIN), plan, DAY)
    assert (decision.kind, decision.urgency) == ("message", "urgent")
    assert decision.reasons[-1].rule == NO_RULE


@given(order=st.permutations(range(len(PLAN.rules) - 1)), at=st.sampled_from([DAY, NIGHT]))
def test_the_first_rule_that_holds_decides_whatever_the_order(
    order: list[int], at: datetime
) -> None:
    """Shuffled, the rule that decides is the first of its order that would decide alone."""
    last = PLAN.rules[-1]
    shuffled = replace(PLAN, rules=(*(PLAN.rules[place] for place in order), last))
    facts = Facts(DIRECT, PLAIN, ("1",))
    alone = [
        rule.name
        for rule in shuffled.rules
        if route(facts, replace(PLAN, rules=(rule, last)), at).reasons[0].matched
    ]
    assert route(facts, shuffled, at).reasons[-1].rule == alone[0]


def test_a_menu_that_leads_in_circles_becomes_urgent() -> None:
    """However long somebody presses, the way ends at a human."""
    circle = Menu("circle", ("menu-closed",), {"1": GoTo("circle")}, GoTo("circle"))
    plan = replace(PLAN, menus={**PLAN.menus, "circle": circle})
    assert isinstance(follow(plan, circle, ("1",) * (PRESS_LIMIT - 1)), Asking)
    assert follow(plan, circle, ("1",) * PRESS_LIMIT) == "urgent"
    assert follow(replace(plan, menus={}), circle, ("1",)) == "urgent"


def person(**changes: object) -> Plan:
    """Return the plan with Dr. Lee changed."""
    lee = replace(PLAN.people["lee"], **changes)  # type: ignore[arg-type]
    return replace(PLAN, people={**PLAN.people, "lee": lee})


EVENING = Window(1, datetime.min.time().replace(hour=21), 2, datetime.min.time().replace(hour=7))
NUMBERS = {"lee": frozenset({"mobile", "second"}), "osei": frozenset({"mobile"})}


@pytest.mark.parametrize(
    ("changes", "at", "urgent", "via"),
    [
        ({}, NIGHT, True, "mobile"),
        ({"mode": "follow_up"}, NIGHT, True, None),  # wants a message first
        ({"quiet": (EVENING,)}, NIGHT, True, "mobile"),
        ({"quiet": (EVENING,)}, NIGHT, False, None),
        ({"quiet": (EVENING,)}, DAY, False, "mobile"),
        ({"contacts": (Contact("second"), Contact("mobile"))}, DAY, False, "second"),
        ({"contacts": (Contact("second", (EVENING,)), Contact("mobile"))}, DAY, False, "mobile"),
        ({"contacts": (Contact("second", (EVENING,)), Contact("mobile"))}, NIGHT, True, "second"),
        ({"contacts": (Contact("desk1"),)}, DAY, False, "desk1"),
        ({"contacts": ()}, DAY, True, None),
    ],
)
def test_how_a_person_is_reached(
    *, changes: dict[str, object], at: datetime, urgent: bool, via: str | None
) -> None:
    """Contacts by time, quiet hours that only urgent calls pass, and who wants messages first."""
    found = people.reachable(person(**changes), NUMBERS, at, urgent=urgent)
    assert found.get("lee") == via
    assert found["desk1"] == "desk1"


def test_a_contact_without_a_number_is_passed_over() -> None:
    """The second number is named in office.toml and missing in the secrets: the mobile is used."""
    lee = Person("lee", "Dr. Lee", "physician", (Contact("second"), Contact("mobile")))
    assert people.contact(lee, PLAN, {"lee": frozenset({"mobile"})}, DAY) == "mobile"
    assert people.contact(lee, PLAN, {}, DAY) is None


def test_the_course_of_a_ring_that_nobody_takes() -> None:
    """Own physician first, then the escalation policy; a pause only after somebody was tried."""
    decision = route(Facts(DIRECT, PLAIN), PLAN, DAY)
    steps = list(course(decision, PLAN, DAY, {**NUMBERS, "patel": frozenset({"mobile"})}))
    assert steps == [Ringing(-1, ("lee",), 15), Ringing(0, ("osei",), 20), Ringing(1, ("lee",), 20)]
    assert list(course(decision, PLAN, DAY, {})) == [Ringing(0, ("osei",), 20)]  # by the desk phone
    assert list(course(decision, PLAN, NIGHT, {})) == []


def test_a_handoff_in_the_middle_of_a_escalation_changes_nothing_for_a_call() -> None:
    """Monday 07:59:50: every step rings who was on call, and their backup, when it began."""
    plan = load(ROOT / "config/office.toml").plan
    numbers = dict.fromkeys(plan.people, frozenset({"mobile"}))
    before = datetime(2026, 11, 30, 7, 59, 50, tzinfo=plan.office.zone)
    decision = route(Facts("+12125550101", PLAIN), plan, before)
    steps = list(course(decision, plan, before, numbers))
    assert [step.who for step in steps if isinstance(step, Ringing)] == [
        ("osei",),
        ("patel",),  # on call from 08:00, and until then the backup
        ("osei",),
        ("lee", "osei", "patel"),
    ]
    assert [step.seconds for step in steps if isinstance(step, Waiting)] == [15]


def test_a_ring_without_a_human_ends_in_a_message() -> None:
    """'own' for a caller without a physician, and no escalation behind it: a message at once."""
    rule = Rule("own", When(), Ring("own", 20, "routine"))
    decision = route(Facts(MAIN, PLAIN), replace(PLAN, rules=(rule,)), DAY)
    assert (decision.kind, decision.urgency) == ("message", "routine")
