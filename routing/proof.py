"""Whether every path a caller can take ends at a human, at every instant of a span.

The proof uses intervals, not samples: nothing changes between two instants at which something may
change, so one walk proves a whole interval, and equal intervals are walked only once. As on the
live line, a call is decided for the instant at which it began, even if the office closes or a
handoff happens during the call. Its message is decided later: so calls that may span a change are
checked again, with the people they rang before the change and the people their message calls after
it. Quiet hours do not affect the verdict: urgent calls ring anyway, and all others end in a
message.

The requirements for a path are in `routing.lacks`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from routing import paths, people
from routing.lacks import At, Callable, excused, why, why_across
from routing.model import Line, Pause, Plan, Ring
from routing.paths import Path
from routing.people import Numbers
from routing.stretches import Stretch, Watched, stretches

MOST = 20  # the most counterexamples to report
SPOKEN = timedelta(minutes=10)  # the longest time for menus, keys and a recording
PRESSED_S = 80  # the longest time to ask the person who picked up last

Span = tuple[datetime, datetime]


class Failure(NamedTuple):
    """A path that lacks something at its end, and what."""

    line: str
    urgency: str | None
    path: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Counterexample:
    """A failure, and all spans (UTC) in which a call may begin to hit it, in order."""

    failure: Failure
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class Proof:
    """The verdict about [start, end): how many intervals and paths were checked.

    `across` counts the paths of calls that continue past one of the `changes` between two
    intervals. The counterexamples are sorted by the length of their path, then by time.
    """

    holds: bool
    start: datetime
    end: datetime
    intervals: int
    paths: int
    counterexamples: tuple[Counterexample, ...]
    changes: int = 0
    across: int = 0


def prove(
    plan: Plan, numbers: Numbers, start: datetime, end: datetime, *, most: int = MOST
) -> Proof:
    """Return the proof of a plan over a span of aware instants, using the known contacts.

    The number of different counterexamples in it is limited.
    """
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    prover, longest = _Prover(plan, numbers), lasts(plan)
    spans: dict[Failure, list[Span]] = {}
    walked = across = 0
    changes: set[datetime] = set()
    looked = list(stretches(plan, start, end + longest, prover.watched.windows, (end,)))
    within = [one for one in looked if one.start < end]
    for number, stretch in enumerate(within):
        for count, failures in prover.look(stretch):
            walked += count
            for failure in failures:
                spans.setdefault(failure, []).append((stretch.start, stretch.end))
        # the call began in `stretch`, and its message comes in `later`
        for later in _until(looked, number + 1, stretch.end + longest):
            if later.same(stretch):
                continue
            changes.add(later.start)
            begins = max(stretch.start, later.start - longest)
            for count, failures in prover.look_across(stretch, later):
                across += count
                for failure in failures:
                    spans.setdefault(failure, []).append((begins, stretch.end))
    found = sorted(
        (Counterexample(failure, _joined(known)) for failure, known in spans.items()),
        key=lambda one: (len(one.failure.path), one.spans[0], one.failure.why),
    )
    reported = tuple(found[:most])
    return Proof(not found, start, end, len(within), walked, reported, len(changes), across)


def lasts(plan: Plan) -> timedelta:
    """Return the longest time that a call may last while nobody accepts it."""
    escalations = [
        sum(one.seconds if isinstance(one, Pause) else one.ring_s + PRESSED_S for one in known.live)
        for known in plan.escalations.values()
    ]
    keys = (do for menu in plan.menus.values() for do in (*menu.keys.values(), menu.otherwise))
    actions = (*(rule.do for rule in plan.rules), *keys)
    first = [do.ring_s + PRESSED_S for do in actions if isinstance(do, Ring)]
    return SPOKEN + timedelta(seconds=max(escalations, default=0) + max(first, default=0))


def _until(looked: Sequence[Stretch], number: int, end: datetime) -> Iterator[Stretch]:
    """Yield the stretches from index `number` on that begin before `end`."""
    while number < len(looked) and looked[number].start < end:
        yield looked[number]
        number += 1


def _joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return the spans in order, with those that overlap or touch merged."""
    found: list[Span] = []
    for begins, ends in sorted(spans):
        if found and begins <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], ends))
        else:
            found.append((begins, ends))
    return tuple(found)


class _Prover:
    """Walks the paths at instants, and caches each walk by what it depends on."""

    def __init__(self, plan: Plan, numbers: Numbers) -> None:
        self._kinds = paths.caller_kinds(plan)
        self._plan = paths.with_callers(plan, self._kinds)
        self._numbers = numbers
        self.watched = Watched(self._plan)
        self._ends: dict[Hashable, tuple[int, list[Path]]] = {}
        self._callable: dict[Hashable, Callable] = {}
        self._failures: dict[Hashable, list[Failure]] = {}

    def look(self, stretch: Stretch) -> Iterator[tuple[int, list[Failure]]]:
        """Yield, for each line, the number of paths in a stretch and those that fail."""
        who = self._who(stretch)
        for line in self._plan.lines:
            how, count, ends = self._walked(line, stretch)
            key = (how, stretch.answers, who)
            if key not in self._failures:
                whys = [(path, why(path.end, self._plan, who, stretch.start)) for path in ends]
                self._failures[key] = _failures(whys)
            yield count, self._failures[key]

    def look_across(self, began: Stretch, later: Stretch) -> Iterator[tuple[int, list[Failure]]]:
        """Yield the same for calls that begin in one stretch and leave a message in a later one."""
        first, then = At(self._who(began), began.start), At(self._who(later), later.start)
        for line in self._plan.lines:
            how, count, ends = self._walked(line, began)
            key = (how, began.answers, first.who, later.answers, then.who)
            if key not in self._failures:
                whys = [(path, why_across(path.end, self._plan, first, then)) for path in ends]
                self._failures[key] = _failures(whys)
            yield count, self._failures[key]

    def _who(self, stretch: Stretch) -> Callable:
        reach = self.watched.reach(stretch)
        if reach not in self._callable:
            self._callable[reach] = self._find_callable(stretch.start)
        return self._callable[reach]

    def _walked(self, line: Line, stretch: Stretch) -> tuple[Hashable, int, list[Path]]:
        """Return the cache key of a line's paths, their number, and the shortest ones."""
        how = self.watched.routing(line, stretch)
        if how not in self._ends:
            self._ends[how] = self._find_ends(line, stretch.start)
        return (how, *self._ends[how])

    def _find_ends(self, line: Line, now: datetime) -> tuple[int, list[Path]]:
        """Return the number of paths on a line, and the shortest path to each different end."""
        shortest: dict[object, Path] = {}
        count = 0
        for path in paths.walk(self._plan, line, self._kinds, now):
            count += 1
            end = path.end
            known = excused(end, self._plan)
            key = (end.kind, end.target, end.urgency, end.otherwise, end.own, known)
            if key not in shortest or len(path.keys) < len(shortest[key].keys):
                shortest[key] = path
        return count, list(shortest.values())

    def _find_callable(self, now: datetime) -> Callable:
        plan, numbers = self._plan, self._numbers
        return Callable(
            frozenset(people.reachable(plan, numbers, now, urgent=True)),
            frozenset(
                one.id
                for one in plan.people.values()
                if people.contact(one, plan, numbers, now) is not None
            ),
        )


def _failures(whys: Iterable[tuple[Path, str]]) -> list[Failure]:
    """Return each reason with its shortest path; an empty reason is not a failure."""
    found: dict[tuple[str | None, str], Path] = {}
    for path, lacks in whys:
        key = (path.end.urgency, lacks)
        if lacks and (key not in found or len(path.keys) < len(found[key].keys)):
            found[key] = path
    return [
        Failure(path.line.name, urgency, path.words(), lacks)
        for (urgency, lacks), path in found.items()
    ]
