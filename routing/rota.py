"""Who is on call: at an instant, over a span, and when the answer changes next.

From the strongest: overrides, explicit shifts (of two at once the first of the file), then the
layers from the last to the first. All handoffs are local times, so daylight saving moves nobody's
shift; see `routing.instants`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

from routing.instants import DAY, at_local, inside, instant, local_day, occurrences
from routing.model import Layer, Override, Plan, Rota

ROTATION, SHIFT = "rotation", "shift"  # where an answer comes from; else "override:ID"


@dataclass(frozen=True)
class OnCall:
    """Who is on call and who steps in; both may be empty. `turn` tells two turns apart."""

    people: tuple[str, ...]
    backup: str | None
    source: str
    turn: int = 0


@dataclass(frozen=True)
class Shift:
    """One computed span, from `start` up to `end` (UTC), in which the answer is the same."""

    rota: str
    start: datetime
    end: datetime
    on_call: OnCall


def on_call(plan: Plan, rota: str, at: datetime) -> OnCall:
    """Say who is on call at this aware instant; KeyError for a rota that there is not."""
    at = at.astimezone(UTC)
    answer = _before_backup(plan, plan.rotas[rota], at)
    return replace(answer, backup=_backup(plan, plan.rotas[rota], at, answer))


def shifts(plan: Plan, rota: str, start: datetime, end: datetime) -> Iterator[Shift]:
    """List the spans of [start, end) without a gap, in order; nobody on call is a span, too."""
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    edges = {edge for edge in _edges(plan, plan.rotas[rota], start, end) if start < edge < end}
    current: Shift | None = None
    for begins, ends in pairwise(sorted({start, *edges, end}) if start < end else ()):
        answer = on_call(plan, rota, begins)
        if current is not None and current.on_call == answer:
            current = replace(current, end=ends)
            continue
        if current is not None:
            yield current
        current = Shift(rota, begins, ends, answer)
    if current is not None:
        yield current


def changes(plan: Plan, rota: str, after: datetime, until: datetime) -> Iterator[Shift]:
    """List the spans that begin after one instant and before another; the first is next.

    None comes where the answer stays the same all the time.
    """
    return islice(shifts(plan, rota, after, until), 1, None)


def gaps(plan: Plan, rota: str, start: datetime, end: datetime) -> Iterator[Shift]:
    """List the spans of [start, end) in which nobody is on call, each from its first minute.

    Who may be rung although nobody is on call, the backup or everybody, does not fill a gap. Where
    what leaves it empty changes within a gap, `on_call` tells what does at its start.
    """
    gap: Shift | None = None
    for shift in shifts(plan, rota, start, end):
        if shift.on_call.people:
            if gap is not None:
                yield gap
            gap = None
        else:
            gap = shift if gap is None else replace(gap, end=shift.end)
    if gap is not None:
        yield gap


def unconfirmed(plan: Plan, rota: str, at: datetime) -> tuple[str, ...]:
    """Name those on call at this instant who never confirmed that their shift began."""
    open_ = {
        one.person
        for one in plan.unconfirmed
        if one.rota == rota and one.start <= at and (one.end is None or at < one.end)
    }
    return tuple(one for one in on_call(plan, rota, at).people if one in open_) if open_ else ()


def handoff_clock(plan: Plan, rota: str, at: datetime) -> time | None:
    """Return the time of day at which the layer that decides at this instant hands over.

    None where an explicit shift decides, or no layer holds.
    """
    table, zone = plan.rotas[rota], plan.office.zone
    if any(at_local(one.start, zone) <= at < at_local(one.end, zone) for one in table.shifts):
        return None
    return next((layer.at for layer in reversed(table.layers) if _holds(layer, zone, at)), None)


def everyone(plan: Plan) -> tuple[str, ...]:
    """Name everybody that may be woken when nobody in particular is on call."""
    return plan.physicians() or tuple(plan.people)


def _before_backup(plan: Plan, rota: Rota, at: datetime) -> OnCall:
    answer = _from_file(rota, plan.office.zone, at)
    for override in sorted(plan.overrides, key=lambda one: one.id):
        if override.rota == rota.name and override.start <= at < override.end:
            answer = _overridden(answer, override)
    return answer


def _from_file(rota: Rota, zone: ZoneInfo, at: datetime) -> OnCall:
    for number, shift in enumerate(rota.shifts):
        if at_local(shift.start, zone) <= at < at_local(shift.end, zone):
            return OnCall((shift.person,), None, SHIFT, number)
    people, turn = _in_turn(rota, zone, at)
    return OnCall(people[:1], None, ROTATION, turn)


def _in_turn(rota: Rota, zone: ZoneInfo, at: datetime) -> tuple[tuple[str, ...], int]:
    """List the people of the layer that holds from whose turn it is, and number the turn."""
    for layer in reversed(rota.layers):
        if _holds(layer, zone, at):
            turn = _turn(layer, zone, at)
            first = turn % len(layer.rotation)
            return layer.rotation[first:] + layer.rotation[:first], turn
    return (), 0


def _holds(layer: Layer, zone: ZoneInfo, at: datetime) -> bool:
    """Tell whether a layer has begun, and is in one of its windows."""
    return _turn(layer, zone, at) >= 0 and (not layer.only or inside(layer.only, at, zone))


def _overridden(answer: OnCall, override: Override) -> OnCall:
    """Apply an override; one that finds nobody to take out changes nothing."""
    people, person, out = answer.people, override.person, override.instead_of
    if out is not None and out not in people:
        return answer
    match override.kind:
        case "add" if person is not None and person not in people:
            people = (*people, person)
        case "remove" if out is not None:
            people = tuple(one for one in people if one != out)
        case "replace" if person is not None:
            wanted = (person if out in {None, one} else one for one in people or (person,))
            people = tuple(dict.fromkeys(wanted))
        case _:
            return answer
    return OnCall(people, None, f"override:{override.id}", answer.turn)


def _backup(plan: Plan, rota: Rota, at: datetime, answer: OnCall) -> str | None:
    """Find who steps in: never somebody who is on call already.

    Where the next of the rotation steps in, whose turn it would be (but for a shift or an override)
    comes last.
    """
    candidates: tuple[str, ...]
    if rota.backup in plan.rotas:
        candidates = _before_backup(plan, plan.rotas[rota.backup], at).people
    elif rota.backup != "next":
        candidates = (rota.backup,)
    else:
        people, _ = _in_turn(rota, plan.office.zone, at)
        candidates = people[1:] + people[:1]
    return next((one for one in candidates if one not in answer.people), None)


def _turn(layer: Layer, zone: ZoneInfo, at: datetime) -> int:
    """Count the handoffs since the layer began; negative before it."""
    first = _first_day(layer)
    today = local_day(at, zone)
    if layer.unit == "hours":
        slots = _slots(layer)
        day = today if at >= instant(today, slots[0], zone) else today - DAY
        passed = sum(at >= _slot(day, slot, layer, zone) for slot in slots)
        return (day - first).days * len(slots) + passed - 1
    if at < instant(today, layer.at, zone):
        today -= DAY
    return (today - first).days // (layer.every * (7 if layer.unit == "weeks" else 1))


def _first_day(layer: Layer) -> date:
    if layer.unit != "weeks":
        return layer.since
    return layer.since + (layer.weekday - layer.since.weekday()) % 7 * DAY


def _slots(layer: Layer) -> tuple[time, ...]:
    """List a day's handoffs of a layer by hours from its first; the last may be past midnight."""
    start = datetime.combine(date.min, layer.at)
    steps = range(0, 24, layer.every)
    return tuple((start + timedelta(hours=hours)).time() for hours in steps)


def _slot(day: date, slot: time, layer: Layer, zone: ZoneInfo) -> datetime:
    return instant(day + (slot < layer.at) * DAY, slot, zone)


def _edges(plan: Plan, rota: Rota, start: datetime, end: datetime) -> Iterator[datetime]:
    """List every instant at which the answer may change."""
    zone = plan.office.zone
    for override in plan.overrides:
        yield from (override.start, override.end)
    rotas = [rota, *([plan.rotas[rota.backup]] if rota.backup in plan.rotas else [])]
    for one in rotas:
        for shift in one.shifts:
            yield from (at_local(shift.start, zone), at_local(shift.end, zone))
        for layer in one.layers:
            yield from _handoffs(layer, zone, start, end)
            for window in layer.only:
                for span in occurrences(window, zone, start, end):
                    yield from span


def _handoffs(layer: Layer, zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    first = _first_day(layer)
    step = layer.every * {"hours": 0, "days": 1, "weeks": 7}[layer.unit] or 1
    day = max(first, first + ((local_day(start, zone) - first).days // step - 1) * step * DAY)
    while instant(day, layer.at, zone) < end:
        if layer.unit == "hours":
            yield from (_slot(day, slot, layer, zone) for slot in _slots(layer))
        else:
            yield instant(day, layer.at, zone)
        day += step * DAY
