"""Turns of a layer: which count, whose they are, and that both ways of asking agree."""

from __future__ import annotations

import calendar
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing import turns
from routing.instants import at_local
from routing.model import Layer, MonthDay, Plan, Schedule, Window
from routing.schedule import on_call, shifts
from routing.turn_texts import counted_from, turn_windows
from tests.support.wall_clock import DAY, plan_in, times

NEW_YORK = ZoneInfo("America/New_York")
UTC_ZONE = ZoneInfo("UTC")
SEVEN = ("ana", "ben", "cleo", "dan", "eve", "fay", "gus")
SINCE = date(2026, 1, 5)
LENGTH = 500 * DAY

Span = tuple[datetime, datetime]


def during(*texts: str, first: date = SINCE) -> tuple[Window, ...]:
    """Read the windows of a layer that begins on a day."""
    return tuple(one for text in texts for one in counted_from(turn_windows(text), first))


def practice(*layers: Layer) -> Plan:
    """Make a practice in New York with one schedule of these layers."""
    return replace(plan_in(NEW_YORK), schedules={"doctors": Schedule("doctors", layers)})


def local(text: str) -> datetime:
    """Read a local time of the practice."""
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK)


def people(layer: Layer, *, days: int, at: str = "20:00", since: date = SINCE) -> list[str]:
    """Name who is on call at a time of each of so many days; a dash where nobody is."""
    plan, clock = practice(layer), time.fromisoformat(at)
    found = []
    for step in range(days):
        moment = at_local(datetime.combine(since + step * DAY, clock), NEW_YORK)
        found.append(" ".join(on_call(plan, "doctors", moment).people) or "-")
    return found


@dataclass(frozen=True)
class Given:
    """One turn by the definitions: when, whose, and in which of its parts the layer holds."""

    start: datetime
    end: datetime
    person: str | None
    parts: tuple[Span, ...]


class Oracle:
    """A layer played turn by turn from its first, as slow and plain as it gets."""

    def __init__(self, layer: Layer, length: timedelta = LENGTH) -> None:
        self.layer = layer
        self.end = datetime.combine(layer.since, time(0)) + length
        self.by_days = bool(layer.only) and layer.unit == "days"  # a turn is so many that count
        self.spans = sorted(
            span
            for one in layer.only
            if isinstance(one, Window)  # others: test_windows.py
            for span in self.window(one)
        )

    def window(self, window: Window) -> Iterator[Span]:
        """List the spans of a window, by looking at every day."""
        day = self.layer.since - 40 * DAY
        days = (window.until - window.weekday) % 7 or 7 * (window.end <= window.start)
        while day < self.end.date():
            same = [
                one
                for one in calendar.Calendar().itermonthdates(day.year, day.month)
                if one.month == day.month and one.weekday() == window.weekday
            ]
            if (
                day.weekday() == window.weekday
                and (not window.nth or day in {same[n - (n > 0)] for n in window.nth})
                and (
                    window.origin is None
                    or (
                        day >= window.origin
                        and (day - window.origin).days % (7 * window.weeks) == 0
                    )
                )
            ):
                begin = datetime.combine(day, window.start)
                yield begin, datetime.combine(day + days * DAY, window.end)
            day += DAY

    def handoffs(self) -> Iterator[datetime]:
        """List the handoffs from the first."""
        layer = self.layer
        at = datetime.combine(layer.since, layer.at)
        if layer.unit == "months":
            found = [one for one in self.month_days() if one >= layer.since]
            yield from (datetime.combine(one, layer.at) for one in found[:: layer.every])
            return
        while layer.unit == "weeks" and at.weekday() != layer.weekday:
            at += DAY
        step = {"hours": DAY / 24, "days": DAY, "weeks": 7 * DAY}[layer.unit]
        while at < self.end:
            yield at
            at += (1 if self.by_days else layer.every) * step

    def month_days(self) -> Iterator[date]:
        """List a layer's day of each month."""
        assert self.layer.day is not None
        by_month: dict[tuple[int, int], list[date]] = {}
        day = self.layer.since.replace(day=1)
        while day < self.end.date() + 80 * DAY:
            known = by_month.setdefault((day.year, day.month), [])
            known += [day] * (day.weekday() in self.layer.day.among)
            day += DAY
        nth = self.layer.day.nth
        for days in list(by_month.values())[:-1]:  # the last month is not whole
            yield days[-1] if nth < 0 or nth > len(days) else days[nth - 1]

    def counting(self) -> Iterator[Given]:
        """List the turns, or the days of them, of which some part lies in a window."""
        for start, end in pairwise(self.handoffs()):
            spans = self.spans if self.layer.only else [(start, end)]
            parts = [
                (max(begin, start), min(until, end))
                for begin, until in spans
                if begin < end and start < until
            ]
            if parts:
                yield Given(start, end, None, tuple(parts))

    def play(self) -> Iterator[Given]:
        """List the turns that count, each of whoever comes next in the rotation and is in it."""
        layer, last, found = self.layer, -1, list(self.counting())
        joins, leaves = dict(layer.joins), dict(layer.leaves)
        size = layer.every if self.by_days else 1
        for first in range(0, len(found) - size + 1, size):
            days = found[first : first + size]
            start, end, person = days[0].start, days[-1].end, None
            for step in range(1, len(layer.rotation) + 1):
                seat = (last + step) % len(layer.rotation)
                one = layer.rotation[seat]
                if (
                    joins.get(one, date.min) <= start.date()
                    and leaves.get(one, date.max) >= end.date()
                ):
                    person, last = one, seat
                    break
            yield Given(start, end, person, tuple(part for day in days for part in day.parts))


@st.composite
def layer_windows(draw: st.DrawFn, since: date) -> Window:
    """Draw a window of every week, of some weeks of a month, or of one in so many weeks."""
    weekday = st.integers(0, 6)
    window = Window(draw(weekday), draw(times()), draw(weekday), draw(times()))
    match draw(st.sampled_from(["each", "nth", "weeks"])):
        case "nth":
            nth = draw(st.lists(st.sampled_from([1, 2, 3, 4, -1]), min_size=1, unique=True))
            return replace(window, nth=tuple(nth))
        case "weeks":
            weeks = draw(st.integers(2, 4))
            (counted,) = counted_from((replace(window, weeks=weeks),), since)
            return counted
    return window


@st.composite
def drawn_layers(draw: st.DrawFn) -> Layer:
    """Draw a layer of any kind."""
    unit, every = draw(
        st.sampled_from(
            [
                *(("hours", 6), ("hours", 12), ("hours", 24), ("days", 1), ("days", 3)),
                *(("weeks", 1), ("weeks", 2), ("months", 1), ("months", 3)),
            ]
        )
    )
    since = SINCE + draw(st.integers(0, 40)) * DAY
    rotation = tuple(draw(st.permutations(SEVEN)))[: draw(st.integers(1, 7))]
    days = st.integers(-30, 450).map(lambda step: since + step * DAY)
    stays = st.dictionaries(st.sampled_from(rotation), days, max_size=3).map(
        lambda found: tuple(found.items())
    )
    among = st.sampled_from([tuple(range(7)), tuple(range(5)), (0,), (5,)])
    return Layer(
        rotation=rotation,
        since=since,
        at=draw(times()),
        weekday=draw(st.integers(0, 6)),
        every=every,
        unit=unit,  # type: ignore[arg-type]  # one of the five
        only=tuple(draw(st.lists(layer_windows(since), max_size=2))),
        day=MonthDay(draw(st.sampled_from([1, 2, 4, 15, 31, -1])), draw(among)),
        until=draw(st.none() | days),
        joins=draw(stays),
        leaves=draw(stays),
    )


@given(layer=drawn_layers())
@settings(max_examples=40, deadline=None)
def test_any_layer_goes_around_as_if_it_were_played(layer: Layer) -> None:
    """Each turn that counts is of whoever comes next and is in the rotation at that time."""
    ends = datetime.combine(layer.until or date.max, layer.at)
    for number, given_ in enumerate(Oracle(layer).play()):
        for begin, end in given_.parts:
            for at in (begin, begin + (end - begin) / 2, end - timedelta(microseconds=1)):
                found = turns.turn(layer, UTC_ZONE, at.replace(tzinfo=UTC))
                if at >= ends or given_.person is None:
                    assert found is None, at
                else:
                    assert found is not None, at
                    assert (found.number, found.queue[0]) == (number, given_.person), at


@given(layer=drawn_layers(), above=drawn_layers(), data=st.data())
@settings(max_examples=20, deadline=None)
def test_shifts_and_on_call_agree_at_any_instant(
    layer: Layer, above: Layer, data: st.DataObject
) -> None:
    """In New York, over both jumps of a year: what is listed is what is answered."""
    plan = practice(layer, above)
    begin = at_local(datetime.combine(SINCE, time(0)), NEW_YORK)
    found = list(shifts(plan, "doctors", begin, begin + LENGTH))
    instants = data.draw(st.lists(st.integers(0, LENGTH // timedelta(minutes=1) - 1), max_size=60))
    for minute in instants:
        at = begin + minute * timedelta(minutes=1)
        (one,) = [shift for shift in found if shift.start <= at < shift.end]
        assert on_call(plan, "doctors", at) == one.on_call


@given(layer=drawn_layers(), count=st.integers(0, 300))
@settings(max_examples=20, deadline=None)
def test_everybody_has_as_many_turns_as_everybody_else(layer: Layer, count: int) -> None:
    """Of N turns each has N over the number of people, rounded down or up."""
    layer = replace(layer, joins=(), leaves=(), until=None)
    whose: list[str] = []
    for given_ in Oracle(layer).play():
        if len(whose) == count:
            break
        begin, end = given_.parts[0]
        found = turns.turn(layer, UTC_ZONE, (begin + (end - begin) / 2).replace(tzinfo=UTC))
        assert found is not None
        whose.append(found.queue[0])
    shares = Counter(dict.fromkeys(layer.rotation, 0))
    shares.update(whose)
    assert set(shares.values()) <= {
        len(whose) // len(layer.rotation),
        -(-len(whose) // len(layer.rotation)),
    }
    assert whose == [layer.rotation[one % len(layer.rotation)] for one in range(len(whose))]


NIGHTS = Layer(SEVEN, SINCE, time(17), every=1, unit="days", only=during("mon-thu 17:00-08:00"))


def test_nobody_of_seven_is_without_a_night() -> None:
    """Nights from Monday to Thursday: before, three of seven never had one."""
    assert people(NIGHTS, days=14) == [
        *("ana", "ben", "cleo", "dan", "-", "-", "-"),
        *("eve", "fay", "gus", "ana", "-", "-", "-"),
    ]
    assert Counter(people(NIGHTS, days=7 * 7)) == dict.fromkeys(SEVEN, 4) | {"-": 21}


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        (date(2026, 3, 2), ["ana", "ben", "cleo", "dan", "-", "-", "-", "eve", "fay", "gus"]),
        (date(2026, 10, 26), ["ana", "ben", "cleo", "dan", "-", "-", "-", "eve", "fay", "gus"]),
    ],
)
def test_the_jumps_of_the_clock_count_no_turn(since: date, expected: list[str]) -> None:
    """8 March is an hour short and 1 November an hour long; the order goes on."""
    assert people(replace(NIGHTS, since=since), days=10, since=since) == expected


@pytest.mark.parametrize(
    ("day", "shown"),
    [
        ("2026-03-08", ["00:00 ana", "01:00 ben", "03:00 ana"]),  # cleo's is skipped
        ("2026-11-01", ["00:00 ana", "01:00 ben", "02:00 cleo", "03:00 ana"]),
    ],
)
def test_hours_keep_to_the_clock_at_both_jumps(day: str, shown: list[str]) -> None:
    """Turns of one hour from midnight to four, the hour that is skipped and the one twice."""
    layer = Layer(
        ("ana", "ben", "cleo"), date.fromisoformat(day), time(0), 0, 1, "hours",
        only=during("00:00-04:00"),
    )  # fmt: skip
    begin = local(f"{day} 00:00")
    found = shifts(practice(layer), "doctors", begin, local(f"{day} 04:00"))
    rows = [f"{one.start.astimezone(NEW_YORK):%H:%M} {one.on_call.people[0]}" for one in found]
    assert rows == shown


@pytest.mark.parametrize(
    ("day", "shown"),
    [
        (MonthDay(1), "01-01 02-01 03-01 04-01 05-01"),
        (MonthDay(15), "01-15 02-15 03-15 04-15 05-15"),
        (MonthDay(31), "01-31 02-29 03-31 04-30 05-31"),  # or the last day there is
        (MonthDay(30), "01-30 02-29 03-30 04-30 05-30"),
        (MonthDay(-1), "01-31 02-29 03-31 04-30 05-31"),
        (MonthDay(1, (0,)), "01-03 02-07 03-06 04-03 05-01"),  # first Monday
        (MonthDay(-1, (4,)), "01-28 02-25 03-31 04-28 05-26"),  # last Friday
        (MonthDay(4, (3,)), "01-27 02-24 03-23 04-27 05-25"),
        (MonthDay(1, (0, 1, 2, 3, 4)), "01-03 02-01 03-01 04-03 05-01"),  # first weekday
    ],
)
def test_the_days_of_a_month(day: MonthDay, shown: str) -> None:
    """Of a leap year that begins on a Saturday."""
    layer = Layer(SEVEN, date(2028, 1, 1), time(8), unit="months", day=day)
    assert " ".join(f"{turns.handoff(layer, one):%m-%d}" for one in range(5)) == shown


def test_months_begin_on_their_day_after_the_layer_does() -> None:
    """From the 16th on, the 15th is that of the next month; every third month from there."""
    layer = Layer(SEVEN, date(2026, 1, 16), time(8), every=3, unit="months", day=MonthDay(15))
    assert [f"{turns.handoff(layer, one):%m-%d}" for one in range(4)] == [
        *("02-15", "05-15", "08-15", "11-15")
    ]


def test_years_of_turns_are_counted_once() -> None:
    """After the first question, one at any time of the same year looks at no window anew."""
    turns._held.cache_clear()  # noqa: SLF001  # what the test is about
    layer = replace(NIGHTS, since=date(2000, 1, 3))
    plan = practice(layer)
    on_call(plan, "doctors", local("2026-11-24 20:00"))
    known = turns._held.cache_info().misses  # noqa: SLF001
    list(shifts(plan, "doctors", local("2026-01-05 00:00"), local("2026-12-20 00:00")))
    assert turns._held.cache_info().misses == known  # noqa: SLF001
