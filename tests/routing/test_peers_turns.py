"""Cases of other on-call systems about turns, played on ours: their values, and where they stand.

Each row of `SHIFTS` is one of GoAlert's own tests of a rotation's shifts; each test below them is a
public fault report or a wish, with what its author expected to see.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from routing.instants import at_local
from routing.model import Layer, MonthDay, Plan, Schedule, Unit, Window
from routing.schedule import on_call, shifts
from routing.turn_texts import counted_from, turn_windows
from tests.support.wall_clock import DAY, plan_in

CHICAGO = ZoneInfo("America/Chicago")
HOUR = timedelta(hours=1)

# github.com/target/goalert, schedule/rotation/rotation_test.go: TestRotation_EndTime and its
# siblings, in America/Chicago: unit, length of a turn, its begin and end, and how long that is
SHIFTS: list[tuple[Unit, int, str, str, timedelta]] = [
    ("weeks", 1, "2017-06-10 08:00", "2017-06-17 08:00", 7 * DAY),
    ("weeks", 2, "2017-06-10 08:00", "2017-06-24 08:00", 14 * DAY),
    ("weeks", 1, "2017-03-10 08:00", "2017-03-17 08:00", 7 * DAY - HOUR),
    ("weeks", 1, "2017-11-04 08:00", "2017-11-11 08:00", 7 * DAY + HOUR),
    ("days", 1, "2017-06-10 08:00", "2017-06-11 08:00", DAY),
    ("days", 2, "2017-06-10 08:00", "2017-06-12 08:00", 2 * DAY),
    ("days", 1, "2017-03-11 08:00", "2017-03-12 08:00", 23 * HOUR),
    ("days", 1, "2017-11-04 08:00", "2017-11-05 08:00", 25 * HOUR),
    ("hours", 1, "2017-06-10 08:00", "2017-06-10 09:00", HOUR),
    ("hours", 2, "2017-06-10 08:00", "2017-06-10 10:00", 2 * HOUR),
    ("hours", 3, "2017-03-12 00:00", "2017-03-12 03:00", 2 * HOUR),
    ("hours", 3, "2017-11-05 00:00", "2017-11-05 03:00", 4 * HOUR),
]


def local(text: str) -> datetime:
    """Read a local time in Chicago."""
    return at_local(datetime.fromisoformat(text), CHICAGO)


def practice(*layers: Layer) -> Plan:
    """Make a practice in Chicago with one schedule of these layers."""
    return replace(plan_in(CHICAGO), schedules={"doctors": Schedule("doctors", layers)})


def layer(people: str, since: str, every: int, unit: Unit, only: str = "", **more: object) -> Layer:
    """Write a layer down shortly; it hands over at the time of `since`."""
    begin = datetime.fromisoformat(since)
    found: tuple[Window, ...] = ()
    if only:
        found = counted_from(turn_windows(only), begin.date())
    plain = Layer(
        tuple(people.split()), begin.date(), begin.time(), begin.weekday(), every, unit, found
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def week(*layers: Layer, start: str, weeks: int = 1) -> list[str]:
    """Write who is on call at each noon from a day on, a line a week; a dash where nobody is."""
    plan, begin = practice(*layers), datetime.fromisoformat(f"{start} 12:00")
    days = [at_local(begin + step * DAY, CHICAGO) for step in range(7 * weeks)]
    who = [" ".join(on_call(plan, "doctors", at).people) or "-" for at in days]
    return [" ".join(who[step : step + 7]) for step in range(0, len(who), 7)]


@pytest.mark.parametrize(("unit", "every", "start", "end", "length"), SHIFTS)
def test_shifts_of_goalert(unit: Unit, every: int, start: str, end: str, length: timedelta) -> None:
    """A turn ends at the wall clock's time, an hour sooner or later over a jump."""
    plan = practice(layer("a b c", start, every, unit))
    first = next(iter(shifts(plan, "doctors", local(start), local(end) + DAY)))
    assert (first.start, first.end, first.end - first.start) == (local(start), local(end), length)


@pytest.mark.parametrize(
    ("at", "end"),
    [
        ("2017-03-12 01:00", "2017-03-12 03:00"),  # the turn from 2 to 3 is skipped
        ("2017-11-05 01:00", "2017-11-05 02:00"),  # the hour that comes twice is one turn
    ],
)
def test_hours_of_goalert(at: str, end: str) -> None:
    """TestRotation_EndTime_DST: turns of an hour since 1 January, at both jumps."""
    plan = practice(layer("a b c", "2017-01-01 01:00", 1, "hours"))
    first = next(iter(shifts(plan, "doctors", local(at), local(at) + DAY)))
    assert first.end == local(end)


def test_a_turn_begun_in_its_middle_ends_with_it() -> None:
    """TestRotation_EndTime_ConfigChange: at 6, a turn of 12 hours from midnight ends at 12."""
    plan = practice(layer("a b", "2017-01-01 00:00", 12, "hours"))
    found = shifts(plan, "doctors", local("2017-01-03 06:00"), local("2017-01-04 06:00"))
    assert next(iter(found)).end == local("2017-01-03 12:00")


def test_nobody_before_a_rotation_that_begins_later() -> None:
    """TestRotation_FutureStart: GoAlert counts backwards; here nobody is on call yet."""
    assert week(layer("a b", "2026-01-10 08:00", 1, "days"), start="2026-01-05") == [
        "- - - - - a b"
    ]


FOURTEEN = " ".join("abcdefghijklmn")


def test_fourteen_on_weekdays_all_have_their_turn() -> None:
    """target/goalert issues 4447 and 55: daily turns on weekdays left 4 of 14 without any."""
    rows = week(
        layer(FOURTEEN, "2026-01-05 09:00", 1, "days", "mon-fri 09:00-17:00"),
        start="2026-01-05",
        weeks=14,
    )
    shares = Counter(" ".join(rows).split())
    assert shares.pop("-") == 28
    assert shares == dict.fromkeys(FOURTEEN.split(), 5)
    assert rows[:3] == ["a b c d e - -", "f g h i j - -", "k l m n a - -"]


def test_mondays_turn_is_of_whoever_comes_after_fridays() -> None:
    """OneUptime/oneuptime issue 2413: on weekdays from 9 to 19, Friday's person had Monday, too."""
    rows = week(
        layer("engineer1 engineer2 engineer3", "2026-01-05 19:00", 1, "days",
              "mon-fri 09:00-19:00"),
        start="2026-01-06",
        weeks=1,
    )  # fmt: skip
    assert rows == ["engineer1 engineer2 engineer3 engineer1 - - engineer2"]


def test_two_business_days_each() -> None:
    """grafana/oncall issue 733: three people, two business days at a time, as drawn there."""
    rows = week(
        layer("1 2 3", "2026-01-05 09:00", 2, "days", "mon-fri 09:00-17:00"),
        start="2026-01-05",
        weeks=4,
    )
    assert [row.removesuffix(" - -") for row in rows] == [
        "1 1 2 2 3",
        "3 1 1 2 2",
        "3 3 1 1 2",
        "2 3 3 1 1",
    ]


def test_one_person_each_business_day() -> None:
    """grafana/oncall issues 633 and 4197: a daily turn on weekdays alone, one person a day."""
    rows = week(
        layer("1 2", "2026-01-05 08:00", 1, "days", "mon-fri 08:00-18:00"),
        start="2026-01-05",
        weeks=2,
    )
    assert rows == ["1 2 1 2 1 - -", "2 1 2 1 2 - -"]


def test_a_rotation_that_is_on_every_other_week() -> None:
    """target/goalert issue 3049: a week on and a week off, without a person in between."""
    rows = week(
        layer("a b", "2026-01-05 08:00", 1, "weeks", "every other mon 08:00-mon 08:00"),
        start="2026-01-05",
        weeks=6,
    )
    off = " ".join("-------")
    assert rows == [" ".join("aaaaaaa"), off, " ".join("bbbbbbb"), off, " ".join("aaaaaaa"), off]


def test_added_and_taken_out_on_a_date() -> None:
    """target/goalert issue 2196: additions and removals that wait for their day."""
    before = layer("a b", "2026-01-05 08:00", 1, "weeks")
    after = replace(
        before,
        rotation=("a", "b", "c"),
        joins=(("c", date(2026, 1, 19)),),
        leaves=(("a", date(2026, 2, 9)),),
    )
    mondays = [row.split()[0] for row in week(after, start="2026-01-05", weeks=7)]
    assert mondays == ["a", "b", "c", "a", "b", "c", "b"]
    assert mondays[:2] == [row.split()[0] for row in week(before, start="2026-01-05", weeks=2)]


def test_the_first_of_every_month() -> None:
    """target/goalert issue 3196: monthly turns from the 1st, of 28 days nor of 30."""
    monthly = replace(layer("a b c", "2026-01-01 08:00", 1, "months"), day=MonthDay(1))
    plan = practice(monthly)
    found = list(shifts(plan, "doctors", local("2026-01-01 08:00"), local("2027-01-01 08:00")))
    begins = [one.start.astimezone(CHICAGO) for one in found]
    assert [(at.month, at.day, at.hour) for at in begins] == [(one, 1, 8) for one in range(1, 13)]
    assert [one.on_call.people[0] for one in found] == [*"abcabcabcabc"]


def test_weekly_turns_leave_no_hour_between_them() -> None:
    """grafana/grafana issue 84192: turns of 7 days left an hour empty between two of them."""
    plan = practice(layer("a b", "2026-01-05 00:00", 1, "weeks"))
    found = list(shifts(plan, "doctors", local("2026-02-01 00:00"), local("2026-12-01 00:00")))
    assert all(one.on_call.people for one in found)
    assert {at.astimezone(CHICAGO).time() for at in (one.start for one in found[1:])} == {time(0)}


def test_sundays_to_wednesdays_and_thursdays_to_saturdays() -> None:
    """target/goalert issue 1138: four days and three days in turn, in one schedule."""
    rows = week(
        layer("a b", "2026-01-04 00:00", 1, "weeks", "sun 00:00-thu 00:00"),
        layer("b a", "2026-01-08 00:00", 1, "weeks", "thu 00:00-sun 00:00"),
        start="2026-01-04",
        weeks=2,
    )
    assert rows == ["a a a a b b b", "b b b b a a a"]


def test_six_people_on_alternating_days_of_a_week() -> None:
    """PagerDuty's example of an irregular schedule: one has four days of a week, one the others.

    support.pagerduty.com/docs/schedule-examples: six people, Sunday-Tuesday-Thursday-Saturday and
    Monday-Wednesday-Friday, both by weeks, staggered by three.
    """
    four = layer("1 2 3 4 5 6", "2026-01-04 00:00", 1, "weeks")
    three = layer("4 5 6 1 2 3", "2026-01-04 00:00", 1, "weeks")
    days = [turn_windows(day) for day in ("mon", "wed", "fri")]
    three = replace(three, only=tuple(one for found in days for one in found))
    assert week(four, three, start="2026-01-04", weeks=6) == [
        "1 4 1 4 1 4 1",
        "2 5 2 5 2 5 2",
        "3 6 3 6 3 6 3",
        "4 1 4 1 4 1 4",
        "5 2 5 2 5 2 5",
        "6 3 6 3 6 3 6",
    ]
