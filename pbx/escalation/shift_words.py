"""Prompts about a shift, as lists of ids in the order in which they are played."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

NAMED = timedelta(days=7)  # within this time, a weekday is unambiguous
NOON, LAST_DIGIT = 12, 9


def begins(now: datetime, end: datetime | None, zone: ZoneInfo) -> tuple[str, ...]:
    """Return the prompts that a shift begins and, if a weekday is unambiguous, when it ends."""
    return ("shift-begins", *until(now, end, zone))


def until(now: datetime, end: datetime | None, zone: ZoneInfo) -> tuple[str, ...]:
    """Return the prompts for the end of a shift; empty if a weekday would be ambiguous."""
    if end is None or not now < end <= now + NAMED:
        return ()
    local = end.astimezone(zone)
    minutes = tuple(f"digit-{digit}" for digit in f"{local.minute:02}") if local.minute else ()
    half = "before-noon" if local.hour < NOON else "after-noon"
    hour = (local.hour - 1) % NOON + 1
    word = f"digit-{hour}" if hour <= LAST_DIGIT else f"hour-{hour}"
    return ("shift-until", f"day-{local.isoweekday()}", word, *minutes, half)
