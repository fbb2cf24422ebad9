"""Expected workload per person: nights, weekends, holidays and interruptions.

Nothing is random: the same plan and load give the same figures. A load says how many calls come on
each line in each hour of the week and how many of them are urgent. Each interval in which nothing
changes is walked once, by the code that answers calls, and weighted by the calls in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from routing import paths, people
from routing.burden import DAWN, DUSK, FAIR, HOUR, Burden, Turns, evenness, is_night, on_duty
from routing.covered import Covered, covered
from routing.decision import Decision
from routing.instants import clock_hours
from routing.model import Line, Plan
from routing.people import Numbers
from routing.stretches import Stretch, Watched, stretches

NIGHT_HOURS = 15
MINUTE = timedelta(minutes=1)
OUTCOMES = ("connected", "message", "announced", "blocked")

_Reachable = Mapping[bool, frozenset[str]]  # by whether the call is urgent
Slot = tuple[str, int, int]  # a line's name, a weekday from 0 (Monday), an hour of the day


@dataclass(frozen=True)
class Load:
    """Calls per hour by line, weekday and hour, and each line's share of urgent calls.

    `accepts` is the probability (0 to 1) that somebody accepts when a step rings.
    """

    calls: Mapping[Slot, float]
    urgent: Mapping[str, float]
    accepts: float = 0.8


@dataclass(frozen=True)
class Simulation:
    """A span's figures; `nights` has who is on call in each night, by the date it begins on.

    `minutes` counts time open, closed and with nobody on call. `outcomes` has the expected calls by
    how they end. `evenness` is the highest personal value divided by the mean (1 is even).
    `covered` has the turns taken for people who are away.
    """

    start: datetime
    end: datetime
    minutes: Mapping[str, int]
    load: Mapping[str, Burden]
    outcomes: Mapping[str, float]
    evenness: Mapping[str, float]
    nights: Mapping[date, tuple[str, ...]]
    holidays: Mapping[date, str] = field(default_factory=dict)
    covered: tuple[Covered, ...] = ()


def nightly(line: Line, calls: float, urgent: float, accepts: float) -> Load:
    """Return a load with this many calls per night, evenly from 17:00 to 08:00, on one line."""
    at_night = [hour for hour in range(24) if hour >= DUSK.hour or hour < DAWN.hour]
    rates = {(line.name, day, hour): calls / NIGHT_HOURS for day in range(7) for hour in at_night}
    return Load(rates, {line.name: urgent}, accepts)


def observed(
    calls: Iterable[tuple[datetime, str, bool]], plan: Plan, days: float, accepts: float
) -> Load:
    """Return the weekly load from past calls (instant, line, whether urgent) of so many days."""
    rates: dict[Slot, float] = defaultdict(float)
    urgent: dict[str, list[bool]] = defaultdict(list)
    for at, line, was_urgent in calls:
        local = at.astimezone(plan.office.zone)
        rates[line, local.weekday(), local.hour] += 7 / days
        urgent[line].append(was_urgent)
    shares = {line: sum(seen) / len(seen) for line, seen in urgent.items()}
    return Load(rates, shares, accepts)


def simulate(
    plan: Plan, numbers: Numbers, start: datetime, end: datetime, load: Load
) -> Simulation:
    """Return the expected workload over a span of aware instants under this load."""
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    tally = _Tally(plan, numbers, load)
    cuts = tuple(clock_hours(plan.office.zone, start, end))
    for stretch in stretches(plan, start, end, tally.watched.windows, cuts):
        tally.add(stretch)
    nights, holidays = tally.turns.count(start, end, lambda _: plan)
    burdens = tally.turns.load
    return Simulation(
        start,
        end,
        {name: round(span / MINUTE) for name, span in tally.minutes.items()},
        burdens,
        tally.outcomes,
        {kind: evenness([getattr(one, kind) for one in burdens.values()]) for kind in FAIR},
        nights,
        holidays,
        covered(plan, start, end),
    )


@dataclass
class _Effect:
    """What one call causes on average: how it ends, and how often each person's phone rings."""

    outcomes: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    rings: dict[str, float] = field(default_factory=lambda: defaultdict(float))


class _Tally:
    """Adds up stretches; the effect of a call is computed once for all equal stretches."""

    def __init__(self, plan: Plan, numbers: Numbers, load: Load) -> None:
        self._callers = (paths.CallerKind(paths.UNKNOWN, "unknown"),)
        self._plan = paths.with_callers(plan, self._callers)
        self._numbers = numbers
        self._load = load
        self.watched = Watched(self._plan)
        self._ends: dict[Hashable, list[Decision]] = {}
        self._reachable: dict[Hashable, _Reachable] = {}
        self._effects: dict[Hashable, _Effect] = {}
        self.minutes = dict.fromkeys(("total", "open", "closed", "nobody_on_call"), timedelta())
        self.outcomes: dict[str, float] = dict.fromkeys(OUTCOMES, 0.0)
        self.turns = Turns(on_duty(plan), plan.office.zone)

    def add(self, stretch: Stretch) -> None:
        """Count a stretch that lies within one hour of the office's clock."""
        length = stretch.end - stretch.start
        local = stretch.start.astimezone(self._plan.office.zone)
        who = {one for people_, _ in stretch.answers for one in people_}
        self.minutes["total"] += length
        self.minutes[stretch.states[0]] += length  # the main office hours come first
        self.minutes["nobody_on_call"] += timedelta() if who else length
        self.turns.add(stretch.start, stretch.end, who)
        for line in self._plan.lines:
            rate = self._load.calls.get((line.name, local.weekday(), local.hour), 0.0)
            if rate:
                self._ring(self._effect(line, stretch), rate * (length / HOUR), is_night(local))

    def _ring(self, effect: _Effect, calls: float, at_night: bool) -> None:  # noqa: FBT001  # private
        for outcome, share in effect.outcomes.items():
            self.outcomes[outcome] += share * calls
        for person, times in effect.rings.items():
            burden = self.turns.of(person)
            burden.interruptions += times * calls
            burden.night_interruptions += times * calls if at_night else 0

    def _effect(self, line: Line, stretch: Stretch) -> _Effect:
        how, reach = self.watched.routing(line, stretch), self.watched.reach(stretch)
        if how not in self._ends:
            walked = paths.walk(self._plan, line, self._callers, stretch.start)
            self._ends[how] = [path.end for path in walked]
        if reach not in self._reachable:
            self._reachable[reach] = {
                urgent: frozenset(
                    people.reachable(self._plan, self._numbers, stretch.start, urgent=urgent)
                )
                for urgent in (True, False)
            }
        key = (how, stretch.answers, *self._reachable[reach].values())
        if key not in self._effects:
            share = self._load.urgent.get(line.name, 0.0)
            self._effects[key] = self._work_out(
                self._ends[how], share, self._reachable[reach], stretch.start
            )
        return self._effects[key]

    def _work_out(
        self, ends: list[Decision], share: float, reachable: _Reachable, now: datetime
    ) -> _Effect:
        """Return a call's effect, averaged over its possible paths, urgent and not urgent."""
        urgent = [end for end in ends if end.urgency == "urgent"]
        others = [end for end in ends if end.urgency != "urgent"]
        if not urgent or not others:
            share = float(bool(urgent))
        effect = _Effect()
        for some, weight in ((urgent, share), (others, 1 - share)):
            for end in some:
                rung = paths.rung(end, self._plan, now, reachable[end.urgency == "urgent"])
                self._follow(end, rung, weight / len(some), effect)
        return effect

    def _follow(
        self, end: Decision, rung: Iterator[tuple[str, ...]], weight: float, effect: _Effect
    ) -> None:
        if end.kind in {"announce", "reject"}:
            effect.outcomes["announced" if end.kind == "announce" else "blocked"] += weight
            return
        waiting = weight
        for who in rung:
            for one in who:
                if one in self._plan.people:
                    effect.rings[one] += waiting
            waiting *= 1 - self._load.accepts if who else 1
        effect.outcomes["connected"] += weight - waiting
        effect.outcomes["message"] += waiting
