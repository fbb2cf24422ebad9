"""The burden of being on call: nights, interruptions, and messages left at each handoff.

Who was on call comes from the plan that ran at each time, with its overrides. An interruption is a
ring of a person's phone while the office was closed, for a call or about a message. A night lasts
from 8 AM to 8 AM without the open hours, and belongs to the day on which it begins.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from pbx.base.percentiles import Spread, spread
from pbx.db.figures import Rings, Span, measuring
from pbx.db.response_times import RESPONSES, Response, open_across, promises
from pbx.reports import planned
from pbx.reports.planned import Planned, ScheduleShare
from pbx.reports.traffic import Kept, bounds, kept_within
from routing.burden import DAWN, Burden, evenness
from routing.follow_up import response_s
from routing.instants import DAY, instant

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from routing.config_history import ConfigHistory
    from routing.oncall import Handoff

AROUND = timedelta(hours=1)  # time before and after a handoff
LOOK_BACK = DAY  # ignore messages older than this at a handoff


@dataclass(frozen=True)
class OnDuty:
    """One person: the planned `burden`, and what happened.

    `per_night` is the distribution of interruptions over the nights on call, `beyond` counts those
    in other nights, and `disturbed` counts the nights on call with any. `carried` counts urgent
    messages that nobody had acknowledged when this person's turn began.
    """

    person: str
    burden: Burden
    interruptions: int
    taken: int
    beyond: int
    disturbed: int
    per_night: Spread
    kept: Mapping[Response, Kept]
    carried: int


@dataclass(frozen=True)
class Boundary:
    """All handoffs of a schedule at one time of the week, in the office's time zone.

    Counts interruptions in the hour before (of the person on call) and in the hour after, of the
    new person and, in `late`, of the previous one. `carried` is as in `OnDuty`.
    """

    schedule: str
    weekday: int
    clock: str
    times: int
    before: int
    after: int
    late: int
    carried: int


@dataclass(frozen=True)
class DutyReport:
    """The figures of the local days from `first` up to and excluding `last`."""

    first: date
    last: date
    people: tuple[OnDuty, ...]
    schedules: tuple[ScheduleShare, ...]
    boundaries: tuple[Boundary, ...]
    evenness: Mapping[str, float]
    response_s: int


def duty(engine: Engine, past: ConfigHistory, first: date, last: date, now: datetime) -> DutyReport:
    """Compute each person's burden on the local days [first, last)."""
    start, end = bounds(past.running, first, last)
    asked = planned.planned(past, start, end)
    people, schedules = tuple(asked.load), planned.schedules(past, start, end)
    closed = list(_closed(past, start, end))
    handoffs = [
        one for schedule in schedules for one in planned.past_handoffs(past, schedule, start, end)
    ]
    around = [
        span for one in handoffs for span in ((one.at - AROUND, one.at), (one.at, one.at + AROUND))
    ]
    with measuring(engine) as figures:
        rings = figures.rings(people, [span for span, _ in closed])
        at_handoffs = figures.rings(people, around)
    carried = open_across(engine, (one.at for one in handoffs), LOOK_BACK)
    limit_s = response_s(past.running)
    reported = promises(engine, (start, end), now - timedelta(seconds=limit_s))
    left = _left(handoffs, carried)
    found = [
        _person(
            person,
            asked,
            _by_night(rings, person, [night for _, night in closed]),
            {act: kept_within(reported, act, limit_s, person) for act in RESPONSES},
            left[person],
        )
        for person in people
    ]
    even = {
        **asked.evenness,
        "interruptions": evenness([one.interruptions for one in found]) if found else 1.0,
    }
    return DutyReport(
        first,
        last,
        tuple(found),
        tuple(
            share for schedule in schedules for share in planned.shares(past, schedule, start, end)
        ),
        tuple(_boundaries(past, handoffs, at_handoffs, carried)),
        even,
        limit_s,
    )


def _by_night(
    rings: Mapping[tuple[str, int], Rings], person: str, nights: Iterable[date]
) -> dict[date, Rings]:
    """Sum up a person's rings by night; `nights` has the day of each closed stretch."""
    found: dict[date, Rings] = {}
    for number, night in enumerate(nights):
        if (one := rings.get((person, number))) is not None:
            known = found.get(night, Rings())
            found[night] = Rings(known.rings + one.rings, known.taken + one.taken)
    return found


def _person(
    person: str,
    asked: Planned,
    rings: Mapping[date, Rings],
    held: Mapping[Response, Kept],
    carried: int,
) -> OnDuty:
    total = sum(one.rings for one in rings.values())
    on_call = [
        rings.get(night, Rings()).rings for night, who in asked.nights.items() if person in who
    ]
    return OnDuty(
        person,
        asked.load[person],
        total,
        sum(one.taken for one in rings.values()),
        total - sum(on_call),
        sum(1 for count in on_call if count),
        spread(Counter(on_call)),
        held,
        carried,
    )


def _closed(past: ConfigHistory, start: datetime, end: datetime) -> Iterable[tuple[Span, date]]:
    """List the closed stretches, each with the day of its night."""
    zone = past.running.office.zone
    for one in past.hours(start, end):
        begins = one.start
        while one.state == "closed" and begins < one.end:
            local = begins.astimezone(zone)
            night = local.date() if local.time() >= DAWN else local.date() - DAY
            ends = min(one.end, instant(night + DAY, DAWN, zone))
            yield (begins, ends), night
            begins = ends


def _left(handoffs: Iterable[Handoff], carried: Iterable[int]) -> Counter[str]:
    """Count the messages that each person found waiting at the start of their turns."""
    left: Counter[str] = Counter()
    for one, count in zip(handoffs, carried, strict=True):
        for person in set(one.after) - set(one.before):
            left[person] += count
    return left


def _boundaries(
    past: ConfigHistory,
    handoffs: Iterable[Handoff],
    rings: Mapping[tuple[str, int], Rings],
    carried: Iterable[int],
) -> Iterable[Boundary]:
    """Sum up the handoffs by schedule and time of the week; stretch 2n is before the nth one."""
    found: dict[tuple[str, int, str], list[int]] = {}
    for number, (one, open_) in enumerate(zip(handoffs, carried, strict=True)):

        def rung(people: Iterable[str], place: int) -> int:
            return sum(rings.get((person, place), Rings()).rings for person in people)

        local = one.at.astimezone(past.running.office.zone)
        gone = set(one.before) - set(one.after)
        cost = (
            1,
            rung(one.before, 2 * number),
            rung(one.after, 2 * number + 1),
            rung(gone, 2 * number + 1),
            open_,
        )
        key = (one.schedule, local.weekday(), local.time().isoformat("minutes"))
        found[key] = [a + b for a, b in zip(found.get(key, [0] * 5), cost, strict=True)]
    for (schedule, weekday, clock), sums in sorted(found.items()):
        yield Boundary(schedule, weekday, clock, *sums)
