"""The days of a recurrence rule (RFC 5545, 3.3.10), up to a last day and with limited work.

Shifts repeat by days, weeks, months or years, so only dates matter. The dateutil library supports
all rules but has no limit: it searches for February 30 up to the year 9999. This module counts
each day that it checks, and tests compare its results with dateutil's.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import islice

DAYS = {"MO": 0, "TU": 1, "WE": 2, "TH": 3, "FR": 4, "SA": 5, "SU": 6}
FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
DAY = timedelta(days=1)
_FARTHEST = 1000  # largest INTERVAL
_LISTS = {"BYMONTH": 12, "BYMONTHDAY": 31, "BYYEARDAY": 366, "BYWEEKNO": 53, "BYSETPOS": 366}
_SIGNED = frozenset(("BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYSETPOS"))
_WEEKDAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)")


class WorkError(Exception):
    """More days were checked than a calendar of shifts needs."""


class RuleError(ValueError):
    """A text that is not a recurrence rule, or one that shifts do not use."""


@dataclass
class Work:
    """How many more days may be checked; all rules of a file share it."""

    left: int

    def spend(self, days: int) -> None:
        """Count days that are checked; raise WorkError if there are too many."""
        self.left -= days
        if self.left < 0:
            raise WorkError


@dataclass(frozen=True)
class RecurrenceRule:
    """One rule; `until` is text as in the file, because its meaning depends on the event."""

    frequency: str
    interval: int
    count: int | None
    until: str | None
    week_start: int
    weekdays: tuple[tuple[int, int], ...]  # (which, weekday): the first Monday is (1, 0)
    numbers: dict[str, tuple[int, ...]]

    @property
    def is_endless(self) -> bool:
        """Tell whether it never ends."""
        return self.count is None and self.until is None


def rule(text: str) -> RecurrenceRule:
    """Read a rule; raise RuleError if it is not one, or repeats within a day."""
    try:
        return _rule(text)
    except ValueError as error:
        raise RuleError(text) from error


def _rule(text: str) -> RecurrenceRule:
    parts: dict[str, str] = {}
    for part in text.upper().replace(" ", "").strip(";").split(";"):
        name, _, value = part.partition("=")
        if not value or name in parts:
            raise ValueError(text)
        parts[name] = value
    count, start = parts.pop("COUNT", None), parts.pop("WKST", "MO")
    made = RecurrenceRule(
        frequency=parts.pop("FREQ", ""),
        interval=int(parts.pop("INTERVAL", "1")),
        count=None if count is None else int(count),
        until=parts.pop("UNTIL", None),
        week_start=DAYS.get(start, -1),
        weekdays=tuple(_weekday(one) for one in parts.pop("BYDAY", "").split(",") if one),
        numbers={name: _numbers(name, parts.pop(name)) for name in _LISTS if name in parts},
    )
    if parts or made.frequency not in FREQUENCIES or made.week_start < 0:
        raise ValueError(text)
    if not 1 <= made.interval <= _FARTHEST or (made.count is not None and made.count < 1):
        raise ValueError(text)
    return made


def _weekday(text: str) -> tuple[int, int]:
    found = _WEEKDAY.fullmatch(text)
    if found is None or int(found[1] or "1") == 0:
        raise ValueError(text)
    return int(found[1] or "0"), DAYS[found[2]]


def _numbers(name: str, text: str) -> tuple[int, ...]:
    numbers = tuple(int(one) for one in text.split(","))
    for one in numbers:
        if not 1 <= abs(one) <= _LISTS[name] or (one < 0 and name not in _SIGNED):
            raise ValueError(text)
    return numbers


def days(
    one: RecurrenceRule, first: date, last: date, earliest: date, work: Work
) -> Iterator[date]:
    """List the days of a rule from `first` to `last`; `first` is always included.

    Days before `earliest` may be left out if the rule has no COUNT.
    """
    one = _completed(one, first)
    since = first if one.count is not None else max(first, earliest)
    later = (day for day in _matching(one, first, last, since, work) if day > first)
    yield first
    yield from later if one.count is None else islice(later, one.count - 1)


def _completed(one: RecurrenceRule, first: date) -> RecurrenceRule:
    """Fill in from the first day what the rule does not state, such as the weekday."""
    numbers = one.numbers
    if one.weekdays or {"BYMONTHDAY", "BYYEARDAY"} & set(numbers):
        return one
    if one.frequency == "WEEKLY" or "BYWEEKNO" in numbers:
        return replace(one, weekdays=((0, first.weekday()),))
    if one.frequency == "DAILY":
        return one
    own = {"BYMONTHDAY": (first.day,)}
    if one.frequency == "YEARLY" and "BYMONTH" not in numbers:
        own["BYMONTH"] = (first.month,)
    return replace(one, numbers={**numbers, **own})


def _matching(
    one: RecurrenceRule, first: date, last: date, since: date, work: Work
) -> Iterator[date]:
    """List the matching days of [first, last], period by period."""
    months = one.numbers.get("BYMONTH", tuple(range(1, 13)))
    places = one.numbers.get("BYSETPOS")
    for stretches in _periods(one, first, last, since):
        looked = [
            begin + offset * DAY
            for begin, end in stretches
            if begin.month in months or end.month in months
            for offset in range((end - begin).days + 1)
        ]
        work.spend(1 + len(looked))
        found = [day for day in looked if day.month in months and _fits(one, day)]
        if places is not None:
            chosen = {place - 1 if place > 0 else len(found) + place for place in places}
            found = [day for place, day in enumerate(found) if place in chosen]
        yield from (day for day in found if first <= day <= last)


def _periods(
    one: RecurrenceRule, first: date, last: date, since: date
) -> Iterator[Iterator[tuple[date, date]]]:
    """List the periods of a rule from about `since` on, each as ranges within one or two months.

    The caller must use up each period before it asks for the next.
    """
    if one.frequency in {"DAILY", "WEEKLY"}:
        length = 1 if one.frequency == "DAILY" else 7
        begin = first - (first.weekday() - one.week_start) % 7 * DAY if length > 1 else first
        step = length * one.interval
        begin += (since - begin).days // step * step * DAY
        while begin <= last:
            yield iter([(begin, begin + (length - 1) * DAY)])
            begin += step * DAY
        return
    length = 1 if one.frequency == "MONTHLY" else 12
    month = first.year * 12 + (first.month - 1 if length == 1 else 0)
    step = length * one.interval
    month += (since.year * 12 + since.month - 1 - month) // step * step
    while month <= last.year * 12 + last.month - 1:
        yield (_month(each) for each in range(month, month + length))
        month += step


def _month(number: int) -> tuple[date, date]:
    year, month = divmod(number, 12)
    begin = date(year, month + 1, 1)
    return begin, begin.replace(day=monthrange(year, month + 1)[1])


def _fits(one: RecurrenceRule, day: date) -> bool:
    """Tell whether a day matches all of the rule's lists."""
    numbers = one.numbers
    if "BYMONTHDAY" in numbers:
        most = monthrange(day.year, day.month)[1]
        if not _is_one_of(numbers["BYMONTHDAY"], day.day, most):
            return False
    if "BYYEARDAY" in numbers:
        most = date(day.year, 12, 31).timetuple().tm_yday
        if not _is_one_of(numbers["BYYEARDAY"], day.timetuple().tm_yday, most):
            return False
    if "BYWEEKNO" in numbers and not _is_one_of(numbers["BYWEEKNO"], *_week(one, day)):
        return False
    return not one.weekdays or any(_is_weekday(one, day, *each) for each in one.weekdays)


def _is_one_of(wanted: tuple[int, ...], number: int, most: int) -> bool:
    """Tell whether a number is in the list; negative entries count from the end."""
    return number in wanted or number - most - 1 in wanted


def _is_weekday(one: RecurrenceRule, day: date, which: int, weekday: int) -> bool:
    if day.weekday() != weekday:
        return False
    if which == 0 or one.frequency in {"DAILY", "WEEKLY"}:
        return True
    if one.frequency == "MONTHLY" or "BYMONTH" in one.numbers:
        place, left = day.day, monthrange(day.year, day.month)[1] - day.day
    else:
        place, left = day.timetuple().tm_yday, (date(day.year, 12, 31) - day).days
    return which in {(place - 1) // 7 + 1, -(left // 7) - 1}


def _week(one: RecurrenceRule, day: date) -> tuple[int, int]:
    """Return the number of a day's week in its year, and how many weeks that year has."""
    middle = day - (day.weekday() - one.week_start) % 7 * DAY + 3 * DAY
    year_days = (date(middle.year, 12, 31) - date(middle.year, 1, 1)).days + 1
    place = middle.timetuple().tm_yday - 1
    return place // 7 + 1, place // 7 + 1 + (year_days - 1 - place) // 7
