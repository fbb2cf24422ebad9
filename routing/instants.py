"""Converts between local time and instants (UTC), including daylight saving time.

A boundary such as "mon 08:00" is the first instant at which the office's clock shows that time
or a later one of that day. So a time that is skipped in spring counts at the moment of the jump,
and a time that occurs twice in fall counts the first time. An explicit shift may ask for the
second one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from routing.model import Window

DAY = timedelta(days=1)
MIDNIGHT = time(0)


@lru_cache(maxsize=65536)
def instant(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """Return the first instant (UTC) at which the zone's clock shows this time of this day."""
    first, second = (
        datetime.combine(day, clock.replace(fold=fold), zone).astimezone(UTC) for fold in (0, 1)
    )
    if first <= second:
        return first
    # skipped in spring: find the moment of the jump, to the second
    before, after = second, first
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = (before + (after - before) / 2).replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after


def at_local(local: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant of a naive local time; with `fold`, its second occurrence in fall."""
    first = instant(local.date(), local.time().replace(fold=0), zone)
    return max(first, local.replace(tzinfo=zone).astimezone(UTC)) if local.fold else first


def local_day(at: datetime, zone: ZoneInfo) -> date:
    """Return the date that the zone's calendar shows at this aware instant."""
    return at.astimezone(zone).date()


def clock_hours(zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    """Yield the instants of each full hour of every local day of [start, end).

    A skipped hour shares the instant of the next one; an hour that occurs twice is listed once.
    """
    day = local_day(start, zone)
    while instant(day, MIDNIGHT, zone) < end:
        yield from (instant(day, time(hour), zone) for hour in range(24))
        day += DAY


def occurrences(
    window: Window, zone: ZoneInfo, start: datetime, end: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """Yield the spans of a window that touch [start, end), in order."""
    first = local_day(start, zone) - _days(window) * DAY
    for local in local_spans(window, first, local_day(end, zone)):
        begins, ends = (at_local(one, zone) for one in local)
        if begins < end and ends > start and ends > begins:
            yield begins, ends


def local_spans(window: Window, first: date, last: date) -> Iterator[tuple[datetime, datetime]]:
    """Yield the window's spans, in naive local time, that begin from `first` to `last`."""
    day = first + (window.weekday - first.weekday()) % 7 * DAY
    while day <= last:
        if _is_of(window, day):
            end = datetime.combine(day + _days(window) * DAY, window.end)
            yield datetime.combine(day, window.start), end
        day += 7 * DAY


def _is_of(window: Window, day: date) -> bool:
    """Return whether a window begins on this day, which already has the right weekday."""
    if window.nth:
        nth, is_last = (day.day + 6) // 7, (day + 7 * DAY).month != day.month
        if nth not in window.nth and not (is_last and -1 in window.nth):
            return False
    if window.weeks == 1 or window.origin is None:
        return True
    return day >= window.origin and (day - window.origin).days // 7 % window.weeks == 0


def _days(window: Window) -> int:
    """Return the days from a window's start to its end, at most a week."""
    days = (window.until - window.weekday) % 7
    return 7 if days == 0 and window.end <= window.start else days


def inside(windows: tuple[Window, ...], at: datetime, zone: ZoneInfo) -> bool:
    """Return whether an aware instant lies in any of these windows."""
    return any(
        begins <= at < ends
        for window in windows
        for begins, ends in occurrences(window, zone, at, at + timedelta(microseconds=1))
    )
