"""Parses times as people type them, in office time; `routing.time_text` formats them."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pbx.base.errors import OfficeLineError
from routing import clocks
from routing.clocks import CLOCK
from routing.instants import DAY, MIDNIGHT, at_local, instant, local_day
from routing.time_text import HALF_YEAR

EVENING = time(18)
DUSK = 17  # the hour at which "tonight" begins
FIRST_YEAR, LAST_YEAR = 1900, 2999  # beyond these, calendar arithmetic could overflow
SHOWN = 40  # how many characters of the text an error quotes
FORMS = (
    "5pm, 17:00, noon, 11/28/2026, '11/28/2026 2:10 AM', 2026-11-28, 'tomorrow 18:00', "
    "'fri 5pm', tonight or +2h"
)

_NAMED = {"yesterday": -1, "today": 0, "tonight": 0, "tomorrow": 1}
_LATER = re.compile(r"(?:\+|in )\s*(\d{1,5})\s*(m|h|d)(?:in(?:ute)?s?|ours?|ays?)?")
_DAY_CLOCK = re.compile(rf"(?:(.+?),? (?:at )?|at )?({CLOCK})", re.ASCII)
_CLOCK_DAY = re.compile(rf"(?:at )?({CLOCK})(?: on)? (.+)", re.ASCII)
_SECONDS = re.compile(r"(?<=\d:\d\d):([0-5]\d)\b", re.ASCII)
_ZONE = re.compile(r"(.+) ([A-Za-z]{3,5}|[+-]\d\d(?:\d\d)?)", re.ASCII)


def parse_time(
    text: str,
    zone: ZoneInfo,
    now: datetime,
    *,
    after: datetime | None = None,
    past: bool = False,
) -> datetime:
    """Return the aware instant, in the office's zone, that a text means.

    Accepts an ISO date or time, with or without an offset; "11/28/2026", "Nov 28, 2026", "Nov 28"
    within half a year; "now"; "today", "tomorrow" or "yesterday", at midnight unless a time
    follows; "tonight" (18:00); a weekday's name (the next one); "+2h" and "in 90m"; "5pm" or
    "17:00" (today), and "midnight" (the next one). With `after`, a time without a date is the first
    one after it; with `past`, a time without a date or a weekday is the last one up to now.

    A time that the clock skips or repeats is read as `routing.instants` defines, unless EST or EDT
    follows. Raises OfficeLineError for any other text, ambiguous texts, and implausible years.
    """
    words = " ".join(text.split())
    try:
        found = _Reading(zone, now, after, past=past).read(words)
        return _near(found.astimezone(zone))
    except (ValueError, OverflowError) as error:
        unknown = isinstance(error, (clocks.UnknownError, OverflowError))
        why = "" if unknown else f": {error}"
        raise OfficeLineError(
            f"'{words[:SHOWN]}' is not a time{why[:120]}; write it as {FORMS}."
        ) from error


def past_span(
    start: str | None, end: str | None, zone: ZoneInfo, now: datetime
) -> tuple[datetime | None, datetime | None]:
    """Return the start and end of a span in the past; None leaves that end open."""
    since = None if start is None else parse_time(start, zone, now, past=True)
    until = None if end is None else parse_time(end, zone, now, after=since, past=True)
    return since, until


def _near(at: datetime) -> datetime:
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise clocks.UnknownError
    return at


def iso(at: datetime, zone: ZoneInfo) -> str:
    """Return an aware instant as ISO 8601 for tools: "2026-11-28T02:10:00-05:00"."""
    return at.astimezone(zone).isoformat(timespec="seconds")


class _Reading:
    """Parses one text relative to a moment; raises ValueError if it is unclear."""

    def __init__(
        self, zone: ZoneInfo, now: datetime, after: datetime | None, *, past: bool
    ) -> None:
        self._zone, self._now, self._after, self._past = zone, now, after, past
        self._today = local_day(now, zone)

    def read(self, words: str) -> datetime:
        """Return the instant of a text, which must have single spaces only."""
        lower = clocks.normal(words)
        if lower == "now":
            return self._now
        if later := _LATER.fullmatch(lower):
            return self._later(int(later[1]), later[2])
        try:
            found = datetime.fromisoformat(words)
        except ValueError:
            return self._exact(words)
        return found if found.tzinfo else at_local(found, self._zone)

    def _exact(self, words: str) -> datetime:
        """Parse words whose time may have seconds, as in a call's history."""
        seconds = _SECONDS.search(words)
        if seconds is None:
            return self._named(words)
        found = self._named(words[: seconds.start()] + words[seconds.end() :])
        return found + timedelta(seconds=int(seconds[1]))

    def _named(self, words: str) -> datetime:
        """Parse day, time and zone in any usual order; raises the first helpful error."""
        objections: list[ValueError] = []
        for day, clock, zone in _orders(words):
            try:
                found = self._moment(day, clock)
                return found if zone is None else self._shown_as(found, zone)
            except ValueError as error:
                objections.append(error)
        clear = [one for one in objections if not isinstance(one, clocks.UnknownError)]
        raise clear[0] if clear else clocks.UnknownError

    def _moment(self, day: str | None, clock: str | None) -> datetime:
        if day is None:
            return self._alone(clock or "")
        if day == "tonight":
            return self._tonight(clock)
        if day.startswith("next "):
            raise ValueError(f"'{day}' may mean this week or next week")
        weekday = None if day in _NAMED else clocks.weekday(day)
        if day in _NAMED:
            found = self._today + _NAMED[day] * DAY
        elif weekday is None:
            found = self._day(day)
        else:
            found = self._today + (weekday - self._today.weekday()) % 7 * DAY
        if clock == clocks.MIDNIGHT:
            raise ValueError("midnight may be the start or the end of that day; 12am is its start")
        at = MIDNIGHT if clock is None else clocks.time_of_day(clock)
        if weekday is None:
            return instant(found, at, self._zone)
        weeks = [instant(found + days * DAY, at, self._zone) for days in (-7, 0, 7)]
        if self._past:
            return max(one for one in weeks if one <= self._now)
        return min(one for one in weeks if one > self._now)

    def _day(self, words: str) -> date:
        """Parse a date; without a year, it is the one within half a year from now."""
        known = None if "/" in words else clocks.month_and_day(words)
        if known is not None:
            until = self._today if self._past else self._today + HALF_YEAR
            for year in (self._today.year + step for step in (-1, 0, 1)):
                with contextlib.suppress(ValueError):  # February 29 outside a leap year
                    if self._today - HALF_YEAR <= (found := date(year, *known)) <= until:
                        return found
        return clocks.read_date(words)

    def _alone(self, clock: str) -> datetime:
        at = clocks.time_of_day(clock)
        if not self._past and self._after is None and clock != clocks.MIDNIGHT:
            return instant(self._today, at, self._zone)
        day = local_day(self._after or self._now, self._zone)
        found = [instant(day + days * DAY, at, self._zone) for days in (-1, 0, 1, 2)]
        if self._past and self._after is None:
            return max(one for one in found if one <= self._now)
        return min(one for one in found if one > (self._after or self._now))

    def _tonight(self, clock: str | None) -> datetime:
        """Return this evening's instant of a time, which needs no PM."""
        if clock == clocks.MIDNIGHT:
            return instant(self._today + DAY, MIDNIGHT, self._zone)
        if clock is None:
            return instant(self._today, EVENING, self._zone)
        known = clocks.read_mark(clock)
        at = clocks.time_of_day(clock if known.sure else f"{clock}pm")
        if at.hour < DUSK:
            raise ValueError(f"'{clock}' is not in the evening of today")
        return instant(self._today, at, self._zone)

    def _later(self, count: int, unit: str) -> datetime:
        """Return now plus hours or minutes (elapsed time), or plus days (calendar days)."""
        if unit == "d":
            local = self._now.astimezone(self._zone)
            return instant(local.date() + count * DAY, local.time(), self._zone)
        passed = timedelta(hours=count) if unit == "h" else timedelta(minutes=count)
        return self._now.astimezone(UTC) + passed

    def _shown_as(self, found: datetime, name: str) -> datetime:
        """Return the instant of this local time that has the given zone name, such as EDT."""
        local = found.astimezone(self._zone).replace(fold=0)
        for one in (local, local.replace(fold=1)):
            if one.tzname() == name.upper():
                return one.astimezone(UTC)
        raise ValueError(f"the office's clock shows {local.tzname()} then, not {name}")


def _orders(words: str) -> Iterator[tuple[str | None, str | None, str | None]]:
    """Yield a text's day, time and zone for each order in which they may be written."""
    zoned = _ZONE.fullmatch(words)
    for text, zone in ((words, None), *([(zoned[1], zoned[2])] if zoned else [])):
        lower = clocks.normal(text).removeprefix("on ").removeprefix("this ")
        if not re.fullmatch(CLOCK, lower):
            yield lower, None, zone
        if found := _DAY_CLOCK.fullmatch(lower):
            yield found[1], found[2], zone
        if found := _CLOCK_DAY.fullmatch(lower):
            yield found[2], found[1], zone
