"""Who is on call at an instant and over a span, and when that changes next.

In order of precedence: overrides, explicit shifts (if two overlap, the first in the file), then the
layers from the last to the first (see `routing.turns`). Each place of a schedule is filled
separately. Only layers skip people who are away: shifts and overrides name a person explicitly.
All handoffs are local times, so daylight saving moves nobody's shift; see `routing.instants`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from itertools import islice, pairwise

from routing import turns
from routing.instants import at_local
from routing.model import Layer, Override, Place, Plan, Schedule
from routing.places import OnCall, Seat, away, away_edges, filled, overridden
from routing.windows import holiday_at

ROTATION, SHIFT = "rotation", "shift"  # the source of an answer; the third is "override:ID"


@dataclass(frozen=True)
class Shift:
    """A span from `start` up to `end` (UTC) in which the people on call stay the same."""

    schedule: str
    start: datetime
    end: datetime
    on_call: OnCall


def on_call(plan: Plan, schedule: str, at: datetime) -> OnCall:
    """Return who is on call at this aware instant; KeyError if there is no such schedule."""
    at = at.astimezone(UTC)
    answer = _before_backup(plan, plan.schedules[schedule], at)
    seat = _placed_backup(plan, plan.schedules[schedule], at, answer)
    backup = _backup(plan, plan.schedules[schedule], at, answer) if seat is None else seat.person
    return replace(answer, backup=backup, placed=seat)


def shifts(plan: Plan, schedule: str, start: datetime, end: datetime) -> Iterator[Shift]:
    """Yield the spans of [start, end) in order, including spans with nobody on call."""
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    edges = {
        edge for edge in _edges(plan, plan.schedules[schedule], start, end) if start < edge < end
    }
    current: Shift | None = None
    for begins, ends in pairwise(sorted({start, *edges, end}) if start < end else ()):
        answer = on_call(plan, schedule, begins)
        if current is not None and current.on_call == answer:
            current = replace(current, end=ends)
            continue
        if current is not None:
            yield current
        current = Shift(schedule, begins, ends, answer)
    if current is not None:
        yield current


def changes(plan: Plan, schedule: str, after: datetime, until: datetime) -> Iterator[Shift]:
    """Yield the spans that begin after one instant and before another, the next one first.

    Yields nothing if the answer does not change.
    """
    return islice(shifts(plan, schedule, after, until), 1, None)


def coverage_gaps_of(plan: Plan, schedule: str, start: datetime, end: datetime) -> Iterator[Shift]:
    """Yield the spans of [start, end) in which nobody is on call, each from its first minute.

    A gap is a gap even if the backup or everybody would be rung. `on_call` at the start of a gap
    tells the reason; it may change within the gap.
    """
    gap: Shift | None = None
    for shift in shifts(plan, schedule, start, end):
        if shift.on_call.people:
            if gap is not None:
                yield gap
            gap = None
        else:
            gap = shift if gap is None else replace(gap, end=shift.end)
    if gap is not None:
        yield gap


def unconfirmed(plan: Plan, schedule: str, at: datetime) -> tuple[str, ...]:
    """Return the people on call at this instant who have not confirmed their shift."""
    open_ = {
        one.person
        for one in plan.unconfirmed
        if one.schedule == schedule and one.start <= at and (one.end is None or at < one.end)
    }
    return tuple(one for one in on_call(plan, schedule, at).people if one in open_) if open_ else ()


def handoff_clock(plan: Plan, schedule: str, at: datetime, place: Place = "oncall") -> time | None:
    """Return the handoff time of day of the layer that fills a place at this instant.

    Returns None if an explicit shift fills the place, or no layer applies.
    """
    table = plan.schedules[schedule]
    decides = next(_candidates(plan, table, place, at), None)
    if decides is None or decides.source == SHIFT:
        return None
    return next(layer.at for layer, *_ in _in_turn(plan, table, place, at))


def holiday(plan: Plan, schedule: str, at: datetime) -> str | None:
    """Return the holiday because of which a layer applies at this instant, or None."""
    at = at.astimezone(UTC)
    table = plan.schedules[schedule]
    answer = _before_backup(plan, table, at)
    if answer.source != ROTATION:
        return None
    layer = next((one for one, *_ in _in_turn(plan, table, "oncall", at)), None)
    return None if layer is None else holiday_at(layer.only, at, plan.office.zone)


def everyone(plan: Plan) -> tuple[str, ...]:
    """Return everybody to ring if no particular person is on call."""
    return plan.physicians() or tuple(plan.people)


def _before_backup(plan: Plan, schedule: Schedule, at: datetime) -> OnCall:
    first = next(_candidates(plan, schedule, "oncall", at), None)
    others = [
        one
        for one in _candidates(plan, schedule, "beside", at)
        if first is None or one.person != first.person
    ]
    by_shift = {one.person: one for one in reversed(others) if one.source == SHIFT}
    beside = tuple(reversed(by_shift.values())) or tuple(others[:1])
    answer = filled(first, beside, ROTATION)
    for override in _overrides(plan, schedule, at):
        answer = overridden(answer, override)
    return answer


def _overrides(plan: Plan, schedule: Schedule, at: datetime) -> list[Override]:
    """Return the overrides of a schedule that apply now, in order."""
    known = [
        one for one in plan.overrides if one.schedule == schedule.name and one.start <= at < one.end
    ]
    return sorted(known, key=lambda one: one.id)


def _candidates(plan: Plan, schedule: Schedule, place: Place, at: datetime) -> Iterator[Seat]:
    """Yield who may fill a place: first from shifts, then from each layer that applies."""
    zone = plan.office.zone
    for number, shift in enumerate(schedule.shifts):
        if shift.place == place and at_local(shift.start, zone) <= at < at_local(shift.end, zone):
            yield Seat(shift.person, SHIFT, number)
    for _, turn, people, due in _in_turn(plan, schedule, place, at):
        yield from (Seat(one, ROTATION, turn, due) for one in people)


def _in_turn(
    plan: Plan, schedule: Schedule, place: Place, at: datetime
) -> Iterator[tuple[Layer, int, tuple[str, ...], str | None]]:
    """Yield the layers of a place that apply, the highest first, without those that are all away.

    Each comes with the number of its turn, its present people starting from the turn's owner, and
    that owner if they are away.
    """
    zone = plan.office.zone
    for layer in reversed(schedule.layers):
        if layer.place != place or (found := turns.turn(layer, zone, at)) is None:
            continue
        people = found.queue
        if there := tuple(one for one in people if not away(plan, one, at)):
            yield layer, found.number, there, None if there[0] == people[0] else people[0]


def _placed_backup(plan: Plan, schedule: Schedule, at: datetime, answer: OnCall) -> Seat | None:
    """Return the placed backup from the last override, else a shift, else a layer."""
    by_hand = [
        Seat(one.person, f"override:{one.id}", 0)
        for one in reversed(_overrides(plan, schedule, at))
        if one.kind == "backup" and one.person is not None
    ]
    candidates = (*by_hand, *_candidates(plan, schedule, "backup", at))
    return next((one for one in candidates if one.person not in answer.people), None)


def _backup(plan: Plan, schedule: Schedule, at: datetime, answer: OnCall) -> str | None:
    """Return who steps in by the schedule's `backup` setting, never a person already on call.

    If the next person of the rotation steps in, the turn's owner (replaced by a shift or an
    override) comes last. The next person also steps in if the named backup is away.
    """
    others: tuple[str, ...]
    if schedule.backup in plan.schedules:
        others = _before_backup(plan, plan.schedules[schedule.backup], at).people
    elif schedule.backup != "next" and not away(plan, schedule.backup, at):
        others = (schedule.backup,)
    else:
        people = next((found for _, _, found, _ in _in_turn(plan, schedule, "oncall", at)), ())
        others = people[1:] + people[:1]
    return next((one for one in others if one not in answer.people), None)


def _edges(plan: Plan, schedule: Schedule, start: datetime, end: datetime) -> Iterator[datetime]:
    """Yield every instant at which the answer may change."""
    zone = plan.office.zone
    yield from away_edges(plan)
    for override in plan.overrides:
        yield from (override.start, override.end)
    schedules = [
        schedule,
        *([plan.schedules[schedule.backup]] if schedule.backup in plan.schedules else []),
    ]
    for one in schedules:
        for shift in one.shifts:
            yield from (at_local(shift.start, zone), at_local(shift.end, zone))
        for layer in one.layers:
            yield from turns.edges(layer, zone, start, end)
