"""Calendar rules: dates, days that recur each year or month, Easter and ranges."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import date
from functools import lru_cache

from routing.instants import DAY
from routing.model import Dates, DayOfYear, Days, Easter, Monthly, Yearly, YearlyRange

SATURDAY, SUNDAY = 5, 6
MONTHS = range(1, 13)
FAR = 62 * DAY  # longer than any shift from a named day, which may cross the new year

Run = tuple[date, date]  # days that follow each other, both ends included


def falls_on(when: Dates, day: date) -> bool:
    """Return whether a local day is one of these."""
    return any(runs(when, day, day))


def moved(when: Dates, day: date) -> bool:
    """Return whether a day counts only because the real holiday falls on a weekend."""
    if not isinstance(when, Yearly) or not when.observed or not falls_on(when, day):
        return False
    return day not in {_day(when, year) for year in (day.year - 1, day.year, day.year + 1)}


def runs(when: Dates, first: date, last: date) -> Iterator[Run]:
    """Yield, in order and uncut, the runs of these days that touch `first` to `last` inclusive."""
    if isinstance(when, Days):
        found: tuple[Run, ...] = ((when.first, when.last),)
    else:
        years = range(max(1, first.year - 1), last.year + 2)
        found = tuple(run for year in years for run in _of_year(when, year))
    for begins, ends in found:
        if begins <= last and ends >= first:
            yield begins, ends


@lru_cache(maxsize=8192)
def _of_year(when: DayOfYear | Monthly | YearlyRange, year: int) -> tuple[Run, ...]:
    """Return the runs that belong to a year; a run may extend beyond that year."""
    if isinstance(when, Monthly):
        return tuple(
            (day, day) for month in MONTHS for day in _of_month(when.weekday, when.nth, year, month)
        )
    if isinstance(when, YearlyRange):
        first, last = _bound(when.first, year), _bound(when.last, year, last=True)
        if first is not None and last is not None and last < first:
            last = _bound(when.last, year + 1, last=True)
        return () if first is None or last is None else ((first, last),)
    day = _day(when, year)
    if day is None:
        return ()
    if isinstance(when, Yearly) and when.observed:
        return ((day - (day.weekday() == SATURDAY) * DAY, day + (day.weekday() == SUNDAY) * DAY),)
    return ((day, day),)


def _bound(when: DayOfYear, year: int, *, last: bool = False) -> date | None:
    """Return the day of a year on which a range begins or ends."""
    found = _day(when, year)
    if found is None:  # 29 February
        assert isinstance(when, Yearly)  # noqa: S101  # every other day comes each year
        found = date(year, 3, 1) - last * DAY + when.shift * DAY
    return found


def _day(when: DayOfYear, year: int) -> date | None:
    """Return the date in this year, or None if the year does not have it."""
    if isinstance(when, Easter):
        return easter(year) + when.shift * DAY
    if isinstance(when, Yearly):
        if when.day > calendar.monthrange(year, when.month)[1]:
            return None
        return date(year, when.month, when.day) + when.shift * DAY
    found = _of_month(when.weekday, (when.nth,), year, when.month)
    return found[0] + when.shift * DAY if found else None


def _of_month(weekday: int | None, nth: tuple[int, ...], year: int, month: int) -> tuple[date, ...]:
    """Return the nth days of a month, counting all days or only those of one weekday."""
    length = calendar.monthrange(year, month)[1]
    days = [date(year, month, number) for number in range(1, length + 1)]
    fitting = [day for day in days if weekday in {None, day.weekday()}]
    places = {number - 1 if number > 0 else len(fitting) + number for number in nth}
    return tuple(day for place, day in enumerate(fitting) if place in places)


def easter(year: int) -> date:
    """Return Easter Sunday of the Gregorian calendar (Butcher's rule)."""
    century, rest = divmod(year, 100)
    moon = (19 * (year % 19) + century - century // 4 - (8 * century + 13) // 25 + 15) % 30
    week = (32 + 2 * (century % 4) + 2 * (rest // 4) - moon - rest % 4) % 7
    shift = (year % 19 + 11 * moon + 22 * week) // 451
    month, day = divmod(moon + week - 7 * shift + 114, 31)
    return date(year, month, day + 1)
