"""Who was on call, as the plans said that ran: nights, hours and handoffs, over every `apply`."""

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
    from routing.past import Past


@dataclass(frozen=True)
class Planned:
    """What fell to whom, without what rang; `nights` are who was on call in each."""

    load: Mapping[str, Burden]
    nights: Nights
    evenness: Mapping[str, float]


@dataclass(frozen=True)
class RotaShare:
    """How much of one rota fell to a person."""

    rota: str
    person: str
    nights: int
    hours: float


def planned(past: Past, start: datetime, end: datetime) -> Planned:
    """Add up who was on call in [start, end); some of those who could be never were."""
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


def rotas(past: Past, start: datetime, end: datetime) -> tuple[str, ...]:
    """Name the rotas that there were in [start, end)."""
    names = (rota for one in past.within(start, end) for rota in one.plan.rotas)
    return tuple(dict.fromkeys(names))


def handoffs(past: Past, rota: str, start: datetime, end: datetime) -> list[oncall.Handoff]:
    """List when the people on call changed within (start, end), by the rota or by another plan.

    That a rota begins or ends is none.
    """
    known: list[tuple[datetime, tuple[str, ...] | None]] = []
    for one in past.within(start, end):
        if rota not in one.plan.rotas:
            known.append((one.start, None))
            continue
        known += oncall.stretches(one.plan, rota, one.start, one.end)
    return [
        oncall.Handoff(rota, at, before, after)
        for (_, before), (at, after) in pairwise(known)
        if before is not None and after is not None and before != after
    ]


def shares(past: Past, rota: str, start: datetime, end: datetime) -> Iterable[RotaShare]:
    """Share a rota's hours, and its nights by who had the most of each, among its people."""
    zone = past.running.office.zone
    spans: defaultdict[str, timedelta] = defaultdict(timedelta)
    nights: defaultdict[date, defaultdict[str, timedelta]] = defaultdict(
        lambda: defaultdict(timedelta)
    )
    for one in _duties(past, rota, start, end):
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
        yield RotaShare(rota, person, counted[person], round(held / HOUR, 1))


def _duties(past: Past, rota: str, start: datetime, end: datetime) -> Iterator[oncall.Duty]:
    for one in past.within(start, end):
        if rota in one.plan.rotas:
            yield from oncall.duties(one.plan, rota, one.start, one.end)
