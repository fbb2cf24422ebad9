"""Local times and instants, against a clock that is read minute by minute."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.instants import at_local, inside, instant, local_day, occurrences
from routing.model import Window
from tests.support.wall_clock import WEEKS, WallClock, clocks, wall_clock, windows


@pytest.mark.parametrize(
    ("zone", "local", "utc"),
    [
        ("America/New_York", "2015-03-08 01:59", "2015-03-08 06:59"),
        ("America/New_York", "2015-03-08 02:00", "2015-03-08 07:00"),  # the jump
        ("America/New_York", "2015-03-08 02:30", "2015-03-08 07:00"),  # skipped: at the jump
        ("America/New_York", "2015-03-08 03:00", "2015-03-08 07:00"),
        ("America/New_York", "2015-11-01 01:30", "2015-11-01 05:30"),  # twice: the first
        ("America/New_York", "2015-11-01 02:00", "2015-11-01 07:00"),
        ("Australia/Lord_Howe", "2015-10-04 02:15", "2015-10-03 15:30"),
        ("Australia/Lord_Howe", "2015-04-05 01:45", "2015-04-04 14:45"),
        ("Pacific/Apia", "2011-12-29 23:59", "2011-12-30 09:59"),
        ("Pacific/Apia", "2011-12-30 12:00", "2011-12-30 10:00"),  # the day that never was
        ("Pacific/Apia", "2011-12-31 00:00", "2011-12-30 10:00"),
        ("America/Santiago", "2019-09-08 00:00", "2019-09-08 04:00"),  # shows 01:00 at once
        ("America/Santiago", "2019-04-06 23:30", "2019-04-07 02:30"),
        ("America/Santiago", "2019-04-07 00:00", "2019-04-07 04:00"),
        ("America/Havana", "2015-11-01 00:00", "2015-11-01 04:00"),
        ("America/Havana", "2015-11-01 01:00", "2015-11-01 06:00"),
        ("Asia/Kolkata", "2015-03-29 02:30", "2015-03-28 21:00"),
        ("UTC", "2015-03-29 02:30", "2015-03-29 02:30"),
    ],
)
def test_the_first_instant_of_a_local_time(zone: str, local: str, utc: str) -> None:
    """A worked table: a skipped time counts at the jump, a double one when it comes first."""
    expected = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert at_local(datetime.fromisoformat(local), ZoneInfo(zone)) == expected


@pytest.mark.parametrize(("zone", "middle"), WEEKS)
def test_every_time_of_every_day_is_where_the_clock_first_shows_it(zone: str, middle: date) -> None:
    """All quarters of an hour of eleven days, and minutes beside them, in every zone."""
    clock = wall_clock(zone, middle)
    for day in clock.days:
        for hour in range(24):
            for minute in (0, 1, 15, 30, 45, 59):
                found = instant(day, time(hour, minute), clock.zone)
                assert found == clock.minutes[clock.minute(day, time(hour, minute))]


@given(clock=clocks(), wanted=st.lists(windows(), max_size=3).map(tuple))
@settings(max_examples=60, deadline=None)
def test_windows_hold_where_the_clock_says(clock: WallClock, wanted: tuple[Window, ...]) -> None:
    """`occurrences` covers the minutes of a window and no other; `inside` agrees at each edge."""
    painted = clock.paint(span for window in wanted for span in clock.window(window))
    begin, end = clock.minutes[clock.first], clock.minutes[clock.last]
    found = {
        at
        for window in wanted
        for span in occurrences(window, clock.zone, begin, end)
        for at in range(*(int((edge - clock.minutes[0]).total_seconds()) // 60 for edge in span))
    }
    for at in clock.compared():
        assert (at in found) == painted[at], clock.shows[at]
        if painted[at] != painted[at - 1] or at % 101 == 0:
            for near in (at - 1, at, at + 1):
                assert inside(wanted, clock.minutes[near], clock.zone) == painted[near]


@given(clock=clocks(), window=windows())
@settings(max_examples=40, deadline=None)
def test_occurrences_come_in_order_and_touch_the_span(clock: WallClock, window: Window) -> None:
    """None is empty, none overlaps the next, and each has a part of the span that was asked for."""
    begin, end = clock.minutes[clock.first], clock.minutes[clock.last]
    found = list(occurrences(window, clock.zone, begin, end))
    assert all(one[0] < one[1] and one[0] < end and one[1] > begin for one in found)
    assert all(one[1] <= other[0] for one, other in pairwise(found))


def test_a_window_whose_ends_meet_is_a_whole_week() -> None:
    """Where start and end are the same, there is no minute outside."""
    clock = wall_clock("America/New_York", date(2015, 3, 8))
    always = (Window(2, time(8), 2, time(8)),)
    assert all(inside(always, clock.minutes[at], clock.zone) for at in clock.compared()[::61])


def test_the_local_day_is_the_calendar_on_the_wall() -> None:
    """An instant late in UTC's day belongs to the next day further east."""
    at = datetime(2015, 3, 8, 23, 30, tzinfo=UTC)
    assert local_day(at, ZoneInfo("Asia/Kolkata")) == date(2015, 3, 9)
    assert local_day(at, ZoneInfo("America/Havana")) == date(2015, 3, 8)
