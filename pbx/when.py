"""Times as people write and read them, on the office's own clock."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pbx.errors import OfficeLineError
from pbx.officefile.spans import WEEKDAYS
from routing.instants import DAY, MIDNIGHT, at_local, instant, local_day

EVENING = time(18)
FIRST_YEAR, LAST_YEAR = 1900, 2999  # further away a calendar cannot look around
SHOWN = 40  # characters of a text that an error repeats

_NAMED = {"yesterday": -1, "today": 0, "tonight": 0, "tomorrow": 1}
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_LATER = re.compile(r"(?:\+|in )\s*(\d{1,5})\s*(m|h|d)(?:in(?:ute)?s?|ours?|ays?)?")


def parse(text: str, zone: ZoneInfo, now: datetime) -> datetime:
    """Read a time of the office's clock as an instant, shown in its zone.

    An ISO date or time, with an offset or without; "now"; "today", "tomorrow" or "yesterday", at
    midnight unless a time follows; "tonight" (18:00); a weekday's name, the next one; "+2h" and
    "in 90m". A time that the clock skips or shows twice is read as `routing.instants` defines it.
    OfficeLineError for anything else, and for years of which nobody speaks.
    """
    words = " ".join(text.split())
    try:
        found = _relative(words.lower(), zone, now) or _absolute(words, zone)
        return _near(found.astimezone(zone))
    except (ValueError, OverflowError) as error:
        raise OfficeLineError(
            f"'{words[:SHOWN]}' is no time; write it as 2026-11-28, '2026-11-28 02:10', "
            "'yesterday 18:00', 'fri 17:00', tonight or +2h."
        ) from error


def _near(at: datetime) -> datetime:
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise ValueError(f"nobody plans for the year {at.year}")
    return at


def show(at: datetime, zone: ZoneInfo) -> str:
    """Write an aware instant as the office's clock shows it: "Sat 28 Nov 2026 02:10 EST"."""
    return f"{at.astimezone(zone):%a %d %b %Y %H:%M %Z}"


def iso(at: datetime, zone: ZoneInfo) -> str:
    """Write an aware instant for tools: "2026-11-28T02:10:00-05:00"."""
    return at.astimezone(zone).isoformat(timespec="seconds")


def _absolute(words: str, zone: ZoneInfo) -> datetime:
    found = datetime.fromisoformat(words)
    return found if found.tzinfo else at_local(found, zone)


def _relative(words: str, zone: ZoneInfo, now: datetime) -> datetime | None:
    """Read what depends on now; None if the words begin like nothing of that kind."""
    if words == "now":
        return now
    if later := _LATER.fullmatch(words):
        return _later(int(later[1]), later[2], zone, now)
    name, _, rest = words.partition(" ")
    today = local_day(now, zone)
    if name in _NAMED:
        clock = _clock(rest) if rest else EVENING if name == "tonight" else MIDNIGHT
        return instant(today + _NAMED[name] * DAY, clock, zone)
    weekday = _weekday(name)
    if weekday is None:
        return None
    day = today + (weekday - today.weekday()) % 7 * DAY
    found = instant(day, _clock(rest) if rest else MIDNIGHT, zone)
    return found if found > now else _a_week_later(day, rest, zone)


def _a_week_later(day: date, rest: str, zone: ZoneInfo) -> datetime:
    return instant(day + 7 * DAY, _clock(rest) if rest else MIDNIGHT, zone)


def _later(count: int, unit: str, zone: ZoneInfo, now: datetime) -> datetime:
    """Go on from now: by the length of hours and minutes, by the calendar for days."""
    if unit == "d":
        local = now.astimezone(zone)
        return instant(local.date() + count * DAY, local.time(), zone)
    passed = timedelta(hours=count) if unit == "h" else timedelta(minutes=count)
    return now.astimezone(UTC) + passed


def _weekday(name: str) -> int | None:
    """Number a weekday by its name or the first three letters of it."""
    names = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    return next(
        (day for day, whole in enumerate(names) if name in {whole, WEEKDAYS[day]}),
        None,
    )


def _clock(text: str) -> time:
    match = _CLOCK.fullmatch(text.removeprefix("at "))
    if match is None:
        raise ValueError(f"'{text}' is no time of the day")
    return time(int(match[1]), int(match[2]))
