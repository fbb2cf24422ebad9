"""Opening hours: the definitions applied minute by minute, and a year as people tell it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.days import falls_on
from routing.hours import Hours, spans, state_at
from routing.model import (
    OFFICE,
    Closure,
    Dates,
    Days,
    Easter,
    HoursChange,
    HoursState,
    Monthly,
    OfficeHours,
    Opening,
    Plan,
    Season,
    Window,
    Yearly,
    YearlyRange,
    YearlyWeekday,
)
from routing.time_text import TimeText
from tests.support.calendar_days import is_one_of
from tests.support.wall_clock import DAY, WEEKS, WallClock, clocks, plan_in, times, wall_clock

US = TimeText(ZoneInfo("UTC"))  # the plans of these tests are of the United States

Part = tuple[time, time]
Painted = list[tuple[int, int, str]]


class Oracle:
    """What is open when, from the definitions in `routing.model.hours` and nothing else."""

    def __init__(self, plan: Plan, clock: WallClock, office_hours: str) -> None:
        self.clock = clock
        self.changes = [one for one in plan.changes if one.office_hours in {None, office_hours}]
        self.usual: Painted = []
        self.special: Painted = []
        self.shut: Painted = []
        self.days: Painted = []
        for day in clock.days:
            closures = [
                one
                for one in plan.closures
                if one.office_hours in {None, office_hours} and is_one_of(one.when, day)
            ]
            openings = [
                one
                for one in plan.openings
                if one.office_hours == office_hours and is_one_of(one.when, day)
            ]
            if openings:
                reason = openings[0].reason
                self.special += [self.span(day, span, reason) for span in openings[0].spans]
                continue
            whole = [one for one in closures if one.span is None]
            self.days += [(clock.minute(day), clock.minute(day + DAY), one.reason) for one in whole]
            self.shut += [self.span(day, one.span, one.reason) for one in closures if one.span]
            seasons = [
                one
                for one in plan.seasons
                if one.office_hours == office_hours and is_one_of(one.when, day)
            ]
            known = plan.office_hours.get(office_hours)
            usual = seasons[0].periods if seasons else known.periods if known else ()
            if not whole:
                self.usual += [
                    self.span(day, (one.start, one.end), f"{day:%A} {US.clock(one.start)} to ")
                    for one in usual
                    if one.weekday == day.weekday()
                ]

    def span(self, day: date, part: Part, reason: str) -> tuple[int, int, str]:
        """Number the minutes from a time of a day to another, of the next day if it is no later."""
        until = day if part[1] > part[0] else day + DAY
        return self.clock.minute(day, part[0]), self.clock.minute(until, part[1]), reason

    def at(self, minute: int) -> tuple[HoursState, set[str]]:
        """Tell the state at a minute, and the reasons that may be given for it."""
        now = self.clock.minutes[minute]
        made = [one for one in self.changes if one.start <= now < one.end]
        if made:
            last = max(made, key=lambda one: one.id)
            return last.state, {last.reason}
        shut, special, usual, days = (
            {reason for begin, end, reason in painted if begin <= minute < end}
            for painted in (self.shut, self.special, self.usual, self.days)
        )
        opened = special | (set() if shut else usual)
        if opened:
            return "open", opened
        return "closed", days or shut or {f"{US.weekday(self.clock.shows[minute])} is outside"}


def agrees(plan: Plan, clock: WallClock, office_hours: str, every: int) -> None:
    """Compare the stretches at every minute, and `state_at` at the edges and each so many minutes.

    The stretches cover the week, and neighbors differ.
    """
    oracle = Oracle(plan, clock, office_hours)
    begin, end = clock.minutes[clock.first], clock.minutes[clock.last]
    found = list(spans(plan, begin, end, office_hours))
    assert [one.end for one in found] == [*(one.start for one in found[1:]), end]
    assert found[0].start == begin
    for one, other in pairwise(found):
        assert (one.state, one.because) != (other.state, other.because)
    stretches: Iterator[Hours] = iter(found)
    stretch = next(stretches)
    for minute in clock.compared():
        now = clock.minutes[minute]
        edge = now >= stretch.end
        stretch = next(stretches) if edge else stretch
        state, reasons = oracle.at(minute)
        assert stretch.state == state, clock.shows[minute]
        if stretch.because:
            assert stretch.because.startswith(tuple(reasons)), clock.shows[minute]
        if edge or now + timedelta(minutes=1) == stretch.end or minute % every == 0:
            said, because = state_at(plan, now, office_hours)
            assert said == state, clock.shows[minute]
            assert because.startswith(tuple(reasons)), clock.shows[minute]


def busy_office(clock: WallClock) -> Plan:
    """Make an office that decided everything that can be decided about hours."""
    middle = clock.middle
    daily = [(time(7, 30), time(12)), (time(13), time(18)), (time(22), time(2, 30))]
    week = tuple(
        Window(day, start, (day + (end <= start)) % 7, end)
        for day in range(7)
        for start, end in daily
    )
    lab = tuple(Window(day, time(0), (day + 1) % 7, time(0)) for day in (4, 5, 6, 0))
    first = middle - DAY
    now = clock.minutes[clock.first] + timedelta(hours=40)
    return replace(
        plan_in(clock.zone),
        office_hours={OFFICE: OfficeHours(OFFICE, week), "lab": OfficeHours("lab", lab)},
        closures=(
            Closure(Days(middle + 2 * DAY, middle + 3 * DAY), "holiday"),
            Closure(Days(first, first), "evening off", (time(17), time(3, 15))),
            Closure(Yearly(middle.month, middle.day), "morning off", (time(0), time(2, 45)), "lab"),
            Closure(YearlyWeekday(middle.month, middle.weekday(), -1), "last of the month"),
        ),
        openings=(
            Opening(Days(middle, middle), "flu shots", ((time(1), time(4)), (time(23), time(1)))),
            Opening(Days(middle + 3 * DAY, middle + 3 * DAY), "for once", ((time(9), time(10)),)),
        ),
        changes=(
            HoursChange(1, "closed", now, now + timedelta(hours=5), "burst pipe"),
            HoursChange(2, "open", now + timedelta(hours=4), now + timedelta(hours=6), "fixed"),
            HoursChange(3, "closed", now, now + timedelta(hours=1), "lab moved", "lab"),
        ),
    )


@pytest.mark.parametrize(("zone", "middle"), WEEKS)
def test_every_minute_of_a_week_with_a_jump(zone: str, middle: date) -> None:
    """An office with several office hours, closures, openings and changes, in every zone."""
    clock = wall_clock(zone, middle)
    agrees(busy_office(clock), clock, OFFICE, every=7)
    agrees(busy_office(clock), clock, "lab", every=7)


def whens(middle: date) -> st.SearchStrategy[Dates]:
    """Draw days near the middle, as a date, a range, or each year's."""
    day = st.integers(-4, 4).map(lambda step: middle + step * DAY)
    weekday = st.integers(0, 6)
    return (
        st.tuples(day, st.integers(0, 3)).map(lambda at: Days(at[0], at[0] + at[1] * DAY))
        | st.tuples(day, st.integers(-3, 3), st.booleans()).map(
            lambda at: Yearly(at[0].month, at[0].day, at[1], at[2])
        )
        | st.tuples(day, day).map(
            lambda at: YearlyRange(*(Yearly(one.month, one.day) for one in at))
        )
        | st.builds(
            Monthly,
            st.none() | weekday,
            st.lists(st.sampled_from([1, 2, 4, -1]), min_size=1, max_size=2).map(tuple),
        )
        | st.integers(-60, 60).map(Easter)
        | st.builds(YearlyWeekday, st.just(middle.month), weekday, st.sampled_from([1, 2, 5, -1]))
    )


def periods() -> st.SearchStrategy[Window]:
    """Draw a period of a weekday; it may end on the next day."""
    return st.tuples(st.integers(0, 6), times(), times()).map(
        lambda one: Window(one[0], one[1], (one[0] + (one[2] <= one[1])) % 7, one[2])
    )


@st.composite
def offices(draw: st.DrawFn) -> tuple[Plan, WallClock]:
    """Draw an office in one of the weeks."""
    clock = draw(clocks())
    when = whens(clock.middle)
    part = st.tuples(times(), times())
    office_hours = st.sampled_from([OFFICE, "lab"])
    numbers = iter(range(1, 100))
    minute = st.integers(clock.first - 60, clock.last).map(lambda at: clock.minutes[at])
    state: st.SearchStrategy[HoursState] = st.sampled_from(["open", "closed"])
    change = st.tuples(minute, st.integers(1, 3000), state, st.none() | office_hours).map(
        lambda one: HoursChange(
            next(numbers), one[2], one[0], one[0] + timedelta(minutes=one[1]), "change", one[3]
        )
    )
    some = st.lists(periods(), max_size=8).map(tuple)
    closure = st.builds(
        Closure, when, st.just("closure"), st.none() | part, st.none() | office_hours
    )
    openings = st.builds(
        Opening,
        when,
        st.just("opening"),
        st.lists(part, min_size=1, max_size=2).map(tuple),
        office_hours,
    )
    seasons = st.builds(Season, when, st.just("season"), some, office_hours)
    plan = replace(
        plan_in(clock.zone),
        seasons=tuple(draw(st.lists(seasons, max_size=2))),
        office_hours={name: OfficeHours(name, draw(some)) for name in (OFFICE, "lab")},
        closures=tuple(draw(st.lists(closure, max_size=4))),
        openings=tuple(draw(st.lists(openings, max_size=2))),
        changes=tuple(draw(st.lists(change, max_size=3))),
    )
    return plan, clock


@given(drawn=offices(), office_hours=st.sampled_from([OFFICE, "lab"]))
@settings(max_examples=13, deadline=None)
def test_any_office_is_open_when_the_definitions_say(
    drawn: tuple[Plan, WallClock], office_hours: str
) -> None:
    """Whatever an office decides, the stretches and `state_at` are what the definitions give."""
    plan, clock = drawn
    agrees(plan, clock, office_hours, every=97)


def test_days_are_those_of_the_calendar() -> None:
    """Dates, ranges, and "the last Monday of May" are found as in a calendar, on every day."""
    days = [date(2026, 1, 1) + step * DAY for step in range(3 * 365 + 1)]  # one is 29 February
    for day in days:
        for nth in (1, 2, 3, 4, 5, -1):
            when = YearlyWeekday(day.month, day.weekday(), nth)
            assert falls_on(when, day) == is_one_of(when, day), (day, nth)
        yearly, span = Yearly(day.month, day.day), Days(day, day + 2 * DAY)
        for near in (day - DAY, day, day + 2 * DAY, day + 3 * DAY, day + 365 * DAY):
            assert falls_on(yearly, near) == is_one_of(yearly, near)
            assert falls_on(span, near) == is_one_of(span, near)
    assert sum(falls_on(Yearly(2, 29), day) for day in days) == 1
