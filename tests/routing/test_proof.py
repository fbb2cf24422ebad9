"""A proof over a year, against plans that are whole and plans that are broken in one place."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialplan import names
from pbx.calls.callflow import SAVED, CallFlow
from pbx.calls.conversation import CallState, Question
from pbx.calls.recent import RecentCallers
from pbx.config.plan import load
from routing import paths
from routing.model import (
    Announce,
    Closure,
    Contact,
    Days,
    ExplicitShift,
    GoTo,
    HoursChange,
    Layer,
    Line,
    Menu,
    OfficeHours,
    Override,
    Patient,
    Plan,
    Reject,
    Repeat,
    Ring,
    Rule,
    RunEscalation,
    Schedule,
    TakeMessage,
    Try,
    When,
    Window,
    YearlyWeekday,
)
from routing.proof import Proof, lasts, prove
from routing.stretches import stretches

ROOT = Path(__file__).parents[2]
PLAN: Plan = load(ROOT / "config/office.toml").plan
ALL = {person: frozenset({"mobile", "second"}) for person in PLAN.people}
MAIN, BACK = PLAN.lines
SECOND = timedelta(seconds=1)


def local(text: str) -> datetime:
    """Read a local time of the office, as an instant."""
    return datetime.fromisoformat(text).replace(tzinfo=PLAN.office.zone).astimezone(UTC)


START, END = local("2026-11-01 00:00"), local("2027-11-01 00:00")


def proof(plan: Plan = PLAN, numbers: dict[str, frozenset[str]] = ALL) -> Proof:
    """Prove the year."""
    return prove(plan, numbers, START, END, most=10_000)


def without(person: str) -> dict[str, frozenset[str]]:
    """Take one person's numbers out of the secrets file."""
    return {**ALL, person: frozenset()}


def only(plan: Plan, *rules: Rule) -> Plan:
    """Put these rules before all others."""
    return replace(plan, rules=(*rules, *plan.rules))


def whys(found: Proof) -> set[str]:
    """List the reasons of all counterexamples."""
    return {one.failure.why for one in found.counterexamples}


def test_the_example_holds() -> None:
    """With a number for each physician, every path of the year ends at a human."""
    found = proof()
    assert (found.holds, found.counterexamples) == (True, ())
    assert found.intervals > 365
    assert found.paths > 5 * found.intervals  # each line, caller and key


@pytest.mark.parametrize(
    ("person", "first", "last"),
    [
        ("lee", "2026-11-01 00:00", "2026-11-02 08:00"),  # on call when the span begins
        ("osei", "2026-11-02 08:00", "2026-11-09 08:00"),
        ("patel", "2026-11-09 08:00", "2026-11-16 08:00"),
    ],
)
def test_a_removed_contact_fails_from_the_first_minute_on_call(
    person: str, first: str, last: str
) -> None:
    """The shortest path is the back line's, and the span is that person's week."""
    found = proof(numbers=without(person))
    assert not found.holds
    shortest = found.counterexamples[0]
    assert shortest.failure == (
        "backline",
        "urgent",
        ("an unknown caller", "the escalation policy urgent"),
        f"{person} is on call, but has no contact at that time",
    )
    assert shortest.spans[0] == (local(first), local(last))
    menu = found.counterexamples[1].failure
    assert menu.path == (
        "an unknown caller",
        "presses 1 at the menu night",
        "the escalation policy urgent",
    )
    assert menu.line == "main"


def test_a_week_taken_out_of_the_schedule_fails_at_its_first_minute() -> None:
    """That the engine would call everyone does not prove a schedule with a gap."""
    schedule = PLAN.schedules["doctors"]
    doctors = [
        ExplicitShift(schedule.layers[0].rotation[number % 3], start, start + timedelta(days=7))
        for number in range(80)
        if (start := datetime(2026, 10, 5, 8) + timedelta(days=7 * number))  # noqa: DTZ001  # local
        != datetime(2027, 3, 8, 8)  # noqa: DTZ001  # local, too
    ]
    broken = replace(
        PLAN, schedules={"doctors": Schedule("doctors", (), tuple(doctors), backup="patel")}
    )
    found = proof(broken)
    assert [one.spans for one in found.counterexamples if one.failure.line == "backline"] == [
        ((local("2027-03-08 08:00"), local("2027-03-15 08:00")),)
    ]
    assert whys(found) == {"nobody is on call in schedule 'doctors'"}


def test_an_override_that_leaves_nobody_is_a_gap() -> None:
    """Rows of the database count like the file."""
    gap = Override(1, "doctors", "remove", None, "osei", local("2026-11-04 03:11"), END)
    found = proof(replace(PLAN, overrides=(gap,)))
    assert found.counterexamples[0].spans[0][0] == local("2026-11-04 03:11")
    assert whys(found) == {"nobody is on call in schedule 'doctors'"}


def test_one_person_alone_is_too_few() -> None:
    """An urgent path reaches two different people."""
    escalation = replace(PLAN.escalations["urgent"], live=(Try("oncall", 20), Try("oncall", 20)))
    found = proof(replace(PLAN, escalations={"urgent": escalation}))
    assert whys(found) == {f"only {one} can be reached" for one in PLAN.people}
    assert proof(numbers={}).counterexamples[0].failure.why.endswith("has no contact at that time")


def test_desk_phones_are_no_people() -> None:
    """An escalation policy that rings two phones in an empty office reaches nobody."""
    escalation = replace(PLAN.escalations["urgent"], live=(Try("frontdesk", 20),))
    assert whys(proof(replace(PLAN, escalations={"urgent": escalation}))) == {
        "nobody can be reached"
    }


def test_who_wants_messages_first_is_called_by_the_message() -> None:
    """Two of three want a message first: they count where a number of theirs is known."""
    follow_up = {
        key: replace(one, mode="follow_up" if key != "lee" else "patch")
        for key, one in PLAN.people.items()
    }
    changed = replace(PLAN, people=follow_up)
    assert proof(changed).holds
    numbers = {**without("osei"), "patel": frozenset[str]()}
    assert "only lee can be reached" in whys(proof(changed, numbers))


def test_a_contact_by_day_alone_fails_at_night() -> None:
    """The minute at which the window ends is the first that fails."""
    days = tuple(Window(day, time(6), day, time(22)) for day in range(7))
    osei = replace(PLAN.people["osei"], contacts=(Contact("mobile", days),))
    changed = replace(PLAN, people={**PLAN.people, "osei": osei})
    first = proof(changed).counterexamples[0]
    assert first.spans[:2] == (
        (local("2026-11-02 22:00"), local("2026-11-03 06:00")),
        (local("2026-11-03 22:00"), local("2026-11-04 06:00")),
    )
    quiet = replace(PLAN.people["osei"], quiet=days)
    assert proof(replace(PLAN, people={**PLAN.people, "osei": quiet})).holds


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        (Rule("blocked", When(flag="blocked"), Reject()), True),
        (Rule("blocked", When(flag="blocked"), Announce(("bye",))), True),
        (Rule("all", When(caller="anonymous"), Reject()), False),
        (Rule("all", When(line="main", hours="closed"), Announce(("bye",))), False),
        (Rule("third", When(repeat=Repeat(3, 60)), Reject()), False),
        (Rule("sunday", When(during=(Window(6, time(9), 6, time(10)),)), Reject()), False),
        (Rule("lee's", When(panel="lee"), Reject()), False),
        (Rule("own", When(), Ring("own", 20, "routine")), True),
        (Rule("own", When(), Ring("own", 20, "urgent", "urgent")), True),
        (Rule("message", When(), TakeMessage("urgent")), True),
    ],
)
def test_who_may_be_turned_away(rule: Rule, holds: bool) -> None:  # noqa: FBT001  # a table
    """Only callers whom a flag names; every other condition is walked and found."""
    found = proof(only(PLAN, rule))
    assert found.holds is holds
    if not holds:
        assert whys(found) == {"the caller reaches nobody and cannot leave a message"}


@pytest.mark.parametrize(
    ("when", "caller"),
    [
        (When(caller="anonymous"), "an anonymous caller"),
        (When(caller="known"), "a known caller"),
        (When(panel="lee"), "a patient of lee"),
        (When(repeat=Repeat(3, 60)), "an unknown caller calling again (3 times in 60 minutes)"),
    ],
)
def test_the_path_names_the_plainest_caller(when: When, caller: str) -> None:
    """A counterexample tells who must call to meet it."""
    found = proof(only(PLAN, Rule("x", when, Reject())))
    assert found.counterexamples[0].failure.path == (caller, "the call is refused")


def test_a_rule_for_an_hour_fails_in_that_hour() -> None:
    """Also in the night in which the clock goes back."""
    window = Window(6, time(1, 30), 6, time(3))
    found = proof(only(PLAN, Rule("x", When(during=(window,)), Reject())))
    spans = found.counterexamples[0].spans
    assert spans[0] == (local("2026-11-01 01:30"), local("2026-11-01 03:00"))
    assert spans[0][1] - spans[0][0] == timedelta(hours=2, minutes=30)
    assert len(spans) == 53  # Sundays


def test_a_message_needs_an_owner() -> None:
    """Every path ends in a message when nobody accepts, so every line fails."""
    found = proof(replace(PLAN, office=replace(PLAN.office, inbox="gone")))
    assert whys(found) == {"nobody owns the message: the inbox 'gone' has no people or phones"}
    assert {one.failure.line for one in found.counterexamples} == {"main", "backline"}


def test_menus_in_a_circle_come_to_an_end() -> None:
    """Keys that lead round and round become urgent; the proof ends and holds."""
    keys = {str(key): GoTo("b" if key % 2 else "night") for key in range(10)}
    night = Menu("night", ("x",), keys, GoTo("b"))
    menus = {"night": night, "b": replace(night, name="b")}
    assert proof(replace(PLAN, menus=menus)).holds
    dead = replace(night, name="b", otherwise=Announce(("bye",)))
    failure = proof(replace(PLAN, menus={**menus, "b": dead})).counterexamples[0].failure
    assert failure.path[1:] == (
        "presses 1 at the menu night",
        "presses nothing at the menu b",
        "an announcement",
    )


def test_counterexamples_are_few_and_the_shortest_first() -> None:
    """A plan with many faults is told at most so many."""
    rules = [Rule(f"x{n}", When(panel=f"p{n}"), Reject()) for n in range(30)]
    refused = prove(only(PLAN, *rules), ALL, START, END)
    assert len(refused.counterexamples) == 2  # one for each line: the same reason
    found = proof(numbers={})
    lengths = [len(one.failure.path) for one in found.counterexamples]
    assert lengths == sorted(lengths)
    assert len(prove(PLAN, {}, START, END, most=1).counterexamples) == 1


RICH = replace(
    only(
        PLAN,
        Rule("blocked", When(flag="blocked"), Reject()),
        Rule("third", When(repeat=Repeat(3, 60)), RunEscalation("urgent")),
        Rule("lab", When(office_hours="lab", hours="open", line="backline"), TakeMessage("urgent")),
        Rule("own", When(line="direct", hours="open"), Ring("own", 20, "urgent", "nights")),
        Rule("friday", When(during=(Window(4, time(22), 5, time(3)),)), Announce(("bye",))),
    ),
    lines=(*PLAN.lines, Line("+12125550102", "direct", owner="osei")),
    office_hours={
        **PLAN.office_hours,
        "lab": OfficeHours(
            "lab", tuple(Window(day, time(22), day + 1, time(2)) for day in range(5))
        ),
    },
    closures=(
        *PLAN.closures,
        Closure(YearlyWeekday(5, 0, -1), "Memorial Day"),
        Closure(Days(date(2026, 12, 24), date(2026, 12, 24)), "half", (time(12), time(17))),
    ),
    people={
        **PLAN.people,
        "osei": replace(
            PLAN.people["osei"],
            contacts=(Contact("second", (Window(0, time(1), 2, time(2, 30)),)), Contact("desk1")),
            quiet=(Window(0, time(21), 1, time(6)),),
        ),
        "patel": replace(
            PLAN.people["patel"],
            contacts=(Contact("mobile", (Window(2, time(2, 30), 1, time(2, 30)),)),),
            mode="follow_up",
        ),
    },
    schedules={
        **PLAN.schedules,
        "nights": Schedule(
            "nights",
            (
                Layer(("lee", "patel"), date(2026, 1, 1), time(17), every=12, unit="hours"),
                Layer(
                    ("osei", "lee"),
                    date(2026, 2, 1),
                    time(2, 30),
                    every=5,
                    unit="days",
                    only=(Window(4, time(17), 0, time(8)),),
                ),
            ),
            backup="doctors",
        ),
    },
    escalations={
        **PLAN.escalations,
        "nights": replace(
            PLAN.escalations["urgent"], live=(Try("oncall", 9), Try("backup", 9)), schedule="nights"
        ),
    },
    overrides=(
        Override(1, "nights", "remove", None, "lee", local("2027-01-05 01:11"), END),
        Override(2, "doctors", "add", "lee", None, START, local("2027-02-05 01:11")),
    ),
    changes=(HoursChange(1, "open", local("2027-01-01 09:07"), local("2027-01-01 11:07"), "x"),),
    patients={"+19175550123": Patient("1", "x", "patel", frozenset({"blocked", "vip"}))},
)
HELD = st.sampled_from(["lee", "osei", "patel"]).flatmap(
    lambda person: st.sampled_from(
        [ALL, without(person), {**ALL, person: frozenset({"second"})}, {}]
    )
)
INSTANTS = st.datetimes(START.replace(tzinfo=None), END.replace(tzinfo=None) - SECOND).map(
    lambda at: at.replace(tzinfo=UTC)
)


@cache
def year_of(numbers: frozenset[tuple[str, frozenset[str]]]) -> Proof:
    """Prove the year of the rich plan once for the same numbers."""
    return proof(RICH, dict(numbers))


@settings(max_examples=100, deadline=None)
@given(numbers=HELD, at=INSTANTS)
def test_a_proof_says_of_an_instant_what_a_walk_at_it_says(
    numbers: dict[str, frozenset[str]], at: datetime
) -> None:
    """The intervals leave no change out: counterexamples cover exactly the instants that fail."""
    year = year_of(frozenset(numbers.items()))
    covering = {
        one.failure
        for one in year.counterexamples
        if any(start <= at < end for start, end in one.spans)
    }
    here = prove(RICH, numbers, at, at + timedelta(microseconds=1), most=10_000)
    assert {one.failure for one in here.counterexamples} == covering


@settings(max_examples=16, deadline=None)
@given(numbers=HELD, number=st.integers(0), late=st.booleans())
def test_the_edges_are_exact(
    numbers: dict[str, frozenset[str]],
    number: int,
    late: bool,  # noqa: FBT001  # drawn
) -> None:
    """The first instant of a counterexample fails, and the one before it does not."""
    year = year_of(frozenset(numbers.items()))
    one = year.counterexamples[number % len(year.counterexamples)]
    edge = one.spans[number % len(one.spans)][late]
    if not START < edge < END:
        return
    moments = [edge - timedelta(microseconds=1), edge]
    found = [
        one.failure
        in {
            here.failure
            for here in prove(
                RICH, numbers, at, at + timedelta(microseconds=1), most=10_000
            ).counterexamples
        }
        for at in moments
    ]
    assert found == [late, not late]


class Office:
    """One plan and whom Asterisk could dial, as the live line has them."""

    def __init__(self, plan: Plan, numbers: dict[str, frozenset[str]]) -> None:
        self.plan = plan
        self.book = {
            one: dict.fromkeys((*held, *plan.phones), "PJSIP/x") for one, held in numbers.items()
        } | {one: {one: "PJSIP/x"} for one in plan.phones}

    def by_hash(self, hash_: str) -> Plan | None:
        """Find the one plan."""
        return self.plan if hash_ == self.plan.hash else None


def live(
    office: Office,
    did: str,
    keys: tuple[str, ...],
    at: datetime,
    slow: timedelta = timedelta(0),
) -> tuple[str, set[str]]:
    """Call the live line: press keys, let nobody answer, and tell the last verb and who rang.

    Each turn takes so long, whatever changes meanwhile.
    """
    flow = CallFlow(office, RecentCallers())
    rang: set[str] = set()
    pressing = list(keys)
    event, detail, state = names.ARRIVED, "", CallState().encode()
    for turn in range(40):
        asked = Question("1.1", "1.1", str(turn), did, event, detail, state, "+19175550100")
        verdict = flow.answer(asked, at)
        at += slow
        state = verdict.state.encode()
        rang |= {
            name.removeprefix(f"_{names.TO}_")
            for name in verdict.variables
            if name.startswith(f"_{names.TO}_")
        }
        match verdict.verb:
            case names.MENU:
                event, detail = names.PRESSED, pressing.pop(0)
            case names.ESCALATION | names.DESK:
                event, detail = names.RANG, "NOANSWER"
            case names.WAIT:
                event, detail = names.WAITED, ""
            case names.NUMBER:
                event, detail = names.KEYED, ""
            case names.REASON:
                event, detail = names.RECORDED, "SILENCE"
            case _:
                kept = verdict.verb == names.GOODBYE and verdict.state.saved == SAVED
                return names.MESSAGE if kept else verdict.verb, rang
    raise AssertionError("the call never ended")


@settings(max_examples=20, deadline=None)
@given(
    numbers=HELD,
    at=INSTANTS,
    slow=st.sampled_from([timedelta(0), timedelta(seconds=20), timedelta(hours=7)]),
)
def test_what_holds_holds_on_the_live_line(
    numbers: dict[str, frozenset[str]], at: datetime, slow: timedelta
) -> None:
    """Every path of the proof, made as a call, ends in a message; two rang, or one wants messages.

    It is the code that answers Asterisk, from the same instant on, without the proof's judgment;
    slow calls span changes.
    """
    year = year_of(frozenset(numbers.items()))
    failing = {
        one.failure.line
        for one in year.counterexamples
        if any(start <= at < end for start, end in one.spans)
    }
    (unknown,) = (one for one in paths.caller_kinds(RICH) if one.words == paths.UNKNOWN)
    for line in RICH.lines:
        if line.name in failing:
            continue
        for path in paths.walk(RICH, line, [unknown], at):
            verb, rang = live(Office(RICH, numbers), line.did, path.keys, at, slow)
            assert verb == names.MESSAGE
            if path.end.kind == "escalation" or path.end.otherwise:
                late = {"patel"} if "mobile" in numbers.get("patel", ()) else set()
                assert len((rang & set(RICH.people)) | late) >= 2


def test_a_call_whose_message_comes_after_a_change_is_looked_at() -> None:
    """Dr. Osei wants messages first and has no contact after noon: then one alone is reached."""
    person = replace(
        PLAN.people["osei"],
        mode="follow_up",
        contacts=(Contact("mobile", (Window(1, time(0), 1, time(12)),)),),
    )
    alone = replace(PLAN, people={"lee": PLAN.people["lee"], "osei": person}, schedules={})
    alone = replace(alone, escalations={"urgent": replace(PLAN.escalations["urgent"], schedule="")})
    noon = local("2026-11-24 12:00")
    found = prove(alone, ALL, noon - timedelta(hours=1), noon, most=10_000)
    spans = {one.spans for one in found.counterexamples}
    assert whys(found) == {"the message is taken after a change, and then only lee can be reached"}
    assert spans == {((noon - lasts(alone), noon),)}
    assert not prove(alone, ALL, noon - SECOND, noon).holds, "beyond the end of the span, too"
    assert prove(alone, ALL, noon - timedelta(hours=1), noon - lasts(alone)).holds


def test_the_changes_are_counted() -> None:
    """Each change between two intervals is one that a call can span; without one there is none."""
    found = proof()
    assert found.changes == found.intervals - 1
    assert 0 < found.across < found.paths
    quiet = prove(PLAN, ALL, local("2026-11-28 02:00"), local("2026-11-28 03:00"))
    assert (quiet.changes, quiet.across) == (0, 0)


def test_stretches_are_gapless_and_each_differs_from_the_last() -> None:
    """Also over both changes of the clock."""
    windows = tuple(Window(day, time(2, 30), (day + 1) % 7, time(2, 30)) for day in range(7))
    found = list(stretches(RICH, START, END, windows))
    assert (found[0].start, found[-1].end) == (START, END)
    for one, other in pairwise(found):
        assert one.end == other.start
        assert (one.states, one.answers, one.held) != (other.states, other.answers, other.held)
        assert one.held.bit_count() == 1  # one day ends as the next begins
