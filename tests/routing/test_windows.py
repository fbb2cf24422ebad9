"""Windows of holidays and dates: what a calendar says, minute by minute, and through the years."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.day_names import yearly
from routing.instants import inside as weekly_inside
from routing.model import (
    Dates,
    Days,
    DayWindow,
    ExtendedWindow,
    Holiday,
    Layer,
    LayerWindow,
    Schedule,
    Unit,
    Window,
    Yearly,
    YearlyRange,
    YearlyWeekday,
)
from routing.schedule import holiday, on_call, shifts
from routing.window_texts import read_windows
from routing.windows import inside_any, window_occurrences
from tests.support.calendar_days import is_one_of
from tests.support.wall_clock import DAY, WallClock, clocks, plan_in, times

NEW_YORK = ZoneInfo("America/New_York")
FEDERAL = (
    Holiday("New Year's Day", yearly("01-01 observed")),
    Holiday("Memorial Day", yearly("Memorial Day")),
    Holiday("Independence Day", yearly("July 4 observed")),
    Holiday("Thanksgiving", yearly("Thanksgiving")),
    Holiday("Day after Thanksgiving", yearly("day after Thanksgiving")),
)
LISTS = {"": FEDERAL, "major": FEDERAL[3:4]}


def at(text: str) -> datetime:
    """Read a time of New York's clock."""
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK)


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        (
            "fri 17:00-mon 08:00 extended by holidays",
            [
                ("2026-05-22 17:00", "2026-05-26 08:00"),  # Memorial Day
                ("2026-05-29 17:00", "2026-06-01 08:00"),  # a weekend like others
                ("2026-07-02 17:00", "2026-07-06 08:00"),  # 4 July, observed on Friday
                ("2026-11-25 17:00", "2026-11-30 08:00"),  # Thanksgiving, and the day after
                ("2027-07-02 17:00", "2027-07-06 08:00"),  # observed on Monday
                ("2026-12-31 17:00", "2027-01-04 08:00"),  # New Year's Day is a Friday
            ],
        ),
        ("sat-sun extended by holidays", [("2026-05-23 00:00", "2026-05-26 00:00")]),
        ("sat 08:00-mon 08:00 extended by holidays", [("2026-07-03 08:00", "2026-07-06 08:00")]),
        ("fri 17:00-sun 20:00 extended by holidays", [("2026-05-22 17:00", "2026-05-25 20:00")]),
        (
            "fri 5pm-mon 8am extended by major holidays",
            [("2026-05-22 17:00", "2026-05-25 08:00"), ("2026-11-27 17:00", "2026-11-30 08:00")],
        ),
        ("every other fri 17:00-mon 08:00 extended by holidays", []),
        ("holidays", [("2026-05-25 00:00", "2026-05-26 00:00")]),
        (
            "holidays 08:00-08:00",
            [
                ("2026-05-25 08:00", "2026-05-26 08:00"),
                ("2026-07-03 08:00", "2026-07-05 08:00"),
                ("2026-11-26 08:00", "2026-11-27 08:00"),
                ("2026-11-27 08:00", "2026-11-28 08:00"),
            ],
        ),
        ("holidays 9-5", [("2026-07-03 09:00", "2026-07-03 17:00")]),
        ("major holidays 17:00-08:00", [("2026-11-26 17:00", "2026-11-27 08:00")]),
        ("the day before holidays 17:00-24:00", [("2026-05-24 17:00", "2026-05-25 00:00")]),
        ("2 days after major holidays 8am-8am", [("2026-11-28 08:00", "2026-11-29 08:00")]),
        ("2026-12-24 17:00 - 2026-12-26 08:00", [("2026-12-24 17:00", "2026-12-26 08:00")]),
        ("12/24/2026 5pm to 12/26/2026 8am", [("2026-12-24 17:00", "2026-12-26 08:00")]),
        ("2026-12-24 17:00-2026-12-25 24:00", [("2026-12-24 17:00", "2026-12-26 00:00")]),
        ("2026-12-25", [("2026-12-25 00:00", "2026-12-26 00:00")]),
        ("2026-12-25 08:00-20:00", [("2026-12-25 08:00", "2026-12-25 20:00")]),
        ("2026-12-24 to 2026-12-26", [("2026-12-24 00:00", "2026-12-27 00:00")]),
        (
            "2026-12-24 to 2026-12-25 17:00-08:00",
            [("2026-12-24 17:00", "2026-12-25 08:00"), ("2026-12-25 17:00", "2026-12-26 08:00")],
        ),
        (
            "Dec 24 5pm - Dec 26 8am",
            [("2026-12-24 17:00", "2026-12-26 08:00"), ("2027-12-24 17:00", "2027-12-26 08:00")],
        ),
        ("12-31 17:00 - 01-02 08:00", [("2026-12-31 17:00", "2027-01-02 08:00")]),
        ("Thanksgiving 08:00-08:00", [("2026-11-26 08:00", "2026-11-27 08:00")]),
        ("day after Thanksgiving", [("2026-11-27 00:00", "2026-11-28 00:00")]),
        (
            "Thanksgiving 8am - day after Thanksgiving 8pm",
            [("2026-11-26 08:00", "2026-11-27 20:00")],
        ),
        ("Good Friday 17:00-08:00", [("2027-03-26 17:00", "2027-03-27 08:00")]),
        ("Memorial Day to Labor Day 17:00-08:00", [("2026-07-01 17:00", "2026-07-02 08:00")]),
        ("12-24 to 12-26", [("2026-12-24 00:00", "2026-12-27 00:00")]),
    ],
)
def test_windows_as_people_write_them(text: str, spans: list[tuple[str, str]]) -> None:
    """Each of these spans is one of the window's."""
    found = [
        span
        for window in read_windows(text, LISTS)
        for span in window_occurrences(
            window, NEW_YORK, at("2026-01-01 00:00"), at("2028-01-01 00:00")
        )
    ]
    for begin, end in spans:
        assert (at(begin), at(end)) in found


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2026-12-26 17:00 - 2026-12-24 08:00", "ends .* before it begins"),
        ("2026-12-24 17:00 - 2026-12-24 08:00", "ends .* before it begins"),
        ("2026-12-26 to 2026-12-24", "ends .* before it begins"),
        ("Dec 24 17:00 - Dec 24 08:00", "ends .* before it begins"),
        ("2026-12-24 17:00 - Dec 26 08:00", "write both ends with their year, or neither"),
        ("2026-12-24 17:00 - 2026-12-26 00:00", "write 24:00 for its end"),
        ("2026-12-24 midnight - 2026-12-26 8am", "write 24:00 for its end"),
        ("2026-12-24 5-8", "5am"),
        ("2026-02-29", "not a window such as"),
        ("Dec 32 5pm - Dec 34 8am", "not a window such as"),
        ("12-24", "may be times of the day or a date; write the month as a word"),
        ("08-12 17:00-20:00", "may be times of the day or a date"),
        ("holidays 5-8", "not a window such as 'holidays 08:00-08:00'"),
        ("moonday extended by holidays", "not a window such as"),
        ("12-24 extended by 12-25", "not a window such as"),
        ("the holidays of last year", "not a window such as"),
        ("christmass", "not a window such as"),
    ],
)
def test_what_is_no_window(text: str, why: str) -> None:
    """The sentence says what is wrong, or what a good one looks like."""
    with pytest.raises(ValueError, match=why):
        read_windows(text, LISTS)


def near_days(middle: date) -> st.SearchStrategy[Dates]:
    """Draw days near the middle of a week."""
    day = st.integers(-4, 4).map(lambda step: middle + step * DAY)
    return (
        st.tuples(day, st.integers(0, 2)).map(lambda one: Days(one[0], one[0] + one[1] * DAY))
        | st.tuples(day, st.booleans()).map(
            lambda one: Yearly(one[0].month, one[0].day, observed=one[1])
        )
        | st.builds(
            YearlyWeekday, st.just(middle.month), st.integers(0, 6), st.sampled_from([1, 2, -1])
        )
        | st.tuples(day, st.integers(1, 2)).map(
            lambda one: YearlyRange(
                *(Yearly(at.month, at.day) for at in (one[0], one[0] + one[1] * DAY))
            )
        )
    )


@given(clocks(), st.data())
@settings(max_examples=30, deadline=None)
def test_day_windows_hold_where_the_clock_says(clock: WallClock, data: st.DataObject) -> None:
    """Each minute of a week: on the day, from the one time to the other, or to the next day's."""
    window = data.draw(
        st.builds(DayWindow, near_days(clock.middle), times(), times(), shift=st.integers(-2, 2))
    )
    painted = clock.paint(
        (
            clock.minute(day, window.start),
            clock.minute(day + (window.end <= window.start) * DAY, window.end),
        )
        for day in clock.days
        if is_one_of(window.when, day - window.shift * DAY)
    )
    for minute in clock.compared():
        if painted[minute] != painted[minute - 1] or minute % 97 == 0:
            for near in (minute - 1, minute):
                assert inside_any((window,), clock.minutes[near], clock.zone) == painted[near]


@given(clocks(), st.data())
@settings(max_examples=30, deadline=None)
def test_extended_windows_hold_where_the_clock_says(clock: WallClock, data: st.DataObject) -> None:
    """Each minute of a week: the window, and what a walk over the holidays beside it adds."""
    when = data.draw(near_days(clock.middle))
    weekday = data.draw(st.integers(0, 6))
    window = Window(weekday, time(17), (weekday + data.draw(st.integers(1, 3))) % 7, time(8))
    long = (window.until - window.weekday) % 7
    spans = []
    for day in (clock.middle + step * DAY for step in range(-16, 16)):
        if day.weekday() != weekday:
            continue
        first, last = day, day + long * DAY
        while is_one_of(when, first):
            first -= DAY
        while is_one_of(when, last):
            last += DAY
        spans.append((first, last))
    painted = clock.paint(
        (
            clock.minute(first, time(17)) if first >= clock.days[0] else 0,
            clock.minute(last, time(8)),
        )
        for first, last in spans
        if last >= clock.days[0] and first <= clock.days[-1]
    )
    extended = ExtendedWindow(window, (Holiday("a holiday", when),))
    for minute in clock.compared():
        if painted[minute] != painted[minute - 1] or minute % 97 == 0:
            for near in (minute - 1, minute):
                at_ = clock.minutes[near]
                assert inside_any((extended,), at_, clock.zone) == painted[near], clock.shows[near]
                if weekly_inside((window,), at_, clock.zone):
                    assert painted[near]


TEXTS = (
    "holidays 08:00-08:00",
    "fri 17:00-mon 08:00 extended by holidays",
    "day before holidays 17:00-24:00",
    "Dec 24 5pm - Dec 26 8am",
    "mon-thu 17:00-08:00",
    "first weekend",
    "Good Friday",
    "2026-12-24 17:00 - 2026-12-26 08:00",
    "sat-sun extended by major holidays",
)
UNITS: tuple[Unit, ...] = ("weeks", "days", "holidays")


def schedule(*layers: Layer) -> Schedule:
    """Stack layers above a rotation of weeks."""
    base = Layer(("base",), date(2026, 1, 5), time(8))
    return Schedule("doctors", (base, *layers))


def weekend(handoff: time, weekday: int, *only: LayerWindow) -> Layer:
    """Make a layer of weekends."""
    return Layer(("ann", "bob", "cid"), date(2026, 1, 2), handoff, weekday, only=only)


EXTENDED = read_windows("fri 17:00-mon 08:00 extended by holidays", LISTS)


@pytest.mark.parametrize("layer", [weekend(time(17), 4, *EXTENDED), weekend(time(8), 0, *EXTENDED)])
def test_who_has_the_weekend_has_all_of_it(layer: Layer) -> None:
    """Whether turns change on Friday or on Monday: the holiday beside belongs to the weekend."""
    plan = replace(plan_in(NEW_YORK), schedules={"doctors": schedule(layer)})
    for begin, end in (
        ("2026-05-22 17:00", "2026-05-26 08:00"),
        ("2026-07-02 17:00", "2026-07-06 08:00"),
        ("2026-11-25 17:00", "2026-11-30 08:00"),
        ("2026-12-31 17:00", "2027-01-04 08:00"),
        ("2027-07-02 17:00", "2027-07-06 08:00"),
    ):
        parts = list(shifts(plan, "doctors", at(begin), at(end)))
        assert len({one.on_call.people for one in parts}) == 1, begin
        assert parts[0].on_call.people != ("base",)
        for beside in (at(begin) - timedelta(seconds=1), at(end)):
            assert on_call(plan, "doctors", beside).people == ("base",)


def test_holidays_go_around_in_their_own_order() -> None:
    """Each time that the windows hold without a break is one turn, however many days it has."""
    only = read_windows("holidays 08:00-08:00", LISTS)
    layer = Layer(("ann", "bob", "cid"), date(2026, 1, 1), time(8), unit="holidays", only=only)
    plan = replace(plan_in(NEW_YORK), schedules={"doctors": schedule(layer)})
    reported = [
        ("2026-01-01 12:00", "ann", "New Year's Day"),
        ("2026-05-25 12:00", "bob", "Memorial Day"),
        ("2026-05-26 07:59", "bob", "Memorial Day"),
        ("2026-07-03 12:00", "cid", "Independence Day (observed)"),
        ("2026-07-04 12:00", "cid", "Independence Day"),
        ("2026-11-26 08:00", "ann", "Thanksgiving"),
        ("2026-11-27 12:00", "ann", "Day after Thanksgiving"),
        ("2027-01-01 12:00", "bob", "New Year's Day"),
        ("2027-05-31 12:00", "cid", "Memorial Day"),
        ("2027-07-05 12:00", "ann", "Independence Day (observed)"),
    ]
    for when, who, why in reported:
        assert on_call(plan, "doctors", at(when)).people == (who,), when
        assert holiday(plan, "doctors", at(when)) == why
    for other in ("2026-05-25 07:59", "2026-05-26 08:00", "2025-12-25 12:00"):
        assert on_call(plan, "doctors", at(other)).people != ("ann",)
        assert holiday(plan, "doctors", at(other)) is None


def test_dates_that_are_over_have_no_next_turn() -> None:
    """A layer of one date is asked for years after it, and answers at once."""
    only = read_windows("2026-12-24 17:00 - 2026-12-26 08:00")
    layer = Layer(("ann", "bob"), date(2026, 1, 1), time(8), unit="holidays", only=only)
    plan = replace(plan_in(NEW_YORK), schedules={"doctors": schedule(layer)})
    assert on_call(plan, "doctors", at("2026-12-25 12:00")).people == ("ann",)
    assert on_call(plan, "doctors", at("2098-12-25 12:00")).people == ("base",)
    spans = shifts(plan, "doctors", at("2026-12-24 00:00"), at("2026-12-28 08:00"))
    assert [one.on_call.people for one in spans] == [("base",), ("ann",), ("base",)]


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_the_shifts_say_what_each_instant_says(data: st.DataObject) -> None:
    """Spans and instants agree at random minutes of two years, whatever a layer's windows are."""
    layers = []
    for _ in range(data.draw(st.integers(1, 2))):
        only = tuple(
            one
            for text in data.draw(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=2))
            for one in read_windows(text, LISTS)
        )
        unit = data.draw(st.sampled_from(UNITS))
        layers.append(
            Layer(
                ("ann", "bob", "cid"),
                date(2026, 1, 2),
                time(8),
                data.draw(st.integers(0, 6)),
                unit=unit,
                only=only,
            )
        )
    plan = replace(plan_in(NEW_YORK), schedules={"doctors": schedule(*layers)})
    begin = at("2026-01-01 00:00") + timedelta(days=data.draw(st.integers(0, 700)))
    found = list(shifts(plan, "doctors", begin, begin + 20 * DAY))
    for span in found:
        for moment in (span.start, span.end - timedelta(microseconds=1)):
            assert on_call(plan, "doctors", moment) == span.on_call
        middle = span.start + data.draw(st.integers(0, 999)) * (span.end - span.start) / 1000
        assert on_call(plan, "doctors", middle) == span.on_call
