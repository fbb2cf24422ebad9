"""Schedules: the definitions applied minute by minute, and weeks on call as people tell them."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.model import ExplicitShift, Layer, Override, Plan, Schedule, Unit, Window
from routing.places import OnCall
from routing.schedule import changes, coverage_gaps_of, on_call, shifts
from tests.support.wall_clock import (
    DAY,
    MINUTE,
    WEEKS,
    WallClock,
    clocks,
    plan_in,
    times,
    wall_clock,
    windows,
)

PEOPLE = ("ana", "ben", "cleo", "dan")


def occurrences(window: Window, first: date, last: date) -> list[tuple[datetime, datetime]]:
    """List a weekly window's spans in local times that begin from one day to another."""
    days = (window.until - window.weekday) % 7
    if days == 0 and window.end <= window.start:
        days = 7
    dates = [first + step * DAY for step in range((last - first).days + 1)]
    return [
        (datetime.combine(day, window.start), datetime.combine(day + days * DAY, window.end))
        for day in dates
        if day.weekday() == window.weekday
    ]


class LayerOracle:
    """A layer's handoffs in order, and the minutes in which it holds."""

    def __init__(self, layer: Layer, clock: WallClock) -> None:
        first = layer.since
        while layer.unit == "weeks" and first.weekday() != layer.weekday:
            first += DAY
        unit = {"hours": DAY / 24, "days": DAY, "weeks": 7 * DAY}[layer.unit]
        local = [datetime.combine(first, layer.at)]
        size = layer.every if layer.only and layer.unit == "days" else 1  # days of a turn
        while local[-1].date() <= clock.days[-1]:
            local.append(local[-1] + layer.every // size * unit)
        self.handoffs = [clock.minute(one.date(), one.time()) for one in local[:-1]]
        weekly = [one for one in layer.only if isinstance(one, Window)]  # others: test_windows.py
        self.holds = clock.paint(span for one in weekly for span in clock.window(one))
        self.always = not layer.only
        self.people = layer.rotation
        held = [
            span for one in weekly for span in occurrences(one, first - 8 * DAY, local[-1].date())
        ]
        self.numbers, number = list[int](), 0
        for begin, end in pairwise(local):
            self.numbers.append(number // size)
            number += self.always or any(one < end and begin < other for one, other in held)

    def turn(self, minute: int) -> int | None:
        """Number the turn, from 0, at a minute; None where the layer has nobody."""
        passed = bisect_right(self.handoffs, minute)
        return self.numbers[passed - 1] if passed and (self.always or self.holds[minute]) else None


class ScheduleOracle:
    """Who is on call, from the definitions in `routing.model.schedules` and nothing else."""

    def __init__(self, plan: Plan, name: str, clock: WallClock) -> None:
        schedule = plan.schedules[name]
        self.clock = clock
        self.layers = [LayerOracle(layer, clock) for layer in schedule.layers]
        self.shifts = [
            (
                clock.minute(one.start.date(), one.start.time()),
                clock.minute(one.end.date(), one.end.time()),
                one.person,
            )
            for one in schedule.shifts
        ]
        self.overrides = [one for one in plan.overrides if one.schedule == name]
        self.backup = schedule.backup
        self.other = (
            ScheduleOracle(plan, self.backup, clock) if self.backup in plan.schedules else None
        )

    def by_file(self, minute: int) -> tuple[list[str], str, int, list[str]]:
        """Name who is on call but for overrides, what says so, the turn, and who comes next."""
        on, turn, following = list[str](), 0, list[str]()
        for layer in self.layers:  # the last that holds decides
            number = layer.turn(minute)
            if number is not None:
                count = len(layer.people)
                queue = [layer.people[(number + step) % count] for step in range(1, count + 1)]
                on, turn, following = [queue[-1]], number, queue
        for number, (begin, end, person) in enumerate(self.shifts):
            if begin <= minute < end:
                return [person], "shift", number, following
        return on, "rotation", turn, following

    def people(self, minute: int) -> tuple[list[str], str, int, list[str]]:
        """Name who is on call, overrides and all."""
        on, source, turn, following = self.by_file(minute)
        now = self.clock.minutes[minute]
        for one in sorted(self.overrides, key=lambda one: one.id):
            if not one.start <= now < one.end or (one.instead_of and one.instead_of not in on):
                continue
            if one.kind == "add" and one.person and one.person not in on:
                on = [*on, one.person]
            elif one.kind == "remove" and one.instead_of:
                on = [person for person in on if person != one.instead_of]
            elif one.kind == "replace" and one.person:
                kept = [person for person in on if one.instead_of not in {None, person}]
                on = [one.person, *(person for person in kept if person != one.person)]
            else:
                continue
            source = f"override:{one.id}"
        return on, source, turn, following

    def at(self, minute: int) -> tuple[set[str], str | None, str, int]:
        """Give the whole answer at a minute; who is on call together has no order."""
        on, source, turn, following = self.people(minute)
        if self.other is not None:
            candidates = self.other.people(minute)[0]
        else:
            candidates = following if self.backup == "next" else [self.backup]
        free = [one for one in candidates if one not in on]
        return set(on), free[0] if free else None, source, turn


def reported(answer: OnCall) -> tuple[set[str], str | None, str, int]:
    """Lay out an answer as the oracle does; nobody is on call twice."""
    assert len(set(answer.people)) == len(answer.people)
    return set(answer.people), answer.backup, answer.source, answer.turn


def agrees(plan: Plan, clock: WallClock, schedule: str, every: int) -> None:
    """Compare shifts and `on_call` with the oracle, beside each edge and each so many minutes."""
    oracle = ScheduleOracle(plan, schedule, clock)
    begin, end = clock.minutes[clock.first], clock.minutes[clock.last]
    found = list(shifts(plan, schedule, begin, end))
    assert [found[0].start, *(one.end for one in found)] == [*(one.start for one in found), end]
    assert found[0].start == begin
    assert all(one.on_call != other.on_call for one, other in pairwise(found))
    for one in found:
        first = round((one.start - clock.minutes[0]) / MINUTE)
        last = round((one.end - clock.minutes[0]) / MINUTE) - 1
        for minute in {*range(first, last + 1, every), (first + last) // 2, last}:
            assert oracle.at(minute) == reported(one.on_call), clock.shows[minute]
        for minute in (first, (first + last) // 2, last):
            assert on_call(plan, schedule, clock.minutes[minute]) == one.on_call, clock.shows[
                minute
            ]


@st.composite
def layers(draw: st.DrawFn, clock: WallClock) -> Layer:
    """Draw a layer that began some weeks ago, or begins in the week."""
    every = st.sampled_from(
        [
            *((1, "hours"), (8, "hours"), (12, "hours"), (24, "hours")),
            *((1, "days"), (3, "days"), (1, "weeks"), (2, "weeks")),
        ]
    )
    count, name = draw(every)
    unit: Unit = "hours" if name == "hours" else "days" if name == "days" else "weeks"
    return Layer(
        rotation=tuple(draw(st.permutations(PEOPLE)))[: draw(st.integers(1, 4))],
        since=clock.middle + draw(st.integers(-40, 4)) * DAY,
        at=draw(times()),
        weekday=draw(st.integers(0, 6)),
        every=count,
        unit=unit,
        only=tuple(draw(st.lists(windows(), max_size=2))),
    )


@st.composite
def explicit(draw: st.DrawFn, clock: WallClock) -> ExplicitShift:
    """Draw an explicit shift of up to three days."""
    start = datetime.combine(clock.middle + draw(st.integers(-3, 3)) * DAY, draw(times()))
    length = timedelta(minutes=draw(st.integers(1, 3 * 24 * 60)))
    return ExplicitShift(draw(st.sampled_from(PEOPLE)), start, start + length)


@st.composite
def overrides(draw: st.DrawFn, clock: WallClock, number: int) -> Override:
    """Draw an override of any kind, sensible or not."""
    start = clock.minutes[draw(st.integers(clock.first - 60, clock.last))]
    someone = st.none() | st.sampled_from(PEOPLE)
    return Override(
        id=number,
        schedule=draw(st.sampled_from(["doctors", "doctors", "seniors"])),
        kind=draw(st.sampled_from(["add", "remove", "replace"])),
        person=draw(someone),
        instead_of=draw(someone),
        start=start,
        end=start + timedelta(minutes=draw(st.integers(1, 3000))),
    )


@st.composite
def practices(draw: st.DrawFn) -> tuple[Plan, WallClock]:
    """Draw a practice with two schedules in one of the weeks."""
    clock = draw(clocks())
    doctors = Schedule(
        "doctors",
        tuple(draw(layers(clock)) for _ in range(draw(st.integers(1, 3)))),
        tuple(draw(explicit(clock)) for _ in range(draw(st.integers(0, 2)))),
        draw(st.sampled_from(["next", "next", "seniors", "ana"])),
    )
    seniors = Schedule("seniors", (draw(layers(clock)),))
    laid_over = tuple(draw(overrides(clock, number)) for number in range(draw(st.integers(0, 5))))
    plan = replace(
        plan_in(clock.zone),
        schedules={"doctors": doctors, "seniors": seniors},
        overrides=tuple(draw(st.permutations(laid_over))),
    )
    return plan, clock


@given(drawn=practices())
@settings(max_examples=40, deadline=None)
def test_any_schedule_is_what_the_definitions_say(drawn: tuple[Plan, WallClock]) -> None:
    """Whatever a practice decides, everybody knows at each minute who is on call."""
    plan, clock = drawn
    agrees(plan, clock, "doctors", every=13)


@pytest.mark.parametrize("unit", ["hours", "days", "weeks"])
@pytest.mark.parametrize(("zone", "middle"), WEEKS)
def test_every_zone_hands_over_by_its_own_clock(zone: str, middle: date, unit: Unit) -> None:
    """Turns by hours, days and weeks, with nights above, over the jumps of every zone."""
    clock = wall_clock(zone, middle)
    every = 6 if unit == "hours" else 1
    nights = tuple(Window(day, time(17), (day + 1) % 7, time(8)) for day in range(7))
    doctors = Schedule(
        "doctors",
        (
            Layer(PEOPLE, middle - 30 * DAY, time(2, 15), middle.weekday(), every, unit),
            Layer(PEOPLE[1:], middle - 20 * DAY, time(0), 0, 1, "days", nights),
        ),
    )
    agrees(replace(plan_in(clock.zone), schedules={"doctors": doctors}), clock, "doctors", every=3)


@given(drawn=practices(), data=st.data())
@settings(max_examples=12, deadline=None)
def test_overrides_that_do_not_overlap_commute(
    drawn: tuple[Plan, WallClock], data: st.DataObject
) -> None:
    """One after the other in time, it does not matter which was made first."""
    plan, clock = drawn
    cuts = st.integers(clock.first, clock.last).map(lambda minute: clock.minutes[minute])
    edges = sorted(data.draw(st.lists(cuts, min_size=6, max_size=6, unique=True)))
    apart = [
        replace(data.draw(overrides(clock, 1)), start=begin, end=end)
        for begin, end in zip(edges[::2], edges[1::2], strict=True)
    ]

    def people(numbers: list[int]) -> list[tuple[datetime, tuple[str, ...], str | None]]:
        laid_over = tuple(
            replace(one, id=number) for one, number in zip(apart, numbers, strict=True)
        )
        found = shifts(
            replace(plan, overrides=laid_over), "doctors", clock.minutes[0], clock.minutes[-1]
        )
        return [(one.start, one.on_call.people, one.on_call.backup) for one in found]

    assert people([1, 2, 3]) == people([3, 1, 2])


@given(drawn=practices())
@settings(max_examples=12, deadline=None)
def test_changes_and_gaps_are_shifts(drawn: tuple[Plan, WallClock]) -> None:
    """What changes next is the second shift; a gap is where nobody is, as long as it lasts."""
    plan, clock = drawn
    begin, end = clock.minutes[clock.first], clock.minutes[clock.last]
    found = list(shifts(plan, "doctors", begin, end))
    assert list(changes(plan, "doctors", begin, end)) == found[1:]
    holes = list(coverage_gaps_of(plan, "doctors", begin, end))
    assert all(one.end < other.start for one, other in pairwise(holes))
    empty = [one for one in found if not one.on_call.people]
    assert sum((one.end - one.start for one in holes), timedelta()) == sum(
        (one.end - one.start for one in empty), timedelta()
    )
    for hole in holes:
        assert any((one.start, one.on_call) == (hole.start, hole.on_call) for one in empty)
