"""Schedules as people tell them: who is on call when, who steps in, and where nobody is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from routing.model import ExplicitShift, Layer, Override, Plan, Schedule, Window
from routing.schedule import changes, coverage_gaps_of, on_call, shifts
from routing.spans import weekly_windows as read_windows
from tests.support.wall_clock import DAY, plan_in

NEW_YORK = ZoneInfo("America/New_York")
DOCTORS = ("lee", "osei", "patel")
MONDAYS = Layer(DOCTORS, date(2026, 1, 5), time(8))


def local(text: str) -> datetime:
    """Read a local time of the practice."""
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK)


def during(*texts: str) -> tuple[Window, ...]:
    """Read weekly windows."""
    return tuple(window for text in texts for window in read_windows(text))


def practice(*schedules: Schedule, overrides: tuple[Override, ...] = ()) -> Plan:
    """Make a practice in New York with these schedules."""
    known = {schedule.name: schedule for schedule in schedules}
    return replace(plan_in(NEW_YORK), schedules=known, overrides=overrides)


def changed(number: int, what: str, begin: str, end: str) -> Override:
    """Read "osei for lee", "add osei" or "without lee"."""
    match what.split():
        case ["add", person]:
            return Override(number, "doctors", "add", person, None, local(begin), local(end))
        case ["without", person]:
            return Override(number, "doctors", "remove", None, person, local(begin), local(end))
        case [person, "for", out]:
            instead = None if out == "everybody" else out
            return Override(number, "doctors", "replace", person, instead, local(begin), local(end))
    raise ValueError(what)


YEAR = practice(
    Schedule(
        "doctors",
        (
            MONDAYS,
            Layer(
                ("patel", "lee"), date(2026, 1, 9), time(17), 4, only=during("fri 17:00-mon 08:00")
            ),
        ),
        (
            ExplicitShift(
                "patel",
                datetime.fromisoformat("2026-01-14 18:00"),
                datetime.fromisoformat("2026-01-15 08:00"),
            ),
        ),
    ),
    overrides=(
        changed(1, "osei for patel", "2026-01-20 18:00", "2026-01-21 08:00"),
        changed(2, "add lee", "2026-01-21 18:00", "2026-01-21 22:00"),
        changed(3, "without patel", "2026-01-22 08:00", "2026-01-22 12:00"),
        # lee and patel swap a Tuesday morning for one of the week after
        changed(4, "lee for patel", "2026-01-20 08:00", "2026-01-20 12:00"),
        changed(5, "patel for lee", "2026-01-27 08:00", "2026-01-27 12:00"),
        # two at once: both hold, the later on top of the earlier
        changed(6, "add osei", "2026-01-28 08:00", "2026-01-28 12:00"),
        changed(7, "patel for lee", "2026-01-28 10:00", "2026-01-28 11:00"),
        changed(8, "osei for everybody", "2026-01-28 11:00", "2026-01-28 12:00"),
        # nobody to take out, and somebody who is on call anyway: nothing changes
        changed(9, "osei for patel", "2026-01-29 08:00", "2026-01-29 12:00"),
        changed(10, "add lee", "2026-01-29 08:00", "2026-01-29 12:00"),
    ),
)


@pytest.mark.parametrize(
    ("at", "people", "backup", "source"),
    [
        ("2026-01-05 07:59", "", None, "rotation"),  # the schedule has not begun
        ("2026-01-05 08:00", "lee", "osei", "rotation"),
        ("2026-01-09 16:59", "lee", "osei", "rotation"),
        ("2026-01-09 17:00", "patel", "lee", "rotation"),  # the weekend has its own turns
        ("2026-01-12 07:59", "patel", "lee", "rotation"),
        ("2026-01-12 08:00", "osei", "patel", "rotation"),
        ("2026-01-14 18:00", "patel", "lee", "shift"),  # who is on call is nobody's backup
        ("2026-01-15 08:00", "osei", "patel", "rotation"),
        ("2026-01-16 17:00", "lee", "patel", "rotation"),
        ("2026-01-20 20:00", "osei", "lee", "override:1"),
        ("2026-01-21 08:00", "patel", "lee", "rotation"),
        ("2026-01-21 18:00", "patel lee", "osei", "override:2"),
        ("2026-01-22 08:00", "", "lee", "override:3"),
        ("2026-01-20 08:00", "lee", "osei", "override:4"),
        ("2026-01-27 08:00", "patel", "osei", "override:5"),
        ("2026-01-28 09:00", "lee osei", "patel", "override:6"),
        ("2026-01-28 10:00", "patel osei", "lee", "override:7"),
        ("2026-01-28 11:00", "osei", "patel", "override:8"),
        ("2026-01-29 09:00", "lee", "osei", "rotation"),
    ],
)
def test_a_practice_january(at: str, people: str, backup: str | None, source: str) -> None:
    """A worked table: when, who is on call, who steps in, and what says so."""
    answer = on_call(YEAR, "doctors", local(at))
    assert (" ".join(answer.people), answer.backup, answer.source) == (people, backup, source)


@pytest.mark.parametrize(
    ("rotation", "backup", "made", "people", "steps_in"),
    [
        (DOCTORS, "next", None, "lee", "osei"),
        (DOCTORS, "next", "osei for lee", "osei", "patel"),
        (DOCTORS, "next", "add osei", "lee osei", "patel"),
        (("lee", "osei"), "next", "osei for lee", "osei", "lee"),  # the last one left
        (("lee",), "next", None, "lee", None),
        (DOCTORS, "patel", None, "lee", "patel"),
        (DOCTORS, "patel", "patel for lee", "patel", None),
        (DOCTORS, "seniors", None, "lee", "chen"),
        (DOCTORS, "seniors", "chen for lee", "chen", None),
    ],
)
def test_who_steps_in(
    rotation: tuple[str, ...], backup: str, made: str | None, people: str, steps_in: str | None
) -> None:
    """The next of the rotation, somebody by name, or who is on call in another schedule."""
    day = ("2026-01-06 00:00", "2026-01-07 00:00")
    plan = practice(
        Schedule("doctors", (replace(MONDAYS, rotation=rotation),), backup=backup),
        Schedule("seniors", (replace(MONDAYS, rotation=("chen", "lee")),)),
        overrides=(changed(1, made, *day),) if made else (),
    )
    answer = on_call(plan, "doctors", local("2026-01-06 12:00"))
    assert (" ".join(answer.people), answer.backup) == (people, steps_in)


def test_an_override_of_the_other_schedule_changes_the_backup() -> None:
    """Whoever takes over in the seniors' schedule is the doctors' backup meanwhile."""
    taken = replace(
        changed(1, "kim for chen", "2026-01-06 12:00", "2026-01-06 13:00"), schedule="seniors"
    )
    plan = practice(
        Schedule("doctors", (MONDAYS,), backup="seniors"),
        Schedule("seniors", (replace(MONDAYS, rotation=("chen",)),)),
        overrides=(taken,),
    )
    found = shifts(plan, "doctors", local("2026-01-06 00:00"), local("2026-01-07 00:00"))
    assert [one.on_call.backup for one in found] == ["chen", "kim", "chen"]


@pytest.mark.parametrize(
    ("begin", "lengths"),
    [
        ("2026-03-07 08:00", [12, 11, 12, 12]),  # the night of the jump is an hour shorter
        ("2026-10-31 08:00", [12, 13, 12, 12]),
    ],
)
def test_turns_of_twelve_hours_are_by_the_wall_clock(begin: str, lengths: list[int]) -> None:
    """Handoffs at 08:00 and 20:00 stay there; the night of a jump is shorter or longer."""
    layer = Layer(("lee", "osei", "patel"), date(2026, 3, 7), time(8), 0, 12, "hours")
    start = local(begin)
    found = list(shifts(practice(Schedule("doctors", (layer,))), "doctors", start, start + 2 * DAY))
    assert [(one.end - one.start) / timedelta(hours=1) for one in found] == lengths
    assert all(one.on_call.people != other.on_call.people for one, other in pairwise(found))


def test_a_gap_lasts_from_its_first_minute_to_its_last() -> None:
    """Nights by one layer, weekends by another, and nobody by day: these are the gaps."""
    plan = practice(
        Schedule(
            "doctors",
            (
                replace(MONDAYS, only=during("mon-thu 17:00-08:00", "fri 17:00-sat 08:00")),
                Layer(("lee",), date(2026, 1, 1), time(8), only=during("sat 08:00-mon 08:00")),
            ),
            backup="chen",
        ),
        overrides=(
            changed(1, "add osei", "2026-03-03 12:00", "2026-03-03 13:00"),
            changed(2, "without lee", "2026-03-08 01:30", "2026-03-08 03:30"),
        ),
    )
    found = coverage_gaps_of(plan, "doctors", local("2026-03-03 00:00"), local("2026-03-09 09:00"))
    spans = [
        tuple(f"{at.astimezone(NEW_YORK):%a %H:%M}" for at in (one.start, one.end)) for one in found
    ]
    assert spans == [
        ("Tue 08:00", "Tue 12:00"),
        ("Tue 13:00", "Tue 17:00"),
        ("Wed 08:00", "Wed 17:00"),
        ("Thu 08:00", "Thu 17:00"),
        ("Fri 08:00", "Fri 17:00"),
        ("Sun 01:30", "Sun 03:30"),
        ("Mon 08:00", "Mon 09:00"),
    ]


def test_a_gap_is_one_whatever_empties_it() -> None:
    """A schedule that has not begun, with nobody taken out in the midst of it, is a single gap."""
    taken_out = (
        changed(1, "add osei", "2026-01-02 08:00", "2026-01-03 08:00"),
        changed(2, "without osei", "2026-01-02 08:00", "2026-01-03 08:00"),
    )
    plan = practice(Schedule("doctors", (MONDAYS,)), overrides=taken_out)
    assert len(list(shifts(plan, "doctors", local("2026-01-01"), local("2026-01-06")))) == 4
    (gap,) = coverage_gaps_of(plan, "doctors", local("2026-01-01"), local("2026-01-06"))
    assert (gap.start, gap.end) == (local("2026-01-01"), local("2026-01-05 08:00"))
    assert gap.on_call.source == "rotation"


def test_a_schedule_that_never_changes_has_no_changes() -> None:
    """Looking for the next change ends where it is told to end."""
    begun, ended = (datetime.fromisoformat(day) for day in ("2026-01-01", "2030-01-01"))
    plan = practice(Schedule("doctors", (), (ExplicitShift("lee", begun, ended),)))
    begin, end = local("2026-02-01"), local("2029-02-01")
    assert list(changes(plan, "doctors", begin, end)) == []
    assert list(coverage_gaps_of(plan, "doctors", begin, end)) == []
    (last,) = changes(plan, "doctors", begin, local("2030-02-01"))
    assert (last.start, last.on_call.people) == (local("2030-01-01"), ())


def test_an_empty_span_has_no_shifts() -> None:
    """From an instant to itself, or backwards, there is nothing; an unknown schedule is refused."""
    at = local("2026-02-01")
    for found in (shifts, changes, coverage_gaps_of):
        assert list(found(YEAR, "doctors", at, at)) == []
        assert list(found(YEAR, "doctors", at, at - DAY)) == []
    with pytest.raises(KeyError):
        on_call(YEAR, "nurses", at)


def test_the_second_time_of_a_doubled_hour_is_reported_apart() -> None:
    """An override that ends in between ends there, also for whoever asks in local time."""
    first = local("2026-11-01 01:30")
    second = first.replace(fold=1)
    override = Override(1, "doctors", "add", "chen", None, first, second)
    plan = practice(Schedule("doctors", (MONDAYS,)), overrides=(override,))
    assert "chen" in on_call(plan, "doctors", first).people
    assert "chen" not in on_call(plan, "doctors", second).people
    (only,) = shifts(plan, "doctors", first, second)
    assert (only.start, only.end.tzinfo) == (first.astimezone(UTC), UTC)
