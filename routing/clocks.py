"""Clock times, weekdays and dates as people in the US write them. Pure: no clock, no zone.

Ambiguous text raises a ValueError that names both readings, because a wrong guess would close an
office in the morning instead of the evening.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, time

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
NOON, MIDNIGHT = "noon", "midnight"
EIGHT = 8  # an hour from 8 on, written with minutes, is read as a morning
HALF_DAY = 12  # hours on the dial of a clock

_WHOLE_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WHOLE_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september"),
    *("october", "november", "december"),
)
_SHORT_DAYS = {
    "m": 0, "mo": 0, "tu": 1, "tues": 1, "w": 2, "we": 2, "weds": 2, "th": 3, "thur": 3,
    "thurs": 3, "f": 4, "fr": 4, "sa": 5, "su": 6,
}  # fmt: skip
_TWO_DAYS = {"t": "Tuesday or Thursday", "s": "Saturday or Sunday"}
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"))
_HALF = re.compile(r"(?<=\d)\s*([ap])(?:\.?\s?m)?\b\.?")
_TWELVE = re.compile(r"\b12(?::00)? ?(noon|midnight)\b")
_CLOCK = re.compile(r"(\d{1,2})(?::(\d\d))?(am|pm)?", re.ASCII)
_SLASHES = re.compile(r"(\d{1,2})/(\d{1,2})(?:/(\d+))?", re.ASCII)
_MONTH_FIRST = re.compile(r"([a-z]+)\.? (\d{1,2})(?:st|nd|rd|th)?,?(?: (\d{4}))?", re.ASCII)
_DAY_FIRST = re.compile(r"(\d{1,2}) ([a-z]+)\.?,?(?: (\d{4}))?", re.ASCII)
_ISO = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
CLOCK = r"(?:\d{1,2}(?::\d\d)?(?:am|pm)?|noon|midnight)"  # in a text that `normal` returned
_DAY_CLOCK = re.compile(rf"(.+?),? (?:at )?({CLOCK})", re.ASCII)


class UnknownError(ValueError):
    """The text is not a date or a time of day at all."""


@dataclass(frozen=True)
class Mark:
    """A time of day as written; `half` is "am", "pm", or empty if neither was written."""

    text: str
    hour: int
    minute: int
    half: str = ""

    @property
    def minutes(self) -> int:
        """Return the minutes since midnight; without am or pm, the 24-hour clock applies."""
        hour = self.hour
        if self.half:
            hour = hour % HALF_DAY + HALF_DAY * (self.half == "pm")
        return hour * 60 + self.minute

    @property
    def by_day(self) -> bool:
        """Return whether the time can only be on the 24-hour clock, as 0:30 and 17:00 are."""
        return not self.half and (self.hour == 0 or self.hour > HALF_DAY)

    @property
    def sure(self) -> bool:
        """Return whether the time is unambiguous: with am or pm, or 24-hour as in 08:30."""
        return bool(self.half) or self.by_day or self.text.startswith("0")


def normal(text: str) -> str:
    """Return the text in lower case, with uniform spaces, dashes, "am" and "pm"."""
    words = " ".join(text.translate(_DASHES).lower().split())
    return _TWELVE.sub(r"\1", _HALF.sub(r"\1m", words))


def read_mark(text: str) -> Mark:
    """Parse one time of day as written; ValueError if it is invalid, such as 25:00 or 13pm."""
    if text in {NOON, MIDNIGHT}:
        return Mark(text, HALF_DAY, 0, "pm" if text == NOON else "am")
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise UnknownError(f"'{text}' is not a time of day")
    known = Mark(text, int(found[1]), int(found[2] or 0), found[3] or "")
    most = HALF_DAY if known.half else 24
    if not bool(known.half) <= known.hour <= most or known.minute > 59:  # noqa: PLR2004  # minutes
        raise UnknownError(f"'{text}' is not a time of day")
    if known.hour == 24 and known.minute:  # noqa: PLR2004  # hours
        raise UnknownError(f"'{text}' is not a time of day")
    return known


def time_of_day(text: str) -> time:
    """Parse a single time such as "5pm", "17:00" or "noon".

    Raises ValueError if the time is invalid or ambiguous, as 5, 5:30 and 24:00 are. From 8:00 to
    12:59 a time with minutes is read as 24-hour; 1:00 to 7:59 might mean the afternoon.
    """
    known = read_mark(normal(text))
    if not known.sure and (":" not in known.text or known.hour < EIGHT):
        raise ValueError(either(known))
    if known.hour == 24:  # noqa: PLR2004  # hours
        raise ValueError("24:00 is the next day's midnight")
    return time(*divmod(known.minutes, 60))


def either(known: Mark) -> str:
    """Return a phrase with the two times that a mark may mean."""
    return f"'{known.text}' may be {known.text} AM or {known.text} PM"


def weekday(text: str) -> int | None:
    """Return the weekday's number, Monday being 0, for "fri", "Fridays", "F" or "Th".

    Returns None for any other word. Raises ValueError for T and S, which fit two days each.
    """
    word = text.rstrip(".")
    if word in _TWO_DAYS:
        raise ValueError(f"'{text}' may be {_TWO_DAYS[word]}")
    if word in _SHORT_DAYS:
        return _SHORT_DAYS[word]
    for number, whole in enumerate(_WHOLE_DAYS):
        if word in {whole, f"{whole}s", whole[:3]}:
            return number
    return None


def month(text: str) -> int | None:
    """Return the month's number from 1 for "nov", "Sept." or "November"; None if it is neither."""
    word = "sep" if text == "sept" else text
    for number, whole in enumerate(_WHOLE_MONTHS, start=1):
        if word in {whole, whole[:3]}:
            return number
    return None


def read_date(text: str) -> date:
    """Parse a date with its year: 2026-11-30, 11/30/2026, "Nov 30, 2026", "Mon 30 Nov 2026".

    Raises ValueError if a part is missing or the weekday does not match the date.
    """
    words = normal(text)
    head, _, rest = words.partition(" ")
    named = weekday(head.rstrip(",")) if rest else None
    found = _day(words if named is None else rest)
    if named is not None and found.weekday() != named:
        name, day_name = _WHOLE_MONTHS[found.month - 1], _WHOLE_DAYS[found.weekday()]
        said = f"{name.capitalize()} {found.day}, {found.year}"
        raise ValueError(f"{said} is a {day_name.capitalize()}")
    return found


def _day(words: str) -> date:
    if _ISO.fullmatch(words):
        return date.fromisoformat(words)
    if found := _SLASHES.fullmatch(words):
        return _checked(int(found[1]), int(found[2]), found[3])
    if (found := _MONTH_FIRST.fullmatch(words)) and (number := month(found[1])):
        return _checked(number, int(found[2]), found[3])
    if (found := _DAY_FIRST.fullmatch(words)) and (number := month(found[2])):
        return _checked(number, int(found[1]), found[3])
    raise UnknownError(f"'{words}' is not a date such as 11/30/2026 or 2026-11-30")


def _checked(number: int, day_of: int, year: str | None) -> date:
    if year is None or len(year) != 4:  # noqa: PLR2004  # digits
        raise ValueError("a date needs its year in four digits, as in 11/30/2026")
    if number > HALF_DAY >= day_of:
        raise ValueError(
            f"there is no month {number}: the month stands first, as in {day_of}/{number}/{year}"
        )
    return date(int(year), number, day_of)


def month_and_day(text: str) -> tuple[int, int] | None:
    """Parse a day without a year: "12/25", "December 25", "25 Dec"; None for anything else."""
    words = normal(text)
    if (found := _SLASHES.fullmatch(words)) and found[3] is None:
        return int(found[1]), int(found[2])
    found = _MONTH_FIRST.fullmatch(words)
    if found and found[3] is None and (number := month(found[1])):
        return number, int(found[2])
    found = _DAY_FIRST.fullmatch(words)
    if found and found[3] is None and (number := month(found[2])):
        return number, int(found[1])
    return None


def day_and_clock(words: str) -> tuple[date, time]:
    """Parse a date followed by a time of day; `words` must come from `normal`."""
    found = _DAY_CLOCK.fullmatch(words)
    if found is None:
        raise ValueError("a date and a time of the day are needed")
    if found[2] == MIDNIGHT:
        raise ValueError("midnight may be the start or the end of that day; 12am is its start")
    return read_date(found[1]), time_of_day(found[2])
