"""Whether every path a caller can take ends at a human, at every instant of a span.

By intervals, not by samples: between two instants at which anything may change nothing does, so
one walk for each proves all of it, and intervals that agree in all that matters are walked once.
Within a walk the clock stands still: a handoff in the middle of a call lies between two intervals
that are both proven. Quiet hours change no verdict: urgent calls ring in them, and all others end
in a message anyway.

What is demanded of a path:
- It ends in a message that somebody owns: the office's inbox names a person or desk phone. Whoever
  is rung, in a ring or a ladder, is followed by a message when nobody accepts.
- It does not end in an announcement or a refusal, unless the rule that says so asks for a flag:
  such callers the office knows.
- If it is urgent, at least two different people with a contact at that instant are reached: rung
  by the ring or the ladder, or, if they want messages first, called by the message that follows.
  Where there is no ladder the message calls on call, backup and everyone, whatever they want
  first. Desk phones are no people.
- If it is urgent and asks who is on call, somebody is, and can be reached. That the engine calls
  everyone where nobody is on call saves a patient, and proves nothing.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from routing import ladder, paths, people, rota
from routing.decision import Decision
from routing.model import BACKUP, EVERYONE, ONCALL, Ladder, Line, Plan, Try
from routing.paths import Path
from routing.people import Numbers
from routing.stretches import Stretch, Watched, stretches

MOST = 20  # counterexamples that are told
ENOUGH = 2  # people that an urgent path reaches


class Failure(NamedTuple):
    """A path that ends nowhere, and why."""

    line: str
    urgency: str | None
    path: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Counterexample:
    """A failure, and all the spans (UTC) in which it happens, the earliest first."""

    failure: Failure
    spans: tuple[tuple[datetime, datetime], ...]


@dataclass(frozen=True)
class Proof:
    """The verdict about [start, end): intervals looked at, and the paths through all of them.

    The counterexamples begin with the shortest path; of those, with the earliest.
    """

    holds: bool
    start: datetime
    end: datetime
    intervals: int
    paths: int
    counterexamples: tuple[Counterexample, ...]


def prove(
    plan: Plan, numbers: Numbers, start: datetime, end: datetime, *, most: int = MOST
) -> Proof:
    """Prove a plan over a span of aware instants, with the contacts whose numbers are known.

    At most so many different counterexamples are told.
    """
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    prover = _Prover(plan, numbers)
    spans: dict[Failure, list[tuple[datetime, datetime]]] = {}
    intervals = walked = 0
    for stretch in stretches(plan, start, end, prover.watched.windows):
        intervals += 1
        for count, failures in prover.look(stretch):
            walked += count
            for failure in failures:
                known = spans.setdefault(failure, [])
                if known and known[-1][1] == stretch.start:
                    known[-1] = (known[-1][0], stretch.end)
                else:
                    known.append((stretch.start, stretch.end))
    found = sorted(
        (Counterexample(failure, tuple(known)) for failure, known in spans.items()),
        key=lambda one: (len(one.failure.path), one.spans[0], one.failure.why),
    )
    return Proof(not found, start, end, intervals, walked, tuple(found[:most]))


class _Callable(NamedTuple):
    """Who can be called at an instant: rung live, and by a message."""

    live: frozenset[str]
    people: frozenset[str]


class _Prover:
    """Walks at instants, and remembers by what a walk depends on."""

    def __init__(self, plan: Plan, numbers: Numbers) -> None:
        self._kinds = paths.callers(plan)
        self._plan = paths.with_callers(plan, self._kinds)
        self._numbers = numbers
        self.watched = Watched(self._plan)
        self._ends: dict[Hashable, tuple[int, list[Path]]] = {}
        self._callable: dict[Hashable, _Callable] = {}
        self._failures: dict[Hashable, list[Failure]] = {}

    def look(self, stretch: Stretch) -> Iterator[tuple[int, list[Failure]]]:
        """Count for each line the paths of a stretch, and list those that fail."""
        reach = self.watched.reach(stretch)
        if reach not in self._callable:
            self._callable[reach] = self._find_callable(stretch.start)
        who = self._callable[reach]
        for line in self._plan.lines:
            how = self.watched.routing(line, stretch)
            if how not in self._ends:
                self._ends[how] = self._find_ends(line, stretch.start)
            count, ends = self._ends[how]
            key = (how, stretch.answers, who)
            if key not in self._failures:
                self._failures[key] = self._find_failures(ends, who, stretch.start)
            yield count, self._failures[key]

    def _find_ends(self, line: Line, now: datetime) -> tuple[int, list[Path]]:
        """Count the paths on a line, and list the shortest to each different end."""
        shortest: dict[object, Path] = {}
        count = 0
        for path in paths.walk(self._plan, line, self._kinds, now):
            count += 1
            end = path.end
            excused = _excused(end, self._plan)
            key = (end.kind, end.target, end.urgency, end.otherwise, end.own, excused)
            if key not in shortest or len(path.keys) < len(shortest[key].keys):
                shortest[key] = path
        return count, list(shortest.values())

    def _find_callable(self, now: datetime) -> _Callable:
        plan, numbers = self._plan, self._numbers
        return _Callable(
            frozenset(people.reachable(plan, numbers, now, urgent=True)),
            frozenset(
                one.id
                for one in plan.people.values()
                if people.contact(one, plan, numbers, now) is not None
            ),
        )

    def _find_failures(self, ends: Iterable[Path], who: _Callable, now: datetime) -> list[Failure]:
        """List what fails at an instant, each reason with its shortest path."""
        found: dict[tuple[str | None, str], Path] = {}
        for path in ends:
            why = _why(path.end, self._plan, who, now)
            key = (path.end.urgency, why)
            if why and (key not in found or len(path.keys) < len(found[key].keys)):
                found[key] = path
        return [
            Failure(path.line.name, urgency, path.words(), why)
            for (urgency, why), path in found.items()
        ]


def _excused(end: Decision, plan: Plan) -> bool:
    return end.kind in {"announce", "reject"} and paths.asked_for_flag(end, plan)


def _why(end: Decision, plan: Plan, who: _Callable, now: datetime) -> str:
    """Say what a path's end lacks at an instant; empty if it lacks nothing."""
    if end.kind in {"announce", "reject"}:
        return "" if _excused(end, plan) else "it ends without a human and without a message"
    owners = ladder.resolve(plan.office.inbox, plan, now)
    if not any(one in plan.people or one in plan.phones for one in owners):
        return f"nobody owns the message: the inbox {plan.office.inbox} is nobody here"
    if end.urgency != "urgent":
        return ""
    steps = plan.ladders.get((end.target if end.kind == "ladder" else end.otherwise) or "")
    return next(filter(None, _lacks_on_call(end, steps, plan, who, now)), "") or _too_few(
        _reached(end, steps, plan, who, now)
    )


def _first_rota(plan: Plan) -> str:
    return next(iter(plan.rotas), "")


def _lacks_on_call(
    end: Decision, steps: Ladder | None, plan: Plan, who: _Callable, now: datetime
) -> Iterator[str]:
    """Say for each rota that an urgent path asks what is wrong with who is on call."""
    if steps is None or (end.kind == "ring" and end.target == ONCALL):
        yield _on_call_lacks(plan, _first_rota(plan), who, now)
    if steps is not None and any(isinstance(one, Try) and one.who == ONCALL for one in steps.live):
        yield _on_call_lacks(plan, steps.rota or _first_rota(plan), who, now)


def _on_call_lacks(plan: Plan, rota_name: str, who: _Callable, now: datetime) -> str:
    if rota_name not in plan.rotas:
        return ""  # an office without rotas calls everyone by intention
    on_call = rota.on_call(plan, rota_name, now).people
    if not on_call:
        return f"nobody is on call in the rota {rota_name}"
    silent = [one for one in on_call if one not in who.people]
    return f"{silent[0]} is on call and has no contact then" if silent else ""


def _reached(
    end: Decision, steps: Ladder | None, plan: Plan, who: _Callable, now: datetime
) -> set[str]:
    """Name the people whom an urgent path reaches, rung or called by its message."""
    rung = {one for together in paths.rung(end, plan, now, who.live) for one in together}
    rota_name = steps.rota if steps is not None else ""
    called = {
        one
        for word in (ONCALL, BACKUP, EVERYONE)
        for one in ladder.resolve(word, plan, now, rota_name=rota_name)
        if one in who.people and (steps is None or plan.people[one].mode == "relay")
    }
    return {one for one in rung if one in plan.people} | called


def _too_few(reached: set[str]) -> str:
    if len(reached) >= ENOUGH:
        return ""
    only = next(iter(reached), "")
    return f"only {only} can be reached" if only else "nobody can be reached"
