"""What is said about a shift: the ids of prompts, in their order."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

NAMED = timedelta(days=7)  # a weekday says when, up to the same one a week later
NOON, LAST_DIGIT = 12, 9


def begins(now: datetime, end: datetime | None, zone: ZoneInfo) -> tuple[str, ...]:
    """Say that a shift begins, and until when it lasts, if a weekday can say that."""
    return ("shift-begins", *until(now, end, zone))


def until(now: datetime, end: datetime | None, zone: ZoneInfo) -> tuple[str, ...]:
    """Say until when somebody is on call; nothing where a weekday would be ambiguous."""
    if end is None or not now < end <= now + NAMED:
        return ()
    local = end.astimezone(zone)
    minutes = tuple(f"digit-{digit}" for digit in f"{local.minute:02}") if local.minute else ()
    half = "before-noon" if local.hour < NOON else "after-noon"
    hour = (local.hour - 1) % NOON + 1
    word = f"digit-{hour}" if hour <= LAST_DIGIT else f"hour-{hour}"
    return ("shift-until", f"day-{local.isoweekday()}", word, *minutes, half)
