"""Splits a span of time at every instant at which a decision may change.

A decision depends on the state of all office hours, on who is on call in each schedule, and on
which weekly windows apply. Stretches that agree in these get the same decisions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from routing import hours, schedule
from routing.instants import occurrences
from routing.model import OFFICE, HoursState, Line, Plan, Window

T = TypeVar("T")
Answer = tuple[tuple[str, ...], str | None]  # who is on call in a schedule, and who steps in


@dataclass(frozen=True)
class Stretch:
    """A time from `start` up to `end` (UTC) in which none of these fields changes.

    `states` has one state for each of `office_hours(plan)`, `answers` one for each of the plan's
    schedules, in order. `held` has one bit for each window, set if the window applies.
    """

    start: datetime
    end: datetime
    states: tuple[HoursState, ...]
    answers: tuple[Answer, ...]
    held: int

    def same(self, other: Stretch) -> bool:
        """Return whether another stretch has the same conditions."""
        ours, theirs = ((one.states, one.answers, one.held) for one in (self, other))
        return ours == theirs


def office_hours(plan: Plan) -> tuple[str, ...]:
    """Return the names of all office hours that a line or a rule may use."""
    asked = [line.office_hours for line in plan.lines]
    asked += [rule.when.office_hours for rule in plan.rules if rule.when.office_hours is not None]
    return tuple(dict.fromkeys([OFFICE, *plan.office_hours, *asked]))


def stretches(
    plan: Plan,
    start: datetime,
    end: datetime,
    windows: Sequence[Window] = (),
    cuts: Sequence[datetime] = (),
) -> Iterator[Stretch]:
    """Yield the stretches of [start, end) without a gap, each as long as nothing changes.

    A stretch also ends at each of the `cuts`, even if nothing changes there.
    """
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    states, answers = _states(plan, start, end), _answers(plan, start, end)
    held, kept = _held(plan, start, end, windows), set(cuts)
    closed: HoursState = "closed"
    now = Stretch(
        start, end, (closed,) * len(office_hours(plan)), (((), None),) * len(plan.schedules), 0
    )
    for edge in sorted({*states, *answers, *held, *kept}):
        if not start <= edge < end:
            continue
        found = (
            _changed(now.states, states.get(edge, ())),
            _changed(now.answers, answers.get(edge, ())),
            held.get(edge, now.held),
        )
        if edge > start and (edge in kept or found != (now.states, now.answers, now.held)):
            yield Stretch(now.start, edge, now.states, now.answers, now.held)
            now = Stretch(edge, end, *found)
        else:
            now = Stretch(now.start, end, *found)
    if start < end:
        yield now


def _states(
    plan: Plan, start: datetime, end: datetime
) -> Mapping[datetime, list[tuple[int, HoursState]]]:
    found: dict[datetime, list[tuple[int, HoursState]]] = defaultdict(list)
    for number, name in enumerate(office_hours(plan)):
        for span in hours.spans(plan, start, end, name):
            found[span.start].append((number, span.state))
    return found


def _answers(
    plan: Plan, start: datetime, end: datetime
) -> Mapping[datetime, list[tuple[int, Answer]]]:
    found: dict[datetime, list[tuple[int, Answer]]] = defaultdict(list)
    for number, name in enumerate(plan.schedules):
        for shift in schedule.shifts(plan, name, start, end):
            who = shift.on_call
            found[shift.start].append((number, (who.people, who.backup)))
    return found


def _changed(values: tuple[T, ...], changes: Sequence[tuple[int, T]]) -> tuple[T, ...]:
    if not changes:
        return values
    new = list(values)
    for number, value in changes:
        new[number] = value
    return tuple(new)


def _held(
    plan: Plan, start: datetime, end: datetime, windows: Sequence[Window]
) -> dict[datetime, int]:
    """Return a map of each instant at which a window begins or ends to the windows then active."""
    flips: dict[datetime, list[tuple[int, bool]]] = defaultdict(list)
    for number, window in enumerate(windows):
        for begins, ends in occurrences(window, plan.office.zone, start, end):
            flips[max(begins, start)].append((1 << number, True))
            flips[ends].append((1 << number, False))
    held, found = 0, {}
    for edge in sorted(flips):
        for bit, holds in sorted(flips[edge], key=lambda flip: flip[1]):  # ends before beginnings
            held = held | bit if holds else held & ~bit
        found[edge] = held
    return found


class Watched:
    """What a plan's decisions depend on, as cache keys for stretches cut at its `windows`."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        reach = [
            window
            for one in plan.people.values()
            for windows in (one.quiet, *(way.only for way in one.contacts))
            for window in windows
        ]
        during = [window for rule in plan.rules for window in rule.when.during]
        self.windows = tuple(dict.fromkeys((*reach, *during)))
        self._reach = self._bits(reach)
        self._asked = {line.did: self._asked_on(line) for line in plan.lines}

    def routing(self, line: Line, stretch: Stretch) -> Hashable:
        """Return a key of all that a decision on a line depends on, apart from the call."""
        places, during = self._asked[line.did]
        states = tuple(stretch.states[place] for place in places)
        return (line.did, states, stretch.held & during)

    def reach(self, stretch: Stretch) -> Hashable:
        """Return a key of all that contacts and quiet hours depend on."""
        return stretch.held & self._reach

    def _bits(self, windows: Iterable[Window]) -> int:
        return sum(1 << self.windows.index(window) for window in set(windows))

    def _asked_on(self, line: Line) -> tuple[tuple[int, ...], int]:
        """Return the office hours and windows that the decisions on a line depend on."""
        whens = [rule.when for rule in self._plan.rules if rule.when.line in {None, line.name}]
        names = {
            line.office_hours,
            *(one.office_hours or line.office_hours for one in whens if one.hours),
        }
        places = (number for number, name in enumerate(office_hours(self._plan)) if name in names)
        return tuple(places), self._bits(window for one in whens for window in one.during)
