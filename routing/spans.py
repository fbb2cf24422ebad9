"""Parses weekdays and times as offices write them: "M-Th 5pm-8am", "fri 17:00-mon 08:00"."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from routing import clocks
from routing.clocks import CLOCK, MIDNIGHT, WEEKDAYS
from routing.day_spans import TO, period, read_spans, span_text
from routing.model import Window

UNITS = {"s": 1, "m": 60, "h": 3600}
GROUPS = {"daily": "mon-sun", "every day": "mon-sun", "weekdays": "mon-fri", "weekends": "sat-sun"}

_FIRST_CLOCK = re.compile(rf"(?:\bfrom )?(?<![\w:]){CLOCK}{TO}", re.ASCII)
_DAY = r"([a-z]+\.?)"
_ACROSS = re.compile(rf"{_DAY} (?:at )?({CLOCK}){TO}{_DAY} (?:at )?({CLOCK})", re.ASCII)
_HAS_CLOCK = re.compile(r"\d:\d|\d ?[ap]m\b|noon|midnight", re.ASCII)
_DURATION = re.compile(r"([1-9]\d{0,4}) ?([smh]|sec(?:ond)?s?|min(?:ute)?s?|hours?)", re.ASCII)
STANDARD = " standard"  # marks the second of two equal times when the clock is set back


def weekdays(text: str) -> tuple[int, ...]:
    """Parse "fri", "mon-thu", "M-F", "Monday to Friday", "Mon, Wed", "weekdays" or "daily".

    Weekdays count from 0, Monday.
    """
    words = clocks.normal(text)
    try:
        parts = re.split(r" ?(?:,|&|/|;|\band\b| ) ?", re.sub(TO, "-", GROUPS.get(words, words)))
        found = [one for part in parts if part for one in _run(GROUPS.get(part, part))]
    except ValueError as error:
        raise ValueError(f"'{text}' is not a weekday or range such as mon-thu: {error}") from error
    if not found:
        raise ValueError(f"'{text}' is not a weekday or range such as mon-thu")
    return tuple(dict.fromkeys(found))


def _run(words: str) -> Iterator[int]:
    """Yield the days of one weekday or range."""
    known = [clocks.weekday(word) for word in words.split("-")]
    first, *others = known
    last = others[0] if others else first
    if first is None or last is None or len(others) > 1:
        raise ValueError(f"'{words}' is unknown")
    return ((first + step) % 7 for step in range((last - first) % 7 + 1))


def weekdays_text(days: tuple[int, ...]) -> str:
    """Return weekdays as text that `weekdays` can parse: a range, or each name."""
    run = tuple((days[0] + step) % 7 for step in range(len(days)))
    if len(days) > 1 and days == run:
        return f"{WEEKDAYS[days[0]]}-{WEEKDAYS[days[-1]]}"
    return ", ".join(WEEKDAYS[day] for day in days)


def read_weekly(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the weekdays and the hours of "Mon-Thu 8:30-12 and 1-5" as office.toml writes them.

    The hours are empty if none are given. Raises ValueError if the text is invalid or backwards.
    """
    days, times = _parted(clocks.normal(text))
    if not days:
        raise ValueError(f"'{text}' has no weekdays; write them first, as in Mon-Fri 8:30am-5pm")
    daily = period(times) if times else ()
    return weekdays_text(weekdays(days)), tuple(span_text(*one) for one in daily)


def _parted(words: str) -> tuple[str, str]:
    """Split a text into weekdays and the times after them; either may be empty."""
    first = _FIRST_CLOCK.search(words)
    at = first.start() if first else len(words)
    return words[:at].strip(" ,:"), words[at:]


def weekly_windows(text: str) -> tuple[Window, ...]:
    """Parse weekly windows; raises ValueError with an example of a valid one.

    "mon-thu 17:00-08:00" is one window on each of these days, "fri 17:00-mon 08:00" a single one,
    "sat-sun" are whole days, and "22:00-06:00" is every day.
    """
    words = clocks.normal(text)
    try:
        if match := _ACROSS.fullmatch(words):
            return (_across(*match.groups()),)
        days, times = _parted(words)
        daily = read_spans(times) if times else ((time(0), time(0)),)
        return tuple(
            Window(day, start, (day + (end <= start)) % 7, end)
            for start, end in daily
            for day in weekdays(days or ("daily" if times else ""))
        )
    except ValueError as error:
        raise ValueError(
            f"'{text}' is not a window such as 'mon-thu 17:00-08:00', 'fri 5pm-mon 8am', 'sat-sun' "
            f"({error})"
        ) from error


def _across(day: str, start: str, until: str, end: str) -> Window:
    """Return one window across weekdays; an end at 24:00 is the midnight after that day."""
    first, last = clocks.weekday(day), clocks.weekday(until)
    if first is None or last is None:
        raise ValueError("a weekday is unknown")
    if MIDNIGHT in {start, end}:
        raise ValueError("midnight may be the start or the end of a day; write 00:00 or 24:00")
    if end == "24:00":
        last, end = (last + 1) % 7, "00:00"
    return Window(first, clocks.time_of_day(start), last, clocks.time_of_day(end))


def read_handoff(text: str) -> tuple[int | None, time]:
    """Parse "mon 08:00", "Monday 8am" or "8am" into a weekday or None, and the time of day."""
    words = clocks.normal(text)
    head, _, rest = words.partition(" ")
    try:
        day = clocks.weekday(head) if rest else None
        return day, clocks.time_of_day(words if day is None else rest.removeprefix("at "))
    except ValueError as error:
        raise ValueError(
            f"'{text}' is not a handoff such as 'mon 08:00' or '8am': {error}"
        ) from error


def seconds(text: str) -> int:
    """Parse "90s", "5m", "1h" or "5 minutes"; returns seconds."""
    match = _DURATION.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError(f"'{text}' is not a duration such as 30s, 5m or 1h")
    return int(match[1]) * UNITS[match[2][0]]


def day(text: str) -> date:
    """Parse a date with its year: "2026-12-25" or "12/25/2026"."""
    try:
        return clocks.read_date(text)
    except ValueError as error:
        raise ValueError(f"'{text}' is not a date: {error}") from error


def begin_of(text: str) -> datetime:
    """Parse a start as a naive local time; a date alone means its first instant."""
    return _day_or_time(text)[1]


def end_of(text: str) -> datetime:
    """Parse an exclusive end as a naive local time; a date alone includes that whole day."""
    is_day, at = _day_or_time(text)
    return at + timedelta(days=1) if is_day else at


def _day_or_time(text: str) -> tuple[bool, datetime]:
    """Parse "2026-12-20" or "12/20/2026 5pm"; the flag is true for a date without a time."""
    words = clocks.normal(text)
    try:
        if _HAS_CLOCK.search(words):
            return False, local_datetime(text)
        return True, datetime.combine(clocks.read_date(text), time(0))
    except ValueError as error:
        raise ValueError(
            f"'{text}' is not a date or local time such as 2026-12-20 or 12/20/2026 5pm: "
            f"{error.__cause__ or error}"
        ) from error


def local_datetime(text: str) -> datetime:
    """Parse "2026-12-24 08:00" or "12/24/2026 8am" into a naive local time.

    "2026-11-01 01:30 standard" means the second 1:30 of the night the clock is set back (`fold`).
    """
    if text.endswith(STANDARD):
        return _local_datetime(text.removesuffix(STANDARD)).replace(fold=1)
    return _local_datetime(text)


def _local_datetime(text: str) -> datetime:
    with contextlib.suppress(ValueError):  # 24-hour, as ISO has it, with or without zeros
        return datetime.strptime(text, "%Y-%m-%d %H:%M")  # noqa: DTZ007  # local on purpose
    try:
        return datetime.combine(*clocks.day_and_clock(clocks.normal(text)))
    except ValueError as error:
        raise ValueError(
            f"'{text}' is not a local time such as 2026-12-24 08:00 or 12/24/2026 8am: {error}"
        ) from error
