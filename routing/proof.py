"""Whether every path a caller can take ends at a human, at every instant of a span.

By intervals, not by samples: between two instants at which anything may change nothing does, so
one walk for each proves all of it, and intervals that agree in all that matters are walked once.
Within a walk the clock stands still, as on the live line: a call is decided by the instant at which
it began, whatever opens, closes or is handed off while it lasts. What comes after it goes by its
own time: so calls that may span a change are looked at once more, with the people whom they rang
before the change, and those whom their message calls after it. Quiet hours change no verdict:
urgent calls ring in them, and all others end in a message anyway.

What is demanded of a path stands in `routing.lacks`.
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

MOST = 20  # counterexamples that are told
SPOKEN = timedelta(minutes=10)  # menus, a number and a message, at their longest
PRESSED_S = 80  # beside its ringing a step lasts until whoever picked up last was asked, at most

Span = tuple[datetime, datetime]


class Failure(NamedTuple):
    """A path that ends nowhere, and why."""

    line: str
    urgency: str | None
    path: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Counterexample:
    """A failure, and all the spans (UTC) in which calls that it happens to begin, in order."""

    failure: Failure
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class Proof:
    """The verdict about [start, end): intervals looked at, and the paths through all of them.

    `across` are the paths of calls that last past one of the `changes` between two intervals. The
    counterexamples begin with the shortest path; of those, with the earliest.
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
    """Prove a plan over a span of aware instants, with the contacts whose numbers are known.

    At most so many different counterexamples are told.
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
        # the call began in this one, and its message comes in one of those
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
    """Say how long a call may go on while nobody accepts it, at the most."""
    escalations = [
        sum(one.seconds if isinstance(one, Pause) else one.ring_s + PRESSED_S for one in known.live)
        for known in plan.escalations.values()
    ]
    keys = (do for menu in plan.menus.values() for do in (*menu.keys.values(), menu.otherwise))
    actions = (*(rule.do for rule in plan.rules), *keys)
    first = [do.ring_s + PRESSED_S for do in actions if isinstance(do, Ring)]
    return SPOKEN + timedelta(seconds=max(escalations, default=0) + max(first, default=0))


def _until(looked: Sequence[Stretch], number: int, end: datetime) -> Iterator[Stretch]:
    """List the stretches from this place on that begin before an instant."""
    while number < len(looked) and looked[number].start < end:
        yield looked[number]
        number += 1


def _joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Join what overlaps or touches; in their order."""
    found: list[Span] = []
    for begins, ends in sorted(spans):
        if found and begins <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], ends))
        else:
            found.append((begins, ends))
    return tuple(found)


class _Prover:
    """Walks at instants, and remembers by what a walk depends on."""

    def __init__(self, plan: Plan, numbers: Numbers) -> None:
        self._kinds = paths.caller_kinds(plan)
        self._plan = paths.with_callers(plan, self._kinds)
        self._numbers = numbers
        self.watched = Watched(self._plan)
        self._ends: dict[Hashable, tuple[int, list[Path]]] = {}
        self._callable: dict[Hashable, Callable] = {}
        self._failures: dict[Hashable, list[Failure]] = {}

    def look(self, stretch: Stretch) -> Iterator[tuple[int, list[Failure]]]:
        """Count for each line the paths of a stretch, and list those that fail."""
        who = self._who(stretch)
        for line in self._plan.lines:
            how, count, ends = self._walked(line, stretch)
            key = (how, stretch.answers, who)
            if key not in self._failures:
                whys = [(path, why(path.end, self._plan, who, stretch.start)) for path in ends]
                self._failures[key] = _failures(whys)
            yield count, self._failures[key]

    def look_across(self, began: Stretch, later: Stretch) -> Iterator[tuple[int, list[Failure]]]:
        """Do the same for calls that began in one stretch and whose message comes in a later."""
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
        """Return what the paths of a line depend on, how many there are, and the shortest ones."""
        how = self.watched.routing(line, stretch)
        if how not in self._ends:
            self._ends[how] = self._find_ends(line, stretch.start)
        return (how, *self._ends[how])

    def _find_ends(self, line: Line, now: datetime) -> tuple[int, list[Path]]:
        """Count the paths on a line, and list the shortest to each different end."""
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
    """List what fails, each reason with its shortest path; an empty one is no failure."""
    found: dict[tuple[str | None, str], Path] = {}
    for path, lacks in whys:
        key = (path.end.urgency, lacks)
        if lacks and (key not in found or len(path.keys) < len(found[key].keys)):
            found[key] = path
    return [
        Failure(path.line.name, urgency, path.words(), lacks)
        for (urgency, lacks), path in found.items()
    ]
