"""Who is on call, as people ask for it: now, over days, where nobody is, and when it changes."""

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

LOOKS = (timedelta(days=15), timedelta(days=400))  # how far from an instant its shift is looked for
MORNING = time(8)  # when a night is over for a schedule without a handoff in the morning
DAWN, NOON = time(4), time(12)  # between them a handoff is a morning's
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class OnCallSpan:
    """One person on call from `start` up to `end` (UTC), for the same reason all the time.

    `instead_of` is whose turn it is, who is away.
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
    """Who hands over to whom; either may be nobody."""

    schedule: str
    at: datetime
    before: tuple[str, ...]
    after: tuple[str, ...]


def duties(plan: Plan, schedule: str, start: datetime, end: datetime) -> list[OnCallSpan]:
    """List who is on call in [start, end), in order; two at once are two rows."""
    return _joined(plan, schedule, start, end, lambda seat: seat)


def turns(plan: Plan, schedule: str, start: datetime, end: datetime) -> list[OnCallSpan]:
    """List whole turns that touch [start, end), whoever may be added beside them meanwhile.

    They are whole up to the further of `LOOKS`, so that the same turn has the same start each time.
    """
    far = LOOKS[-1]
    found = _joined(plan, schedule, start - far, end + far, lambda seat: seat.turn)
    return [one for one in found if one.end > start and one.start < end]


def backups(plan: Plan, schedule: str, start: datetime, end: datetime) -> list[OnCallSpan]:
    """List whole times that touch [start, end) in which somebody has the place of the backup.

    Who steps in because the schedule's `backup` says so has none. They are whole as `turns` are.
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
    """List who is on call, one row as long as the person, place and the `kind` of it stay."""
    rows: list[OnCallSpan] = []
    current: dict[str, tuple[int, object]] = {}  # whose row is open: where it stands, and its kind
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
    """Say who is on call, since when, and until when; None for further away than is looked."""
    for look in LOOKS:
        shift = _around(plan, schedule, at, look)
        if at - look < shift.start and shift.end < at + look:
            break
    since = shift.start if at - look < shift.start else None
    return shift.on_call, since, shift.end if shift.end < at + look else None


def _around(plan: Plan, schedule: str, at: datetime, look: timedelta) -> Shift:
    """Find the span that holds an instant, cut off at `look` before and after it."""
    spans = schedules.shifts(plan, schedule, at - look, at + look)
    return next(shift for shift in spans if shift.end > at)


def unconfirmed_sentence(plan: Plan, schedule: str, at: datetime) -> str:
    """Say who never confirmed the shift that they are on call in, and who is rung first for it."""
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
    """List where nobody is on call within the next days, in any schedule, the first one first."""
    end = now + days * DAY
    found = [
        gap
        for schedule in plan.schedules
        for gap in schedules.coverage_gaps_of(plan, schedule, now, end)
    ]
    return sorted(found, key=lambda gap: gap.start)


def upcoming_gap(plan: Plan, now: datetime, days: int) -> Shift | None:
    """Find the first span of the next days in which a schedule has nobody on call."""
    return next(iter(coverage_gaps(plan, now, days)), None)


def oncall_stretches(
    plan: Plan, schedule: str, start: datetime, end: datetime
) -> list[tuple[datetime, tuple[str, ...]]]:
    """List the people on call from `start` on, and from when on they are others, before `end`."""
    found: list[tuple[datetime, tuple[str, ...]]] = []
    for shift in schedules.shifts(plan, schedule, start, end):
        if not found or found[-1][1] != shift.on_call.people:
            found.append((shift.start, shift.on_call.people))
    return found


def handoffs(plan: Plan, schedule: str, start: datetime, end: datetime) -> list[Handoff]:
    """List when the people on call change within (start, end)."""
    known = oncall_stretches(plan, schedule, start, end)
    return [Handoff(schedule, at, before, after) for (_, before), (at, after) in pairwise(known)]


def taken_from(plan: Plan, schedule: str, person: str, at: datetime) -> tuple[Place, str | None]:
    """Say which place somebody takes who takes the night, and whose it is if that is to be named.

    It is the first one (whoever has it), unless they stand beside alone, and somebody is there.
    """
    table = plan.schedules[schedule]
    places = {one.place for one in table.layers if person in one.rotation}
    places |= {one.place for one in table.shifts if one.person == person}
    beside = schedules.on_call(plan, schedule, at).at("beside")
    if beside and "beside" in places and "oncall" not in places and person not in beside:
        return "beside", beside[0]
    return "oncall", None


def until_morning(plan: Plan, schedule: str, at: datetime, place: Place = "oncall") -> datetime:
    """Return when who takes over now may stop: the next morning at which the place is handed over.

    A change of who has the place in a morning is one. So is the time at which the layer of whoever
    would have it then hands over, although the turn goes on; `MORNING` where that layer hands
    over at another time of the day. An evening's change ends nothing: the night is taken whole.
    """
    today = local_day(at, plan.office.zone)
    found = [
        one for days in range(2) for one in _mornings(plan, schedule, today + days * DAY, place)
    ]
    return min(one for one in found if one > at)


def _mornings(plan: Plan, schedule: str, day: date, place: Place) -> list[datetime]:
    """List the instants of a day's morning at which a place is handed over, or would be."""
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
    """Make the overrides that put each of two people in the other's place within [start, end).

    The place of the backup is one where a layer, a shift or an override has put somebody there.
    """
    on_call: list[Override] = []
    backups: list[Override] = []
    before = list(schedules.shifts(plan, schedule, start, end))
    for shift in before:
        people = shift.on_call.people
        for out, into in (pair, pair[::-1]):
            if out in people and into not in people:  # with both nothing would change
                _lengthened(on_call, _replaced(shift, into, out, reason))
    after = with_overrides(plan, on_call)
    for shift in before:
        if (placed := shift.on_call.placed) is None:
            continue
        steps_in = {pair[0]: pair[1], pair[1]: pair[0]}.get(placed.person, placed.person)
        now = [one.on_call for one in schedules.shifts(after, schedule, shift.start, shift.end)]
        # also whoever is on call no more must not be the backup instead of somebody else
        if any(one.backup != steps_in and steps_in not in one.people for one in now):
            _lengthened(backups, replace(_replaced(shift, steps_in, None, reason), kind="backup"))
    return sorted((*on_call, *backups), key=lambda one: one.start)


def _replaced(shift: Shift, into: str, out: str | None, reason: str) -> Override:
    return Override(0, shift.schedule, "replace", into, out, shift.start, shift.end, reason)


def _lengthened(made: list[Override], more: Override) -> None:
    """Add an override, or lengthen the last one, which ends where this one begins."""
    if made and replace(made[-1], start=made[-1].end, end=more.end) == more:
        made[-1] = replace(made[-1], end=more.end)
    else:
        made.append(more)


def with_overrides(plan: Plan, added: list[Override]) -> Plan:
    """Return the plan as it would be with further overrides, which stand above all others."""
    last = max((one.id for one in plan.overrides), default=0)
    later = (replace(one, id=last + place) for place, one in enumerate(added, start=1))
    return replace(plan, overrides=(*plan.overrides, *later))


def weak(
    plan: Plan, schedule: str, start: datetime, end: datetime
) -> tuple[list[Shift], list[Shift]]:
    """List where nobody is on call in [start, end), and where one person is and none steps in."""
    alone = [
        shift
        for shift in schedules.shifts(plan, schedule, start, end)
        if len(shift.on_call.people) == 1 and shift.on_call.backup is None
    ]
    return list(schedules.coverage_gaps_of(plan, schedule, start, end)), alone
