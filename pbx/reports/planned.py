"""Who was on call by the plans that ran: nights, hours and handoffs, across every `apply`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from routing import oncall
from routing.burden import (
    DAWN,
    DUSK,
    HOUR,
    TURNS,
    Burden,
    Nights,
    Turns,
    evenness,
    most,
    on_duty,
)
from routing.instants import DAY, clock_hours, instant
from routing.stretches import stretches

if TYPE_CHECKING:
    from routing.config_history import ConfigHistory


@dataclass(frozen=True)
class Planned:
    """Each person's planned share, without interruptions; `nights` says who was on call in each."""

    load: Mapping[str, Burden]
    nights: Nights
    evenness: Mapping[str, float]


@dataclass(frozen=True)
class ScheduleShare:
    """A person's share of one schedule."""

    schedule: str
    person: str
    nights: int
    hours: float


def planned(past: ConfigHistory, start: datetime, end: datetime) -> Planned:
    """Sum up who was on call in [start, end), including people who never were."""
    zone = past.running.office.zone
    plans = [one.plan for one in past.within(start, end)]
    people = [one for plan in plans for one in (*on_duty(plan), *plan.physicians())]
    turns = Turns(dict.fromkeys(people), zone)
    for ran in past.within(start, end):
        cuts = tuple(clock_hours(zone, ran.start, ran.end))
        for one in stretches(ran.plan, ran.start, ran.end, cuts=cuts):
            turns.add(one.start, one.end, {who for people_, _ in one.answers for who in people_})
    nights, _ = turns.count(start, end, past.at)
    even = {
        kind: evenness([getattr(one, kind) for one in turns.load.values()])
        for kind in (*TURNS, "hours")
    }
    return Planned(turns.load, nights, even)


def schedules(past: ConfigHistory, start: datetime, end: datetime) -> tuple[str, ...]:
    """Return the ids of the schedules that existed in [start, end)."""
    names = (schedule for one in past.within(start, end) for schedule in one.plan.schedules)
    return tuple(dict.fromkeys(names))


def past_handoffs(
    past: ConfigHistory, schedule: str, start: datetime, end: datetime
) -> list[oncall.Handoff]:
    """List the changes of who is on call within (start, end), by the schedule or by a new plan.

    The start or end of a schedule itself is not a handoff.
    """
    known: list[tuple[datetime, tuple[str, ...] | None]] = []
    for one in past.within(start, end):
        if schedule not in one.plan.schedules:
            known.append((one.start, None))
            continue
        known += oncall.oncall_stretches(one.plan, schedule, one.start, one.end)
    return [
        oncall.Handoff(schedule, at, before, after)
        for (_, before), (at, after) in pairwise(known)
        if before is not None and after is not None and before != after
    ]


def shares(
    past: ConfigHistory, schedule: str, start: datetime, end: datetime
) -> Iterable[ScheduleShare]:
    """Split a schedule's hours among its people, and its nights by who had most of each."""
    zone = past.running.office.zone
    spans: defaultdict[str, timedelta] = defaultdict(timedelta)
    nights: defaultdict[date, defaultdict[str, timedelta]] = defaultdict(
        lambda: defaultdict(timedelta)
    )
    for one in _duties(past, schedule, start, end):
        spans[one.person] += one.end - one.start
        night = one.start.astimezone(zone).date() - DAY
        while (dusk := instant(night, DUSK, zone)) < one.end:
            held = min(one.end, instant(night + DAY, DAWN, zone)) - max(one.start, dusk)
            if dusk >= start and held > timedelta():
                nights[night][one.person] += held
            night += DAY
    counted = Counter(
        person
        for night, who in nights.items()
        for person in most(who, instant(night + DAY, DAWN, zone) - instant(night, DUSK, zone))
    )
    for person, held in spans.items():
        yield ScheduleShare(schedule, person, counted[person], round(held / HOUR, 1))


def _duties(
    past: ConfigHistory, schedule: str, start: datetime, end: datetime
) -> Iterator[oncall.OnCallSpan]:
    for one in past.within(start, end):
        if schedule in one.plan.schedules:
            yield from oncall.duties(one.plan, schedule, one.start, one.end)
