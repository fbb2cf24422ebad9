"""Which days an office means, found by listing a calendar: slow, plain, and not how it is done."""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from functools import cache

from dateutil.easter import easter

from routing.model import Dates, DayOfYear, Days, Easter, Monthly, Yearly, YearlyRange

DAY = timedelta(days=1)


def is_one_of(when: Dates, day: date) -> bool:
    """Tell whether these days include a day."""
    if isinstance(when, Days):
        count = (when.last - when.first).days + 1
        return day in {when.first + step * DAY for step in range(count)}
    if isinstance(when, Monthly):
        return day in _fitting(day.year, day.month, when.weekday, when.nth)
    years = (day.year - 1, day.year, day.year + 1)
    if isinstance(when, YearlyRange):
        return any(day in _between(when, year) for year in years)
    return any(day in _of(when, year) for year in years)


@cache
def _fitting(year: int, month: int, weekday: int | None, nth: tuple[int, ...]) -> set[date]:
    length = calendar.monthrange(year, month)[1]
    days = [date(year, month, number) for number in range(1, length + 1)]
    if weekday is not None:
        days = [one for one in days if one.weekday() == weekday]
    found = set()
    for number in nth:
        if number == -1:
            found.add(days[-1])
        elif number <= len(days):
            found.add(days[number - 1])
    return found


@cache
def _of(when: DayOfYear, year: int) -> set[date]:
    """List the day of a year, and the one on which it is observed."""
    if isinstance(when, Easter):
        days = {easter(year)}
    elif isinstance(when, Yearly):
        leap = (when.month, when.day) == (2, 29) and not calendar.isleap(year)
        days = set() if leap else {date(year, when.month, when.day)}
    else:
        days = _fitting(year, when.month, when.weekday, (when.nth,))
    days = {one + when.shift * DAY for one in days}
    if isinstance(when, Yearly) and when.observed:
        days |= {one - DAY for one in days if f"{one:%a}" == "Sat"}
        days |= {one + DAY for one in days if f"{one:%a}" == "Sun"}
    return days


@cache
def _between(when: YearlyRange, year: int) -> set[date]:
    """Walk from the first day of a year's range to the next that is a last one."""
    day = min(_of(when.first, year), default=date(year, 3, 1))
    lasts = {
        min(_of(when.last, one), default=date(one, 2, 28)) for one in range(year - 1, year + 3)
    }
    found = {day}
    while day not in lasts:
        day += DAY
        found.add(day)
    return found
