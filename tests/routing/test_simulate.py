"""A simulation against counting by the minute and against sums done by hand."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from pbx.config.plan import load
from routing import schedule
from routing.model import (
    Announce,
    Closure,
    Days,
    Override,
    Plan,
    Reject,
    Ring,
    Rule,
    Try,
    When,
    YearlyWeekday,
)
from routing.simulate import Load, Simulation, nightly, observed, simulate

ROOT = Path(__file__).parents[2]
PLAN: Plan = load(ROOT / "config/office.toml").plan
ALL = {person: frozenset({"mobile"}) for person in PLAN.people}
MAIN, BACK = PLAN.lines
NOTHING = Load({}, {})
MINUTE = timedelta(minutes=1)


def local(text: str) -> datetime:
    """Read a local time of the office, as an instant."""
    return datetime.fromisoformat(text).replace(tzinfo=PLAN.office.zone).astimezone(UTC)


YEAR = local("2027-01-01 00:00"), local("2028-01-01 00:00")


def run(
    start: str, end: str, load: Load = NOTHING, plan: Plan = PLAN, without: str = ""
) -> Simulation:
    """Simulate from one local time to another."""
    numbers = {**ALL, without: frozenset[str]()} if without else ALL
    return simulate(plan, numbers, local(start), local(end), load)


def simple(*steps: Try) -> Plan:
    """Give the urgent escalation policy other steps."""
    return replace(PLAN, escalations={"urgent": replace(PLAN.escalations["urgent"], live=steps)})


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2027-03-12 17:00", "2027-03-19 09:30"),  # the clock goes forward
        ("2027-11-05 17:00", "2027-11-12 09:30"),  # and back
        ("2026-12-23 00:00", "2026-12-28 00:00"),
    ],
)
def test_hours_and_minutes_are_those_counted_minute_by_minute(start: str, end: str) -> None:
    """The intervals add up to what a clock and a list would."""
    gap = Override(1, "doctors", "remove", None, "lee", local(start), local(end))
    more = Override(2, "doctors", "add", "osei", None, local(start), local(end))
    plan = replace(PLAN, overrides=(more, gap))
    found = run(start, end, plan=plan)
    counted: Counter[str] = Counter()
    idle = total = 0
    at = local(start)
    while at < local(end):
        who = schedule.on_call(plan, "doctors", at).people
        counted.update(who)
        idle += not who
        total += 1
        at += timedelta(minutes=1)
    assert {one: round(burden.hours * 60) for one, burden in found.load.items()} == {
        one: counted[one] for one in PLAN.people
    }
    assert found.minutes["total"] == total == found.minutes["open"] + found.minutes["closed"]
    assert found.minutes["nobody_on_call"] == idle


def test_turns_of_a_week() -> None:
    """Osei has the week from Monday 8:00: seven nights and the weekend; Lee the days before."""
    found = run("2026-11-01 17:00", "2026-11-16 08:00")
    assert [(one.nights, one.weekends) for one in found.load.values()] == [(1, 0), (7, 1), (7, 1)]
    assert found.nights[date(2026, 11, 1)] == ("lee",)
    assert found.nights[date(2026, 11, 2)] == ("osei",)
    assert found.nights[date(2026, 11, 15)] == ("patel",)
    assert found.evenness["nights"] == pytest.approx(7 * 3 / 15)


def test_a_night_is_whose_longest_part_it_is() -> None:
    """Two who are on call all night both have it; nobody has a night without anybody."""
    dusk, dawn = night = local("2026-11-03 17:00"), local("2026-11-04 08:00")
    middle = dusk + (dawn - dusk) / 2
    for override, who in (
        (Override(1, "doctors", "replace", "lee", None, *night), ("lee",)),
        (Override(1, "doctors", "add", "lee", None, *night), ("lee", "osei")),
        (Override(1, "doctors", "remove", None, "osei", *night), ()),
        (Override(1, "doctors", "replace", "lee", None, dusk, middle - MINUTE), ("osei",)),
        (Override(1, "doctors", "replace", "lee", None, dusk, middle + MINUTE), ("lee",)),
    ):  # fmt: skip
        found = run(
            "2026-11-02 08:00", "2026-11-06 08:00", plan=replace(PLAN, overrides=(override,))
        )
        assert tuple(sorted(found.nights[date(2026, 11, 3)])) == who
        assert sum(one.nights for one in found.load.values()) == 3 + len(who)


def test_holidays_are_whole_days_closed() -> None:
    """By date, by rule and by range; a closed afternoon is none."""
    closures = (
        Closure(YearlyWeekday(5, 0, -1), "Memorial Day"),
        Closure(Days(date(2027, 7, 5), date(2027, 7, 6)), "summer"),
        Closure(Days(date(2027, 8, 2), date(2027, 8, 2)), "half", (time(12), time(17))),
        Closure(Days(date(2027, 8, 3), date(2027, 8, 3)), "lab", None, "lab"),
    )  # fmt: skip
    found = simulate(replace(PLAN, closures=closures), ALL, *YEAR, NOTHING)
    assert found.holidays == {
        date(2027, 5, 31): "Memorial Day",
        date(2027, 7, 5): "summer",
        date(2027, 7, 6): "summer",
    }
    assert sum(one.holidays for one in found.load.values()) == 3


def test_interruptions_done_by_hand() -> None:
    """Ten calls on one night, four urgent; half of the steps are accepted.

    On call rings for each urgent call, the backup for those two that were not accepted, on call
    again for the one that is left, and half a call ends in a message beside the six.
    """
    plan = simple(Try("oncall", 20), Try("backup", 20), Try("oncall", 20))
    found = run("2026-11-03 17:00", "2026-11-04 08:00", nightly(MAIN, 10, 0.4, 0.5), plan)
    rings = {one: burden.interruptions for one, burden in found.load.items()}
    assert rings == pytest.approx({"lee": 0, "osei": 5, "patel": 2})
    assert found.load["osei"].night_interruptions == pytest.approx(5)
    assert found.outcomes == pytest.approx(
        {"connected": 3.5, "message": 6.5, "announced": 0, "blocked": 0}
    )


def test_who_has_no_contact_is_not_interrupted() -> None:
    """Their step is skipped at once, and the next one rings instead."""
    plan = simple(Try("oncall", 20), Try("backup", 20))
    load = nightly(MAIN, 10, 0.4, 0.5)
    found = run("2026-11-03 17:00", "2026-11-04 08:00", load, plan, without="osei")
    rings = {one: burden.interruptions for one, burden in found.load.items()}
    assert rings == pytest.approx({"lee": 0, "osei": 0, "patel": 4})
    assert found.outcomes["connected"] == pytest.approx(2)


def test_interruptions_follow_the_schedule() -> None:
    """In three weeks each is on call for one and steps in for one: 28 rings and 14."""
    plan = simple(Try("oncall", 20), Try("backup", 20))
    found = run("2026-11-02 08:00", "2026-11-23 08:00", nightly(MAIN, 10, 0.4, 0.5), plan)
    rings = [burden.interruptions for burden in found.load.values()]
    assert rings == pytest.approx([42, 42, 42])


def test_a_ring_that_reaches_nobody_counts_for_nothing() -> None:
    """Nobody accepts what does not ring; the escalation policy that follows does."""
    rule = Rule("x", When(), Ring("osei", 20, "urgent", "urgent"))
    plan = simple(Try("patel", 20))
    plan = replace(plan, rules=(rule, *plan.rules))
    load = nightly(MAIN, 10, 0.4, 0.5)
    found = run("2026-11-03 17:00", "2026-11-04 08:00", load, plan, without="osei")
    assert found.outcomes["connected"] == pytest.approx(5)
    assert found.load["patel"].interruptions == pytest.approx(10)


@pytest.mark.parametrize(
    ("do", "outcome"), [(Reject(), "blocked"), (Announce(("bye",)), "announced")]
)
def test_calls_that_are_turned_away(do: Reject | Announce, outcome: str) -> None:
    """They are counted, and ring nobody."""
    plan = replace(PLAN, rules=(Rule("x", When(), do), *PLAN.rules))
    found = run("2026-11-03 17:00", "2026-11-04 08:00", nightly(MAIN, 10, 0.4, 0.5), plan)
    assert found.outcomes[outcome] == pytest.approx(10)
    assert sum(one.interruptions for one in found.load.values()) == 0


def test_every_call_of_a_year_has_an_end() -> None:
    """The nights with 14 and 16 hours have as many hours' calls; they cancel over a year."""
    found = simulate(PLAN, ALL, *YEAR, nightly(MAIN, 4, 0.3, 0.8))
    assert sum(found.outcomes.values()) == pytest.approx(4 * 365)
    assert found == simulate(PLAN, ALL, *YEAR, nightly(MAIN, 4, 0.3, 0.8))


def test_the_past_as_a_load() -> None:
    """In two weeks three calls on a Tuesday evening, one urgent, and one on the back line."""
    evening = [(local(f"2026-11-{day} 20:{minute}"), "main", minute == 10)
               for day, minute in (("03", 10), ("10", 20), ("10", 59))]  # fmt: skip
    load = observed([*evening, (local("2026-11-04 10:00"), "backline", True)], PLAN, 14, 1.0)
    assert load.calls == {("main", 1, 20): 1.5, ("backline", 2, 10): 0.5}
    assert load.urgent == pytest.approx({"main": 1 / 3, "backline": 1})
    found = run("2026-11-16 08:00", "2026-11-23 08:00", load)  # Lee's week
    assert found.load["lee"].interruptions == pytest.approx(0.5 + 0.5)
    assert found.load["lee"].night_interruptions == pytest.approx(0.5)
    assert found.outcomes == pytest.approx(
        {"connected": 1, "message": 1, "announced": 0, "blocked": 0}
    )
