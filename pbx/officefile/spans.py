"""Times as an office writes them: "08:30-12:00", "mon-thu 17:00-08:00", "fri 17:00-mon 08:00"."""

from __future__ import annotations

import re
from datetime import date, datetime, time

from routing.model import Days, Window, Yearly, YearlyWeekday

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
NTH = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}
DAY_MINUTES = 24 * 60
LONGEST_OVERNIGHT = 16 * 60  # minutes that hours may last when they end after midnight
UNITS = {"s": 1, "m": 60, "h": 3600}

_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d|24:00"
_DAY = "|".join(WEEKDAYS)
_SPAN = re.compile(rf"({_CLOCK})-({_CLOCK})")
_DAYS = re.compile(rf"(daily|{_DAY})(?:-({_DAY}))?")
_ACROSS = re.compile(rf"({_DAY}) ({_CLOCK})-({_DAY}) ({_CLOCK})")
_NTH = re.compile(rf"({'|'.join(NTH)}) ({_DAY}) of ({'|'.join(MONTHS)})")


class BackwardsError(ValueError):
    """A span that ends before it begins."""


def clock(text: str) -> time:
    """Read "08:30"; "24:00" is the midnight that ends the day. ValueError for anything else."""
    if not re.fullmatch(_CLOCK, text):
        raise ValueError(f"'{text}' is no time such as 08:30")
    return time(0) if text == "24:00" else time.fromisoformat(text)


def span(text: str) -> tuple[time, time]:
    """Read "08:30-12:00"; an end at or before the start is on the next day."""
    match = _SPAN.fullmatch(text)
    if match is None:
        raise ValueError(f"'{text}' is no span such as 08:30-12:00")
    return clock(match[1]), clock(match[2])


def period(text: str) -> tuple[time, time]:
    """Read a span of opening hours; one that would pass midnight for most of a day is backwards."""
    start, end = span(text)
    minutes = (end.hour - start.hour) * 60 + end.minute - start.minute
    if minutes <= 0 and minutes % DAY_MINUTES > LONGEST_OVERNIGHT:
        raise BackwardsError(f"'{text}' ends before it begins")
    return start, end


def weekdays(text: str) -> tuple[int, ...]:
    """Read "fri", "mon-thu", "sat-mon" or "daily" as weekdays from 0, Monday."""
    match = _DAYS.fullmatch(text)
    if match is None:
        raise ValueError(f"'{text}' is no weekday or range such as mon-thu")
    if match[1] == "daily":
        return tuple(range(7))
    first = WEEKDAYS.index(match[1])
    count = (WEEKDAYS.index(match[2] or match[1]) - first) % 7 + 1
    return tuple((first + step) % 7 for step in range(count))


def windows(text: str) -> tuple[Window, ...]:
    """Read weekly windows; ValueError says what a good one looks like.

    "mon-thu 17:00-08:00" is one window on each of these days, "fri 17:00-mon 08:00" a single one,
    "sat-sun" are whole days, and "22:00-06:00" is every day.
    """
    if match := _ACROSS.fullmatch(text):
        day, start, until, end = match.groups()
        return (_window(WEEKDAYS.index(day), clock(start), WEEKDAYS.index(until), end),)
    days, _, times = text.rpartition(" ") if ":" in text else (text, "", "00:00-24:00")
    try:
        start_text, end_text = times.split("-") if _SPAN.fullmatch(times) else ("", "")
        start = clock(start_text)
        return tuple(
            _window(
                day, start, (day + (clock(end_text) <= start and end_text != "24:00")) % 7, end_text
            )
            for day in weekdays(days or ("daily" if text else ""))
        )
    except ValueError as error:
        raise ValueError(
            f"'{text}' is no window such as 'mon-thu 17:00-08:00', 'fri 17:00-mon 08:00', 'sat-sun'"
        ) from error


def _window(day: int, start: time, until: int, end: str) -> Window:
    """Make a window; 24:00 is the next day's midnight."""
    return Window(day, start, (until + (end == "24:00")) % 7, clock(end))


def window_text(window: Window) -> str:
    """Write a window so that `windows` reads it back."""
    start, end = f"{window.start:%H:%M}", f"{window.end:%H:%M}"
    return f"{WEEKDAYS[window.weekday]} {start}-{WEEKDAYS[window.until]} {end}"


def yearly(text: str) -> Yearly | YearlyWeekday:
    """Read "12-25" or "last mon of may"."""
    if match := _NTH.fullmatch(text):
        return YearlyWeekday(MONTHS.index(match[3]) + 1, WEEKDAYS.index(match[2]), NTH[match[1]])
    try:
        day = date.fromisoformat(f"2024-{text}")  # a leap year
    except ValueError as error:
        raise ValueError(f"'{text}' is no day such as '12-25' or 'last mon of may'") from error
    return Yearly(day.month, day.day)


def days_text(when: Days | Yearly | YearlyWeekday) -> str:
    """Write days as the file does."""
    match when:
        case Days(first=first, last=last):
            return f"{first}" if first == last else f"{first} to {last}"
        case Yearly(month=month, day=day):
            return f"{month:02}-{day:02}"
        case YearlyWeekday(month=month, weekday=weekday, nth=nth):
            word = next(word for word, number in NTH.items() if number == nth)
            return f"{word} {WEEKDAYS[weekday]} of {MONTHS[month - 1]}"


def seconds(text: str) -> int:
    """Read "90s", "5m" or "1h" as seconds."""
    match = re.fullmatch(r"([1-9]\d{0,4})([smh])", text)
    if match is None:
        raise ValueError(f"'{text}' is no duration such as 30s, 5m or 1h")
    return int(match[1]) * UNITS[match[2]]


def local_datetime(text: str) -> datetime:
    """Read "2026-12-24 08:00", a naive local time."""
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M")  # noqa: DTZ007  # local on purpose
    except ValueError as error:
        raise ValueError(f"'{text}' is no local time such as 2026-12-24 08:00") from error
