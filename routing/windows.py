"""The spans of weekly, holiday and dated windows, and which of them apply at an instant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from routing import instants
from routing.days import falls_on, moved, runs
from routing.instants import DAY, at_local, local_day
from routing.model import DayWindow, ExtendedWindow, Holiday, LayerWindow, Window

HALF_DAY = timedelta(hours=12)
WEEK = 7 * DAY
LONGEST = 14  # the most days that holidays extend a window by, at either end
TICK = timedelta(microseconds=1)

Local = tuple[datetime, datetime]


def window_occurrences(
    window: LayerWindow, zone: ZoneInfo, start: datetime, end: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """Yield the spans of a window that touch [start, end), as instants in order."""
    if isinstance(window, Window):
        yield from instants.occurrences(window, zone, start, end)
        return
    for local in _spans(window, local_day(start, zone) - DAY, local_day(end, zone)):
        begins, ends = (at_local(one, zone) for one in local)
        if begins < end and ends > start and ends > begins:
            yield begins, ends


def inside_any(windows: Iterable[LayerWindow], at: datetime, zone: ZoneInfo) -> bool:
    """Return whether an aware instant lies in any of these windows."""
    return any(
        begins <= at < ends
        for window in windows
        for begins, ends in window_occurrences(window, zone, at, at + TICK)
    )


def window_local_spans(window: LayerWindow, first: date, last: date) -> Iterator[Local]:
    """Yield the window's spans, in naive local time, that begin from `first` to `last`.

    Extensions by holidays are not applied.
    """
    if isinstance(window, ExtendedWindow):
        window = window.window
    if isinstance(window, Window):
        yield from instants.local_spans(window, first, last)
        return
    for begins, ends in _spans(window, first, last):
        if first <= begins.date() <= last:
            yield begins, ends


def whole(windows: Iterable[LayerWindow], first: date, last: date) -> list[Local]:
    """Return the time covered by windows that begin from `first` to `last`, merged into spans."""
    spans = sorted(
        span for one in windows for span in _touching(one, first - WEEK * 9, last + WEEK)
    )
    found: list[Local] = []
    for begins, ends in spans:
        if found and begins <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], ends))
        elif begins < ends:
            found.append((begins, ends))
    return [one for one in found if first <= one[0].date() <= last]


def own_time(windows: Iterable[LayerWindow], at: datetime, zone: ZoneInfo) -> datetime:
    """Return an instant within the original window, for looking up whose turn `at` belongs to.

    In an extension before a window it is the window's original start, in one after it the last
    moment of the original window; anywhere else it is `at` itself.
    """
    kept = at
    for window in windows:
        if not isinstance(window, ExtendedWindow):
            if inside_any((window,), at, zone):
                return at
            continue
        day = local_day(at, zone)
        for own in instants.local_spans(window.window, day - 4 * WEEK, day + 3 * WEEK):
            begins, ends = (at_local(one, zone) for one in own)
            longer = [at_local(one, zone) for one in _extended(own, window.holidays)]
            if begins <= at < ends:
                return at
            if longer[0] <= at < longer[1] and begins < ends:
                kept = begins if at < begins else ends - TICK
    return kept


def holiday_at(windows: Iterable[LayerWindow], at: datetime, zone: ZoneInfo) -> str | None:
    """Return the holiday because of which a window applies at an instant, or None."""
    local = at.astimezone(zone).replace(tzinfo=None)
    for window in windows:
        if isinstance(window, DayWindow) and window.name:
            for begins, ends in window_occurrences(window, zone, at, at + TICK):
                if begins <= at < ends:
                    return _named(Holiday(window.name, window.when), window, local)
        if isinstance(window, ExtendedWindow) and not inside_any((window.window,), at, zone):
            for day in (local.date(), (local + HALF_DAY).date(), (local - HALF_DAY).date()):
                known = _holiday(window.holidays, day)
                if known is not None and inside_any((window,), at, zone):
                    return _reported(known, day)
    return None


def _named(holiday: Holiday, window: DayWindow, local: datetime) -> str:
    """Return the name of the holiday whose window contains a local time."""
    for day in (local.date(), local.date() - DAY):
        if falls_on(holiday.when, day - window.shift * DAY):
            return _reported(holiday, day - window.shift * DAY)
    return holiday.name


def _reported(holiday: Holiday, day: date) -> str:
    return holiday.name + " (observed)" * moved(holiday.when, day)


def _touching(window: LayerWindow, first: date, last: date) -> Iterator[Local]:
    if isinstance(window, Window):
        yield from instants.local_spans(window, first - WEEK, last)
    else:
        yield from _spans(window, first, last)


@lru_cache(maxsize=4096)
def _spans(window: DayWindow | ExtendedWindow, first: date, last: date) -> tuple[Local, ...]:
    """Return the spans of a window that touch these days; it may include neighbors."""
    if isinstance(window, ExtendedWindow):
        reach = (LONGEST + 8) * DAY
        found = instants.local_spans(window.window, first - reach, last + reach)
        return tuple(_extended(one, window.holidays) for one in found)
    beside = window.shift * DAY
    spans: list[Local] = []
    for begin, end in runs(window.when, first - DAY - beside, last - beside):
        if window.through or window.start == window.end:
            spans.append(_span(begin + beside, end + beside, window))
        else:
            days = ((begin + step * DAY) for step in range((end - begin).days + 1))
            spans += (_span(day + beside, day + beside, window) for day in days)
    return tuple(sorted(spans))


def _span(begin: date, end: date, window: DayWindow) -> Local:
    """Return the local span of a window from one day to another."""
    overnight = window.end <= window.start and (not window.through or begin == end)
    last = end + DAY if overnight or window.end == time(0) else end
    return datetime.combine(begin, window.start), datetime.combine(last, window.end)


def _extended(span: Local, holidays: tuple[Holiday, ...]) -> Local:
    """Return a span extended by the holidays next to it.

    Next to it at the start is its first day if it begins in the afternoon, else the day before; at
    the end it is its last day if it ends in the morning, else the day after.
    """
    begins, ends = span
    for _ in range(LONGEST):
        if _holiday(holidays, (begins - HALF_DAY).date()) is None:
            break
        begins -= DAY
    for _ in range(LONGEST):
        if _holiday(holidays, (ends + HALF_DAY - TICK).date()) is None:
            break
        ends += DAY
    return begins, ends


def _holiday(holidays: tuple[Holiday, ...], day: date) -> Holiday | None:
    return next((one for one in holidays if falls_on(one.when, day)), None)
