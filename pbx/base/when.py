"""Times as people type them, on the office's own clock; `routing.time_text` has how they look."""

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
DUSK = 17  # the hour at which tonight begins
FIRST_YEAR, LAST_YEAR = 1900, 2999  # further away a calendar cannot look around
SHOWN = 40  # characters of a text that an error repeats
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
    """Read a time of the office's clock as an instant, shown in its zone.

    An ISO date or time, with an offset or without; "11/28/2026", "Nov 28, 2026", "Nov 28" within
    half a year, and "now"; "today",
    "tomorrow" or "yesterday", at midnight unless a time follows; "tonight" (18:00); a weekday's
    name, the next one; "+2h" and "in 90m"; "5pm" or "17:00", of today, and the next "midnight".
    With `after` a time that stands alone is the first after it; with `past` it is the last up to
    now, and so is a weekday.

    A time that the clock skips or shows twice is read as `routing.instants` defines it, unless EST
    or EDT follows. OfficeLineError for anything else, for what could be meant in two ways, and for
    years of which nobody speaks.
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
    """Read from when to when something that happened is asked for; None leaves an end open."""
    since = None if start is None else parse_time(start, zone, now, past=True)
    until = None if end is None else parse_time(end, zone, now, after=since, past=True)
    return since, until


def _near(at: datetime) -> datetime:
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise clocks.UnknownError
    return at


def iso(at: datetime, zone: ZoneInfo) -> str:
    """Write an aware instant for tools: "2026-11-28T02:10:00-05:00"."""
    return at.astimezone(zone).isoformat(timespec="seconds")


class _Reading:
    """One reading of a text, seen from a moment; a ValueError says what is not clear."""

    def __init__(
        self, zone: ZoneInfo, now: datetime, after: datetime | None, *, past: bool
    ) -> None:
        self._zone, self._now, self._after, self._past = zone, now, after, past
        self._today = local_day(now, zone)

    def read(self, words: str) -> datetime:
        """Read a text whose spaces are single."""
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
        """Read words whose time may have seconds, as a call's history shows them."""
        seconds = _SECONDS.search(words)
        if seconds is None:
            return self._named(words)
        found = self._named(words[: seconds.start()] + words[seconds.end() :])
        return found + timedelta(seconds=int(seconds[1]))

    def _named(self, words: str) -> datetime:
        """Read words in one of the orders that people use; the first clear objection is told."""
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
        """Read a date; one without its year, as columns show it, is the one within half a year."""
        known = None if "/" in words else clocks.month_and_day(words)
        if known is not None:
            until = self._today if self._past else self._today + HALF_YEAR
            for year in (self._today.year + step for step in (-1, 0, 1)):
                with contextlib.suppress(ValueError):  # February 29 of a year without it
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
        """Read a time of the evening, for which no PM is needed."""
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
        """Go on from now: by the length of hours and minutes, by the calendar for days."""
        if unit == "d":
            local = self._now.astimezone(self._zone)
            return instant(local.date() + count * DAY, local.time(), self._zone)
        passed = timedelta(hours=count) if unit == "h" else timedelta(minutes=count)
        return self._now.astimezone(UTC) + passed

    def _shown_as(self, found: datetime, name: str) -> datetime:
        """Choose the instant at which the clock shows this time with the name of its zone."""
        local = found.astimezone(self._zone).replace(fold=0)
        for one in (local, local.replace(fold=1)):
            if one.tzname() == name.upper():
                return one.astimezone(UTC)
        raise ValueError(f"the office's clock shows {local.tzname()} then, not {name}")


def _orders(words: str) -> Iterator[tuple[str | None, str | None, str | None]]:
    """List a text's day, time and zone in each of the orders in which they may stand."""
    zoned = _ZONE.fullmatch(words)
    for text, zone in ((words, None), *([(zoned[1], zoned[2])] if zoned else [])):
        lower = clocks.normal(text).removeprefix("on ").removeprefix("this ")
        if not re.fullmatch(CLOCK, lower):
            yield lower, None, zone
        if found := _DAY_CLOCK.fullmatch(lower):
            yield found[1], found[2], zone
        if found := _CLOCK_DAY.fullmatch(lower):
            yield found[2], found[1], zone
