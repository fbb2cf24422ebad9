"""The turns of one layer: when it hands over, which turns count, and whose each of them is.

A turn counts where some part of it lies in the layer's `only` windows; without windows each does.
So whoever comes next in a rotation of nights from Monday to Thursday has Monday's after Thursday's.
With windows a turn of several days is as many days of which each counts, wherever they lie.
What counts is worked out in local times, year by year and once: neither daylight saving nor the
years since a layer began make an answer slow.
"""

from __future__ import annotations

import calendar
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from routing.instants import DAY, at_local
from routing.model import ExtendedWindow, Layer, MonthDay
from routing.windows import inside_any, own_time, whole, window_local_spans, window_occurrences

HOUR = timedelta(hours=1)
YEAR_MONTHS = 12
FAR = datetime(9000, 1, 1)  # noqa: DTZ001  # local: when a layer begins that never does
LAST_YEAR = 2101  # no file speaks of a later one


@dataclass(frozen=True)
class Turn:
    """One turn of a layer: its number, from 0, and everybody from whose turn it is."""

    number: int
    queue: tuple[str, ...]


def turn(layer: Layer, zone: ZoneInfo, at: datetime) -> Turn | None:
    """Return the turn at an instant (UTC); None where the layer does not hold, or has nobody."""
    index = _index_at(layer, zone, _own(layer, zone, at))
    if index < 0 or over(layer, zone, at):
        return None
    if layer.only and not inside_any(layer.only, at, zone):
        return None
    number = counted(layer, index) // _grouped(layer)
    people = _queue(layer, number)
    return Turn(number, people) if people else None


def _own(layer: Layer, zone: ZoneInfo, at: datetime) -> datetime:
    """Return the instant whose turn this one belongs to, where a holiday extends a window."""
    if layer.unit == "holidays" or not any(isinstance(one, ExtendedWindow) for one in layer.only):
        return at
    return own_time(layer.only, at, zone)


def edges(layer: Layer, zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    """List when the layer may change within [start, end): handoffs, windows and its end."""
    index = max(0, _index_at(layer, zone, start))
    while (at := at_local(handoff(layer, index), zone)) < end:
        yield at
        index += 1
    if layer.until is not None:
        yield _end(layer, zone)
    for window in layer.only:
        for span in window_occurrences(window, zone, start, end):
            yield from span


def handoff(layer: Layer, index: int) -> datetime:
    """Return the local time of a handoff: at it the next turn, or day of a turn, may begin.

    Handoffs are counted from the layer's first, whose index is 0.
    """
    day, count = first_day(layer), index * _step(layer)
    if layer.unit == "holidays":
        return _beginning(layer, count)
    if layer.unit == "hours":
        return datetime.combine(day, layer.at) + count * HOUR
    if layer.day is not None and layer.unit == "months":
        return datetime.combine(_in_month(layer.day, _month(day) + count), layer.at)
    return datetime.combine(day + count * (7 if layer.unit == "weeks" else 1) * DAY, layer.at)


def over(layer: Layer, zone: ZoneInfo, now: datetime) -> bool:
    """Tell whether a layer has ended at an aware instant."""
    return layer.until is not None and _end(layer, zone) <= now


def members(layer: Layer, zone: ZoneInfo, now: datetime) -> tuple[str, ...]:
    """Name who may have a turn at some time from an aware instant on: who did not leave yet."""
    if over(layer, zone, now):
        return ()
    left = {
        person
        for person, day in layer.leaves
        if at_local(datetime.combine(day, layer.at), zone) <= now
    }
    return tuple(one for one in layer.rotation if one not in left)


def _grouped(layer: Layer) -> int:
    """Count the handoffs of one turn, which is more than one for turns of days with windows."""
    return layer.every if layer.only and layer.unit == "days" else 1


def _step(layer: Layer) -> int:
    """Count the units from one handoff to the next."""
    return layer.every // _grouped(layer)


def first_day(layer: Layer) -> date:
    """Return the day on which the first turn begins."""
    if layer.unit == "weeks":
        return layer.since + (layer.weekday - layer.since.weekday()) % 7 * DAY
    if layer.day is not None and layer.unit == "months":
        month = _month(layer.since)
        first = _in_month(layer.day, month)
        return first if first >= layer.since else _in_month(layer.day, month + 1)
    return layer.since


def index_of(layer: Layer, local: datetime) -> int:
    """Find the index of the last handoff up to a naive local time."""
    if layer.unit == "holidays":
        begun = bisect_right(_beginnings(layer, min(local.year, LAST_YEAR)), local)
        return (begun - 1) // layer.every
    first = handoff(layer, 0)
    if layer.unit == "hours":
        return (local - first) // (_step(layer) * HOUR)
    if layer.unit == "months":
        index = (_month(local.date()) - _month(first.date())) // _step(layer)
        return index if handoff(layer, index) <= local else index - 1
    return (local - first) // (_step(layer) * (7 if layer.unit == "weeks" else 1) * DAY)


def counted(layer: Layer, index: int) -> int:
    """Count the handoffs before this one after which some part lies in the layer's windows."""
    if not layer.only or layer.unit == "holidays":
        return index
    year = handoff(layer, index).year
    # a window of December may lie in turns of January
    return _held_before(layer, year - 1) + sum(
        bisect_left(_held(layer, one), index) for one in (year - 1, year)
    )


def _index_at(layer: Layer, zone: ZoneInfo, at: datetime) -> int:
    """Count the handoffs from the layer's first, which is 0; negative before it."""
    index = index_of(layer, at.astimezone(zone).replace(tzinfo=None))
    while at_local(handoff(layer, index + 1), zone) <= at:  # in an hour that comes twice
        index += 1
    return index


def _end(layer: Layer, zone: ZoneInfo) -> datetime:
    assert layer.until is not None  # noqa: S101  # asked by its callers
    return at_local(datetime.combine(layer.until, layer.at), zone)


def _month(day: date) -> int:
    return day.year * YEAR_MONTHS + day.month - 1


@lru_cache(maxsize=4096)
def _in_month(day: MonthDay, month: int) -> date:
    year, number = divmod(month, YEAR_MONTHS)
    first, length = calendar.monthrange(year, number + 1)
    dates = [one + 1 for one in range(length) if (first + one) % 7 in day.among]
    chosen = day.nth - 1 if day.nth > 0 else len(dates) + day.nth
    return date(year, number + 1, dates[min(chosen, len(dates) - 1)])


@lru_cache(maxsize=4096)
def _beginning(layer: Layer, number: int) -> datetime:
    """Return when the layer's windows begin to hold, by number from 0; FAR where they never do."""
    year = layer.since.year
    while len(found := _beginnings(layer, year)) <= number:
        if year > LAST_YEAR:
            return FAR
        year += 1
    return found[number]


@lru_cache(maxsize=16384)
def _beginnings(layer: Layer, year: int) -> tuple[datetime, ...]:
    """List when the layer's windows begin to hold, from the first time to the end of a year."""
    if year < layer.since.year:
        return ()
    first = max(layer.since, date(year, 1, 1))
    spans = whole(layer.only, first, date(year, 12, 31))
    return (*_beginnings(layer, year - 1), *(begins for begins, _ in spans))


@lru_cache(maxsize=16384)
def _held(layer: Layer, year: int) -> tuple[int, ...]:
    """List the handoffs after which a window begins in this year, and in no year before."""
    first, last = date(year, 1, 1), date(year, 12, 31)
    if year < first_day(layer).year - 1:
        return ()
    found: set[int] = set()
    for window in layer.only:
        for begins, ends in window_local_spans(window, first, last):
            before = index_of(layer, ends - timedelta(microseconds=1))
            found.update(range(max(0, index_of(layer, begins)), before + 1))
    known = _held(layer, year - 1)
    newest = known[-1] if known else -1
    return tuple(sorted(one for one in found if one > newest))


@lru_cache(maxsize=16384)
def _held_before(layer: Layer, year: int) -> int:
    """Count the turns in windows that begin before this year."""
    if year < first_day(layer).year:
        return 0
    return _held_before(layer, year - 1) + len(_held(layer, year - 1))


@dataclass(frozen=True)
class _Members:
    """Who is in a rotation from a turn on: their seats in it, and whose turn comes first."""

    number: int
    seats: tuple[int, ...]
    first: int


def _queue(layer: Layer, number: int) -> tuple[str, ...]:
    """List the people of a layer from whose turn it is, in the turn of this number."""
    people = layer.rotation
    if layer.joins or layer.leaves:
        now = next(one for one in reversed(_memberships(layer)) if one.number <= number)
        people, number = tuple(people[seat] for seat in now.seats), number - now.number + now.first
    first = number % len(people) if people else 0
    return people[first:] + people[:first]


@lru_cache(maxsize=1024)
def _memberships(layer: Layer) -> tuple[_Members, ...]:
    """List who is in the rotation from when on, each beginning after who had the turn before."""
    stays = {person: _stay(layer, person) for person in layer.rotation}
    numbers = {0, *(one for stay in stays.values() for one in stay if one < sys.maxsize)}
    found: list[_Members] = []
    last = -1  # the seat of whoever had the last turn
    for number in sorted(numbers):
        if found and found[-1].seats:
            before = found[-1]
            last = before.seats[(before.first + number - before.number - 1) % len(before.seats)]
        seats = tuple(
            seat
            for seat, person in enumerate(layer.rotation)
            if stays[person][0] <= number < stays[person][1]
        )
        first = next((one for one, seat in enumerate(seats) if seat > last), 0)
        found.append(_Members(number, seats, first))
    return tuple(found)


def _stay(layer: Layer, person: str) -> tuple[int, int]:
    """Number the first turn that somebody may have, and the first that they may not anymore."""
    joins, leaves = dict(layer.joins).get(person), dict(layer.leaves).get(person)
    begins, ends = 0, sys.maxsize
    if joins is not None:
        begins = -(-counted(layer, _first_from(layer, joins)) // _grouped(layer))
    if leaves is not None:
        last = max(0, _first_from(layer, leaves + DAY) - 1)
        ends = counted(layer, last) // _grouped(layer)
    return begins, ends


def _first_from(layer: Layer, day: date) -> int:
    """Find the index of the first handoff on this day or later."""
    index = max(0, index_of(layer, datetime.combine(day, time(0))))
    return index if handoff(layer, index).date() >= day else index + 1
