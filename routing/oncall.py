"""Who is on call now and over a span of days, coverage gaps, and handoffs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import pairwise

from routing import schedule as schedules
from routing.instants import DAY, instant, local_day
from routing.model import Override, Place, Plan
from routing.places import OnCall, Seat
from routing.schedule import Shift

LOOKS = (timedelta(days=15), timedelta(days=400))  # how far to search for a shift's ends
MORNING = time(8)  # when a night ends if the schedule has no morning handoff
DAWN, NOON = time(4), time(12)  # a handoff between these counts as a morning handoff
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class OnCallSpan:
    """One person on call from `start` up to `end` (UTC), for one and the same reason.

    `instead_of` is the absent person whose turn it would be.
    """

    schedule: str
    person: str
    start: datetime
    end: datetime
    source: str
    place: Place = "oncall"
    instead_of: str | None = None


@dataclass(frozen=True)
class Handoff:
    """Who hands over to whom; either side may be empty."""

    schedule: str
    at: datetime
    before: tuple[str, ...]
    after: tuple[str, ...]


def duties(plan: Plan, schedule: str, start: datetime, end: datetime) -> list[OnCallSpan]:
    """Return who is on call in [start, end), in order; two people at once are two entries."""
    return _joined(plan, schedule, start, end, lambda seat: seat)


def turns(plan: Plan, schedule: str, start: datetime, end: datetime) -> list[OnCallSpan]:
    """Return the whole turns that touch [start, end), not split when others join beside them.

    They are extended up to the longer of `LOOKS`, so that a turn always has the same start.
    """
    far = LOOKS[-1]
    found = _joined(plan, schedule, start - far, end + far, lambda seat: seat.turn)
    return [one for one in found if one.end > start and one.start < end]


def backups(plan: Plan, schedule: str, start: datetime, end: datetime) -> list[OnCallSpan]:
    """Return the whole times that touch [start, end) in which somebody is placed as backup.

    People who step in only through the schedule's `backup` setting are not included. The times are
    extended as in `turns`.
    """
    rows: list[OnCallSpan] = []
    last: Seat | None = None
    far = LOOKS[-1]
    for shift in schedules.shifts(plan, schedule, start - far, end + far):
        seat = shift.on_call.placed
        if seat is not None and seat == last and rows[-1].end == shift.start:
            rows[-1] = replace(rows[-1], end=shift.end)
        elif seat is not None:
            span = (shift.start, shift.end)
            rows.append(
                OnCallSpan(schedule, seat.person, *span, seat.source, "backup", seat.instead_of)
            )
        last = seat
    return [one for one in rows if one.end > start and one.start < end]


def _joined(
    plan: Plan, schedule: str, start: datetime, end: datetime, kind: Callable[[Seat], object]
) -> list[OnCallSpan]:
    """Return who is on call; an entry lasts while person, place and `kind` stay the same."""
    rows: list[OnCallSpan] = []
    current: dict[str, tuple[int, object]] = {}  # person: index and kind of the open entry
    for shift in schedules.shifts(plan, schedule, start, end):
        answer = shift.on_call
        opened: dict[str, tuple[int, object]] = {}
        for person in answer.people:
            seat = answer.seat(person)
            place: Place = "oncall" if person == answer.people[0] else "beside"
            row, known = current.get(person, (-1, None))
            if row >= 0 and known == (place, kind(seat)):
                rows[row] = replace(rows[row], end=shift.end)
            else:
                row = len(rows)
                found = (seat.source, place, seat.instead_of)
                rows.append(OnCallSpan(schedule, person, shift.start, shift.end, *found))
            opened[person] = (row, (place, kind(seat)))
        current = opened
    return rows


def at_instant(
    plan: Plan, schedule: str, at: datetime
) -> tuple[OnCall, datetime | None, datetime | None]:
    """Return who is on call, since when and until when; None if further away than searched."""
    for look in LOOKS:
        shift = _around(plan, schedule, at, look)
        if at - look < shift.start and shift.end < at + look:
            break
    since = shift.start if at - look < shift.start else None
    return shift.on_call, since, shift.end if shift.end < at + look else None


def _around(plan: Plan, schedule: str, at: datetime, look: timedelta) -> Shift:
    """Return the span around an instant, cut off at `look` before and after it."""
    spans = schedules.shifts(plan, schedule, at - look, at + look)
    return next(shift for shift in spans if shift.end > at)


def unconfirmed_sentence(plan: Plan, schedule: str, at: datetime) -> str:
    """Return a sentence on who has not confirmed their shift, and who is rung first instead."""
    who = schedules.unconfirmed(plan, schedule, at)
    if not who:
        return ""
    backup = schedules.on_call(plan, schedule, at).backup
    people = " and ".join(_name(plan, one) for one in who)
    has = "has" if len(who) == 1 else "have"
    if backup is None:
        return f"{people} {has} not confirmed the shift, and there is no backup."
    return (
        f"{people} {has} not confirmed the shift. {_name(plan, backup)}, the backup, is called "
        "together with them."
    )


def _name(plan: Plan, person: str) -> str:
    known = plan.people.get(person)
    return person if known is None else known.name


def coverage_gaps(plan: Plan, now: datetime, days: int) -> list[Shift]:
    """Return the coverage gaps of all schedules in the next `days` days, earliest first."""
    end = now + days * DAY
    found = [
        gap
        for schedule in plan.schedules
        for gap in schedules.coverage_gaps_of(plan, schedule, now, end)
    ]
    return sorted(found, key=lambda gap: gap.start)


def upcoming_gap(plan: Plan, now: datetime, days: int) -> Shift | None:
    """Return the first coverage gap of the next `days` days, or None."""
    return next(iter(coverage_gaps(plan, now, days)), None)


def oncall_stretches(
    plan: Plan, schedule: str, start: datetime, end: datetime
) -> list[tuple[datetime, tuple[str, ...]]]:
    """Return the people on call at `start`, and each later set of people with its begin."""
    found: list[tuple[datetime, tuple[str, ...]]] = []
    for shift in schedules.shifts(plan, schedule, start, end):
        if not found or found[-1][1] != shift.on_call.people:
            found.append((shift.start, shift.on_call.people))
    return found


def handoffs(plan: Plan, schedule: str, start: datetime, end: datetime) -> list[Handoff]:
    """Return the handoffs within (start, end)."""
    known = oncall_stretches(plan, schedule, start, end)
    return [Handoff(schedule, at, before, after) for (_, before), (at, after) in pairwise(known)]


def taken_from(plan: Plan, schedule: str, person: str, at: datetime) -> tuple[Place, str | None]:
    """Return which place a person who takes the night gets, and whom they replace there, if named.

    It is the place on call, unless the person is only beside and somebody else is on call.
    """
    table = plan.schedules[schedule]
    places = {one.place for one in table.layers if person in one.rotation}
    places |= {one.place for one in table.shifts if one.person == person}
    beside = schedules.on_call(plan, schedule, at).at("beside")
    if beside and "beside" in places and "oncall" not in places and person not in beside:
        return "beside", beside[0]
    return "oncall", None


def until_morning(plan: Plan, schedule: str, at: datetime, place: Place = "oncall") -> datetime:
    """Return when a person who takes over now is done: at the next morning handoff of the place.

    A morning handoff is a change of the person in the morning, or the layer's handoff time even if
    the same turn continues. `MORNING` is used if that layer hands over at another time of the day.
    An evening handoff does not end it, because the person takes the whole night.
    """
    today = local_day(at, plan.office.zone)
    found = [
        one for days in range(2) for one in _mornings(plan, schedule, today + days * DAY, place)
    ]
    return min(one for one in found if one > at)


def _mornings(plan: Plan, schedule: str, day: date, place: Place) -> list[datetime]:
    """Return the instants in a day's morning at which a place is, or could be, handed over."""
    zone = plan.office.zone
    first, last = (instant(day, clock, zone) for clock in (DAWN, NOON))
    spans = schedules.shifts(plan, schedule, first, last + MINUTE)
    changes = [
        later.start
        for before, later in pairwise(spans)
        if before.on_call.at(place) != later.on_call.at(place)
    ]
    clock = schedules.handoff_clock(plan, schedule, instant(day, MORNING, zone), place) or MORNING
    return [*changes, instant(day, clock if DAWN <= clock <= NOON else MORNING, zone)]


def swapped(
    plan: Plan, schedule: str, pair: tuple[str, str], start: datetime, end: datetime, reason: str
) -> list[Override]:
    """Return the overrides that swap two people's places within [start, end).

    The place of backup is swapped too, if a layer, a shift or an override has put somebody there.
    """
    on_call: list[Override] = []
    backups: list[Override] = []
    before = list(schedules.shifts(plan, schedule, start, end))
    for shift in before:
        people = shift.on_call.people
        for out, into in (pair, pair[::-1]):
            if out in people and into not in people:  # if both are on call, nothing changes
                _lengthened(on_call, _replaced(shift, into, out, reason))
    after = with_overrides(plan, on_call)
    for shift in before:
        if (placed := shift.on_call.placed) is None:
            continue
        steps_in = {pair[0]: pair[1], pair[1]: pair[0]}.get(placed.person, placed.person)
        now = [one.on_call for one in schedules.shifts(after, schedule, shift.start, shift.end)]
        # the person who left must not become the backup in somebody else's place
        if any(one.backup != steps_in and steps_in not in one.people for one in now):
            _lengthened(backups, replace(_replaced(shift, steps_in, None, reason), kind="backup"))
    return sorted((*on_call, *backups), key=lambda one: one.start)


def _replaced(shift: Shift, into: str, out: str | None, reason: str) -> Override:
    return Override(0, shift.schedule, "replace", into, out, shift.start, shift.end, reason)


def _lengthened(made: list[Override], more: Override) -> None:
    """Add an override, or extend the last one if it ends where this one begins."""
    if made and replace(made[-1], start=made[-1].end, end=more.end) == more:
        made[-1] = replace(made[-1], end=more.end)
    else:
        made.append(more)


def with_overrides(plan: Plan, added: list[Override]) -> Plan:
    """Return the plan with further overrides, which take precedence over all others."""
    last = max((one.id for one in plan.overrides), default=0)
    later = (replace(one, id=last + place) for place, one in enumerate(added, start=1))
    return replace(plan, overrides=(*plan.overrides, *later))


def weak(
    plan: Plan, schedule: str, start: datetime, end: datetime
) -> tuple[list[Shift], list[Shift]]:
    """Return the times in [start, end) with nobody on call, and those with one and no backup."""
    alone = [
        shift
        for shift in schedules.shifts(plan, schedule, start, end)
        if len(shift.on_call.people) == 1 and shift.on_call.backup is None
    ]
    return list(schedules.coverage_gaps_of(plan, schedule, start, end)), alone
