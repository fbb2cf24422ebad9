"""Who is on call: at an instant, over a span, and when the answer changes next.

From the strongest: overrides, explicit shifts (of two at once the first of the file), then the
layers from the last to the first (see `routing.turns`); each place of a schedule is filled so on
its own. Who is away is passed over by layers alone: shifts and overrides name whom they mean. All
handoffs are local times, so daylight saving moves nobody's shift; see `routing.instants`.
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

ROTATION, SHIFT = "rotation", "shift"  # where an answer comes from; else "override:ID"


@dataclass(frozen=True)
class Shift:
    """One computed span, from `start` up to `end` (UTC), in which the answer is the same."""

    schedule: str
    start: datetime
    end: datetime
    on_call: OnCall


def on_call(plan: Plan, schedule: str, at: datetime) -> OnCall:
    """Say who is on call at this aware instant; KeyError for a schedule that there is not."""
    at = at.astimezone(UTC)
    answer = _before_backup(plan, plan.schedules[schedule], at)
    seat = _placed_backup(plan, plan.schedules[schedule], at, answer)
    backup = _backup(plan, plan.schedules[schedule], at, answer) if seat is None else seat.person
    return replace(answer, backup=backup, placed=seat)


def shifts(plan: Plan, schedule: str, start: datetime, end: datetime) -> Iterator[Shift]:
    """List the spans of [start, end) without a gap, in order; nobody on call is a span, too."""
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
    """List the spans that begin after one instant and before another; the first is next.

    None comes where the answer stays the same all the time.
    """
    return islice(shifts(plan, schedule, after, until), 1, None)


def coverage_gaps_of(plan: Plan, schedule: str, start: datetime, end: datetime) -> Iterator[Shift]:
    """List the spans of [start, end) in which nobody is on call, each from its first minute.

    Who may be rung although nobody is on call, the backup or everybody, does not fill a gap. Where
    what leaves it empty changes within a gap, `on_call` tells what does at its start.
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
    """Name those on call at this instant who never confirmed that their shift began."""
    open_ = {
        one.person
        for one in plan.unconfirmed
        if one.schedule == schedule and one.start <= at and (one.end is None or at < one.end)
    }
    return tuple(one for one in on_call(plan, schedule, at).people if one in open_) if open_ else ()


def handoff_clock(plan: Plan, schedule: str, at: datetime, place: Place = "oncall") -> time | None:
    """Return the time of day at which the layer that decides of a place then hands over.

    None where an explicit shift decides, or no layer holds.
    """
    table = plan.schedules[schedule]
    decides = next(_candidates(plan, table, place, at), None)
    if decides is None or decides.source == SHIFT:
        return None
    return next(layer.at for layer, *_ in _in_turn(plan, table, place, at))


def holiday(plan: Plan, schedule: str, at: datetime) -> str | None:
    """Name the holiday because of which a layer decides at this instant; None if it is none."""
    at = at.astimezone(UTC)
    table = plan.schedules[schedule]
    answer = _before_backup(plan, table, at)
    if answer.source != ROTATION:
        return None
    layer = next((one for one, *_ in _in_turn(plan, table, "oncall", at)), None)
    return None if layer is None else holiday_at(layer.only, at, plan.office.zone)


def everyone(plan: Plan) -> tuple[str, ...]:
    """Name everybody that may be woken when nobody in particular is on call."""
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
    """List the overrides of a schedule that hold, in their order."""
    known = [
        one for one in plan.overrides if one.schedule == schedule.name and one.start <= at < one.end
    ]
    return sorted(known, key=lambda one: one.id)


def _candidates(plan: Plan, schedule: Schedule, place: Place, at: datetime) -> Iterator[Seat]:
    """List who may fill a place, the strongest first: by shifts, then of each layer that holds."""
    zone = plan.office.zone
    for number, shift in enumerate(schedule.shifts):
        if shift.place == place and at_local(shift.start, zone) <= at < at_local(shift.end, zone):
            yield Seat(shift.person, SHIFT, number)
    for _, turn, people, due in _in_turn(plan, schedule, place, at):
        yield from (Seat(one, ROTATION, turn, due) for one in people)


def _in_turn(
    plan: Plan, schedule: Schedule, place: Place, at: datetime
) -> Iterator[tuple[Layer, int, tuple[str, ...], str | None]]:
    """List the layers of a place that hold, the highest first, but for those who are all away.

    Each with the number of its turn, its people who are not away from whose turn it is, and whose
    turn it is if that one is away.
    """
    zone = plan.office.zone
    for layer in reversed(schedule.layers):
        if layer.place != place or (found := turns.turn(layer, zone, at)) is None:
            continue
        people = found.queue
        if there := tuple(one for one in people if not away(plan, one, at)):
            yield layer, found.number, there, None if there[0] == people[0] else people[0]


def _placed_backup(plan: Plan, schedule: Schedule, at: datetime, answer: OnCall) -> Seat | None:
    """Find who has the place of the backup: the last override, a shift, a layer, in this order."""
    by_hand = [
        Seat(one.person, f"override:{one.id}", 0)
        for one in reversed(_overrides(plan, schedule, at))
        if one.kind == "backup" and one.person is not None
    ]
    candidates = (*by_hand, *_candidates(plan, schedule, "backup", at))
    return next((one for one in candidates if one.person not in answer.people), None)


def _backup(plan: Plan, schedule: Schedule, at: datetime, answer: OnCall) -> str | None:
    """Find who steps in as the schedule's `backup` says: never somebody who is on call already.

    Where the next of the rotation steps in, whose turn it would be (but for a shift or an override)
    comes last; they do so, too, where the person whom the schedule names is away.
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
    """List every instant at which the answer may change."""
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
