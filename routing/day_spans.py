"""Spans of one day as people in the US write them: "8:30-12 and 1-5", "9am-5pm", "17:00-08:00".

Hours without AM or PM are daytime hours, from 7 AM to 7 PM, so "9-5" begins in the morning.
Ambiguous spans are refused with a list of the unambiguous ways to write them.
"""

from __future__ import annotations

import re
from datetime import time
from itertools import pairwise

from routing import clocks
from routing.clocks import CLOCK, Mark

TO = r"\s*(?:-|\bto\b|\buntil\b|\bthrough\b)\s*"
DAY_MINUTES = 24 * 60
LONGEST_OVERNIGHT = 16 * 60  # maximum minutes for hours that end after midnight
NOON, SEVEN = 12 * 60, 7 * 60  # minutes since midnight; daytime is 7 AM to 7 PM
AFTERNOON = 16 * 60  # from here on, an end without AM or PM could be evening or morning
_STRICT = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d|24:00")
_SPAN = re.compile(rf"({CLOCK}){TO}({CLOCK})(?![\w:])", re.ASCII)
_BETWEEN = re.compile(r"\s*(?:,|;|&|\band\b)?\s*")


class BackwardsError(ValueError):
    """A span that ends before it begins."""


def read_span(text: str) -> tuple[time, time]:
    """Parse one span such as "08:30-12:00"; an end at or before the start is on the next day."""
    found = _spans(text)
    if len(found) != 1:
        raise ValueError(f"'{text}' is not a period such as 08:30-12:00 or 8:30am-noon")
    return found[0]


def read_spans(text: str) -> tuple[tuple[time, time], ...]:
    """Parse the spans of a day, such as "8:30-12 and 1-5", in chronological order."""
    found = _spans(text)
    for (_, ends), (begins, _) in pairwise(found):
        if not time(0) < ends <= begins:
            raise ValueError(
                f"'{text}' has periods out of order: {begins:%H:%M} comes before {ends:%H:%M}"
            )
    return found


def _spans(text: str) -> tuple[tuple[time, time], ...]:
    words = clocks.normal(text).removeprefix("from ")
    found: list[tuple[time, time]] = []
    at = 0
    for match in _SPAN.finditer(words):
        if not _BETWEEN.fullmatch(words, at, match.start()):
            break
        found.append(_span(text, match[1], match[2]))
        at = match.end()
    if not found or at != len(words):
        raise ValueError(f"'{text}' is not a period such as 08:30-12:00 or 8:30am-noon")
    return tuple(found)


def _span(text: str, start: str, end: str) -> tuple[time, time]:
    """Return what two times mean together; ValueError if that is ambiguous."""
    try:
        first, last = clocks.read_mark(start), clocks.read_mark(end)
    except ValueError as error:
        raise ValueError(f"'{text}' is not a period such as 08:30-12:00: {error}") from error
    if first.by_day or last.by_day or (_STRICT.fullmatch(start) and _STRICT.fullmatch(end)):
        begins, ends = first.minutes % DAY_MINUTES, last.minutes % DAY_MINUTES
    else:
        begins, ends = _dialed(text, first, last)
    return time(*divmod(begins, 60)), time(*divmod(ends % DAY_MINUTES, 60))


def _dialed(text: str, first: Mark, last: Mark) -> tuple[int, int]:
    """Return both times in minutes, adding an unwritten AM or PM if only one reading is usual."""
    early, late = first.minutes % NOON, last.minutes % NOON
    if first.sure and last.sure:
        return first.minutes, last.minutes
    if first.sure:  # "9am-5", "08:30-5": the next 5 o'clock, unless it could be the evening
        begins = first.minutes
        usual = [(begins, one) for one in (late, late + NOON) if begins < min(one, AFTERNOON)]
    elif last.sure:  # "1-5pm" is all PM; if that is impossible, the start is in the morning
        ends = last.minutes
        halves = (early + NOON, early) if ends >= NOON else (early,)
        usual = [(begins, ends) for begins in halves if begins < ends]
    else:
        begins, ends = early + NOON * (early < SEVEN), late + NOON * (late < SEVEN + 60)
        seven = early // 60 == late // 60 == SEVEN // 60 and early != late  # "7-7:30"
        usual = [(begins, ends)] if begins < ends and not seven else []
    if usual:
        return usual[0]
    vague = last if first.sure else first
    ways = [
        f"{one}-{other}"
        for one, begins in _halves(first)
        for other, ends in _halves(last)
        if begins < ends or first.sure
    ]
    raise ValueError(
        f"'{text}' could mean two periods: {clocks.either(vague)}; "
        f"write it as {' or '.join(ways) or '8:30am-5pm'}, or by 24 hours as in 08:30-17:00"
    )


def _halves(known: Mark) -> list[tuple[str, int]]:
    """Return the full ways to write a time, each with its minutes since midnight."""
    if known.sure:
        return [(known.text, known.minutes)]
    minutes = known.minutes % NOON
    return [(f"{known.text}am", minutes), (f"{known.text}pm", minutes + NOON)]


def period(text: str) -> tuple[tuple[time, time], ...]:
    """Parse a day's opening hours; an overnight span that is too long raises BackwardsError."""
    found = read_spans(text)
    for start, end in found:
        minutes = (end.hour - start.hour) * 60 + end.minute - start.minute
        if minutes <= 0 and minutes % DAY_MINUTES > LONGEST_OVERNIGHT:
            meant = probably(start, end)
            hint = f"; you probably mean '{meant}'" if meant else ""
            raise BackwardsError(f"'{text}' ends before it begins{hint}")
    return found


def probably(start: time, end: time) -> str | None:
    """Return the daytime hours that an overnight span was probably meant to be, or None.

    Detects a forgotten PM ("09:00-05:00") and swapped ends ("17:00-08:30").
    """
    if end > start or end == time(0):
        return None
    later = end.replace(hour=end.hour + 12) if end.hour < 12 else end  # noqa: PLR2004  # hours
    usual = (time(6), time(20))  # offices are usually open only between these
    for begins, ends in ((end, start), (start, later)):
        if usual[0] <= begins < ends <= usual[1]:
            return span_text(begins, ends)
    return None


def span_text(start: time, end: time) -> str:
    """Return the span in the notation of office.toml; an end at midnight is 24:00."""
    return f"{start:%H:%M}-{end:%H:%M}" if end > time(0) else f"{start:%H:%M}-24:00"
