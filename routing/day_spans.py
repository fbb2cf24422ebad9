"""Spans of one day as people in the US write them: "8:30-12 and 1-5", "9am-5pm", "17:00-08:00".

Where hours stand without AM and PM they are of the day, from 7 AM to 7 PM: "9-5" begins in the
morning. What could be meant in two ways is refused, with the ways to say it.
"""

from __future__ import annotations

import re
from datetime import time
from itertools import pairwise

from routing import clocks
from routing.clocks import CLOCK, Mark

TO = r"\s*(?:-|\bto\b|\buntil\b|\bthrough\b)\s*"
DAY_MINUTES = 24 * 60
LONGEST_OVERNIGHT = 16 * 60  # minutes that hours may last when they end after midnight
NOON, SEVEN = 12 * 60, 7 * 60  # minutes since midnight; the day is from seven to seven
AFTERNOON = 16 * 60  # from here on an end without AM or PM may be in the evening or in the morning
_STRICT = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d|24:00")
_SPAN = re.compile(rf"({CLOCK}){TO}({CLOCK})(?![\w:])", re.ASCII)
_BETWEEN = re.compile(r"\s*(?:,|;|&|\band\b)?\s*")


class BackwardsError(ValueError):
    """A span that ends before it begins."""


def read_span(text: str) -> tuple[time, time]:
    """Read one span, "08:30-12:00"; an end at or before the start is on the next day."""
    found = _spans(text)
    if len(found) != 1:
        raise ValueError(f"'{text}' is not a period such as 08:30-12:00 or 8:30am-noon")
    return found[0]


def read_spans(text: str) -> tuple[tuple[time, time], ...]:
    """Read the spans of a day, "8:30-12 and 1-5", which come one after the other."""
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
    """Find what two times mean together; ValueError where that is not one thing."""
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
    """Find the halves of the day that are not written, where one reading alone is usual."""
    early, late = first.minutes % NOON, last.minutes % NOON
    if first.sure and last.sure:
        return first.minutes, last.minutes
    if first.sure:  # "9am-5", "08:30-5": the next such time, unless that may be the evening
        begins = first.minutes
        usual = [(begins, one) for one in (late, late + NOON) if begins < min(one, AFTERNOON)]
    elif last.sure:  # "1-5pm" is one half of the day; where it cannot be, the morning comes first
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
    """List the ways to write a time in full, each with its minutes since midnight."""
    if known.sure:
        return [(known.text, known.minutes)]
    minutes = known.minutes % NOON
    return [(f"{known.text}am", minutes), (f"{known.text}pm", minutes + NOON)]


def period(text: str) -> tuple[tuple[time, time], ...]:
    """Read a day's opening hours; what would pass midnight for most of a day is backwards."""
    found = read_spans(text)
    for start, end in found:
        minutes = (end.hour - start.hour) * 60 + end.minute - start.minute
        if minutes <= 0 and minutes % DAY_MINUTES > LONGEST_OVERNIGHT:
            meant = probably(start, end)
            hint = f"; you probably mean '{meant}'" if meant else ""
            raise BackwardsError(f"'{text}' ends before it begins{hint}")
    return found


def probably(start: time, end: time) -> str | None:
    """Return the hours of a day that were probably meant by hours over midnight, or None.

    A forgotten PM ("09:00-05:00"), or two ends that changed places ("17:00-08:30").
    """
    if end > start or end == time(0):
        return None
    later = end.replace(hour=end.hour + 12) if end.hour < 12 else end  # noqa: PLR2004  # hours
    usual = (time(6), time(20))  # between them an office is open
    for begins, ends in ((end, start), (start, later)):
        if usual[0] <= begins < ends <= usual[1]:
            return span_text(begins, ends)
    return None


def span_text(start: time, end: time) -> str:
    """Write a span as the file does; an end at midnight is 24:00."""
    return f"{start:%H:%M}-{end:%H:%M}" if end > time(0) else f"{start:%H:%M}-24:00"
