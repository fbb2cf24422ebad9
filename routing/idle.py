"""Finds people in a rotation who never get a turn, and why.

A higher layer may hide the same person's turns every time, if the rotation and the week line up.
So this looks over enough time for both to repeat.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Literal
from zoneinfo import ZoneInfo

from routing import turns
from routing.instants import DAY, at_local
from routing.model import Days, DayWindow, Layer, LayerWindow, Schedule

WEEK, CHUNK = 7 * DAY, 28 * DAY
LONGEST = 3660 * DAY  # the longest time to search for a turn
LENGTHS = {"hours": DAY / 24, "days": DAY, "weeks": WEEK, "months": 31 * DAY, "holidays": DAY}
BETWEEN = 92 * DAY  # holidays are rarely further apart than this
ROUNDS = 8  # enough rounds: a turn of whole days lines up with the week after at most 7

Why = Literal["above", "between", "ended"]
Stay = tuple[datetime, datetime]


@dataclass(frozen=True)
class Idle:
    """People of the layer with this number who never have a turn in it.

    `why` is "above" (higher layers apply during each of their turns), "between" (no turn lies
    between the days on which they join and leave) or "ended" (the layer ends before it begins).
    """

    layer: int
    people: tuple[str, ...]
    why: Why


def idle(schedule: Schedule, zone: ZoneInfo, now: datetime) -> Iterator[Idle]:
    """Yield who never has a turn from this aware instant on; each place is checked separately."""
    for number, layer in enumerate(schedule.layers):
        if layer.only and all(_has_a_year(one) for one in layer.only):
            continue  # a few fixed dates are no rotation
        if turns.handoff(layer, 0) == turns.FAR:
            continue  # its windows never occur
        above = [one for one in schedule.layers[number + 1 :] if one.place == layer.place]
        waiting = _waiting(layer, zone, now)
        if not waiting:
            continue
        found = _without(layer, above, zone, waiting)
        alone = _without(layer, (), zone, {one: waiting[one] for one in found}) if found else []
        ended = not _begins_before_its_end(layer, zone)
        if hidden := tuple(one for one in found if one not in alone):
            yield Idle(number, hidden, "above")
        if alone:
            yield Idle(number, tuple(alone), "ended" if ended else "between")


def _has_a_year(window: LayerWindow) -> bool:
    """Return whether a window consists of dates that do not recur."""
    return isinstance(window, DayWindow) and isinstance(window.when, Days)


def _begins_before_its_end(layer: Layer, zone: ZoneInfo) -> bool:
    return not turns.over(layer, zone, at_local(turns.handoff(layer, 0), zone))


def _waiting(layer: Layer, zone: ZoneInfo, now: datetime) -> dict[str, Stay]:
    """Return the time to search for each member's turn, without members who have left."""
    first = at_local(turns.handoff(layer, 0), zone)
    each = max(WEEK, layer.every * LENGTHS[layer.unit])
    if any(isinstance(one, DayWindow) for one in layer.only):
        each = max(BETWEEN * layer.every, each)
    far = len(layer.rotation) * ROUNDS * each
    joins, leaves = dict(layer.joins), dict(layer.leaves)
    found: dict[str, Stay] = {}
    for person in turns.members(layer, zone, now):
        begins = first
        if person in joins:
            begins = max(first, at_local(datetime.combine(joins[person], time(0)), zone))
        if person in leaves:
            ends = at_local(datetime.combine(leaves[person], layer.at), zone)
        else:
            begins = begins if layer.until is not None else max(begins, now)
            ends = begins + min(far, LONGEST)
        found[person] = (begins, ends)
    return found


def _without(
    layer: Layer, above: Sequence[Layer], zone: ZoneInfo, waiting: dict[str, Stay]
) -> list[str]:
    """Return those who have no turn within their time to search."""
    left, never = dict(waiting), list[str]()
    while left:
        begin = min(start for start, _ in left.values())
        looked = {person for person, (start, _) in left.items() if start == begin}
        end = max(left[person][1] for person in looked)
        for person, at in _whose(layer, above, zone, (begin, end)):
            if person in left and left[person][0] <= at < left[person][1]:
                left.pop(person)
                looked.discard(person)
            if not looked:
                break
        never += looked
        for person in looked:
            left.pop(person)
    return [one for one in dict.fromkeys(layer.rotation) if one in never]


def _always(layer: Layer) -> bool:
    """Return whether a layer applies at all times once it has begun."""
    return not (layer.only or layer.joins or layer.leaves or layer.until)


def _whose(
    layer: Layer, above: Sequence[Layer], zone: ZoneInfo, stay: Stay
) -> Iterator[tuple[str, datetime]]:
    """Yield whose turns are not hidden by a higher layer within a span, and since when."""
    begin, end = stay
    end = min([end, *(at_local(turns.handoff(one, 0), zone) for one in above if _always(one))])
    while begin < end:
        until = min(begin + CHUNK, end)
        edges = {at for one in (layer, *above) for at in turns.edges(one, zone, begin, until)}
        for at in sorted({begin, *(one for one in edges if begin < one < until)}):
            found = turns.turn(layer, zone, at)
            if found is not None and not any(turns.turn(one, zone, at) for one in above):
                yield found.queue[0], at
        begin = until
