"""The example practice's decisions, as its people would tell them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.config.plan import load
from routing.decision import Facts
from routing.engine import route
from routing.escalation import Ringing, Waiting, next_step, resolve
from routing.model import Plan
from routing.schedule import on_call

ROOT = Path(__file__).parents[2]
PLAN: Plan = load(ROOT / "config/office.toml").plan
MAIN, BACK = "+12125550100", "+12125550101"
PATIENT = "+19175550123"


def local(text: str) -> datetime:
    """Read a local time of the office."""
    return datetime.fromisoformat(text).replace(tzinfo=PLAN.office.zone)


TUESDAY = local("2026-11-24 10:00")
NIGHT = local("2026-11-28 02:10")


@pytest.mark.parametrize(
    ("facts", "at", "kind", "target", "urgency"),
    [
        (Facts(MAIN, PATIENT), TUESDAY, "ring", "frontdesk", "routine"),
        (Facts(MAIN, PATIENT), NIGHT, "menu", "night", None),
        (Facts(MAIN, PATIENT, ("1",)), NIGHT, "escalation", "urgent", "urgent"),
        (Facts(MAIN, PATIENT, ("2",)), NIGHT, "message", "everyone", "routine"),
        (Facts(MAIN, PATIENT, ("",)), NIGHT, "escalation", "urgent", "urgent"),
        (Facts(MAIN, PATIENT, ("9",)), NIGHT, "escalation", "urgent", "urgent"),
        (Facts(BACK, PATIENT), NIGHT, "escalation", "urgent", "urgent"),
        (Facts(BACK, None), TUESDAY, "escalation", "urgent", "urgent"),
        (Facts("+12125550199", PATIENT), TUESDAY, "reject", "", None),
        (Facts(MAIN, PATIENT), local("2026-12-25 10:00"), "menu", "night", None),
        (Facts(MAIN, PATIENT), local("2026-11-24 12:30"), "menu", "night", None),
        (Facts(MAIN, PATIENT), local("2026-11-24 17:00"), "menu", "night", None),
        (Facts(MAIN, PATIENT), local("2026-11-24 16:59"), "ring", "frontdesk", "routine"),
    ],
)
def test_what_happens_to_a_call(
    facts: Facts, at: datetime, kind: str, target: str, urgency: str | None
) -> None:
    """A worked table: who calls, when, which key, and what the office does."""
    decision = route(facts, PLAN, at)
    assert (decision.kind, decision.target, decision.urgency) == (kind, target, urgency)


def test_every_rule_looked_at_is_a_reason() -> None:
    """A decision can be explained: the last reason matched, all before it did not."""
    decision = route(Facts(MAIN, PATIENT, ("2",)), PLAN, NIGHT)
    assert [reason.rule for reason in decision.reasons] == [rule.name for rule in PLAN.rules]
    assert [reason.matched for reason in decision.reasons] == [False, False, False, True]
    assert "routine, not urgent" in decision.reasons[2].because


@given(
    did=st.sampled_from([MAIN, BACK]),
    caller=st.none() | st.just(PATIENT),
    presses=st.lists(st.text(max_size=2), max_size=9).map(tuple),
    at=st.datetimes(
        local("2026-01-01 00:00").replace(tzinfo=None),
        local("2027-01-01 00:00").replace(tzinfo=None),
    ),
)
def test_no_call_to_our_lines_is_ever_refused(
    did: str, caller: str | None, presses: tuple[str, ...], at: datetime
) -> None:
    """Whatever is pressed and whenever: a person rings, a menu asks or a message is taken."""
    at = at.replace(tzinfo=PLAN.office.zone)
    decision = route(Facts(did, caller, presses), PLAN, at)
    assert decision.kind in {"ring", "escalation", "message", "menu"}
    assert decision == route(Facts(did, caller, presses), PLAN, at)
    if presses:
        assert decision.kind != "menu"


@pytest.mark.parametrize(
    ("at", "person", "second"),
    [
        ("2026-01-05 08:00", "lee", "osei"),
        ("2026-01-12 07:59", "lee", "osei"),
        ("2026-01-12 08:00", "osei", "patel"),
        ("2026-01-19 08:00", "patel", "lee"),
        ("2026-03-08 03:00", "patel", "lee"),  # the hour that does not exist before it
        ("2026-03-09 07:59", "patel", "lee"),
        ("2026-03-09 08:00", "lee", "osei"),
        ("2026-11-02 07:59", "lee", "osei"),  # after the hour that came twice
        ("2026-11-02 08:00", "osei", "patel"),
    ],
)
def test_the_rotation_hands_over_by_the_wall_clock(at: str, person: str, second: str) -> None:
    """Handoffs are on Monday at 8:00 local time, in summer and in winter."""
    answer = on_call(PLAN, "doctors", local(at))
    assert (answer.people, answer.backup) == ((person,), second)


def climb(reachable: frozenset[str]) -> list[Ringing | Waiting]:
    """Go through the urgent escalation policy to its end."""
    steps: list[Ringing | Waiting] = []
    after = -1
    while step := next_step(
        PLAN.escalations["urgent"], PLAN, NIGHT, after=after, reachable=reachable
    ):
        steps.append(step)
        after = step.step
    return steps


def test_the_escalation_goes_on_call_backup_pause_on_call_everyone() -> None:
    """Each step names people by id at the moment that it is performed."""
    answer = on_call(PLAN, "doctors", NIGHT)
    assert answer.backup is not None
    (person,), second = answer.people, answer.backup
    assert climb(frozenset(PLAN.people)) == [
        Ringing(0, (person,), 20),
        Ringing(1, (second,), 20),
        Waiting(2, 15),
        Ringing(3, (person,), 20),
        Ringing(4, ("lee", "osei", "patel"), 20),
    ]


def test_a_person_without_a_contact_is_skipped_at_once() -> None:
    """A step with nobody reachable costs no time, and nobody reachable ends the escalation."""
    second = on_call(PLAN, "doctors", NIGHT).backup or ""
    steps = climb(frozenset({second}))
    assert [step.who for step in steps if isinstance(step, Ringing)] == [(second,), (second,)]
    assert climb(frozenset()) == []


def test_everyone_is_every_physician() -> None:
    """The words of an escalation policy resolve to people, groups and names."""
    assert resolve("everyone", PLAN, NIGHT) == ("lee", "osei", "patel")
    assert resolve("frontdesk", PLAN, NIGHT) == ("desk1", "desk2")
    assert resolve("patel", PLAN, NIGHT) == ("patel",)
