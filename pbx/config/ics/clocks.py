"""Time zones of a calendar, found by the names that programs use, or defined by a VTIMEZONE."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo, available_timezones

from pbx.base.errors import OfficeLineError
from pbx.config import zones
from pbx.config.ics.lines import Component
from pbx.config.ics.names import quoted
from pbx.config.ics.recurrence import DAY, RecurrenceRule, Work, days, rule
from routing.instants import at_local

EARLIEST, LATEST = 1600, 3000  # range of an onset's year; 1600 is a leap year
MOST_OBSERVANCES = 500  # in one VTIMEZONE; the full history of a zone has fewer than 200
_UTC = ("utc", "gmt", "z", "etc/utc", "etc/gmt", "zulu", "tzone://microsoft/utc")
_FIXED = re.compile(r"(?:utc|gmt)?([+-])(\d{1,2}):?(\d\d)?")
_DISPLAYED = re.compile(r"\((?:utc|gmt)[^)]*\)\s*|\s*\([^)]*\)$")  # (UTC-05:00) ... (US & Canada)
_OFFSET = re.compile(r"([+-])(\d\d)(\d\d)(\d\d)?")
_DATED = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d))?Z?")
_WITHIN_A_DAY = re.compile(r"(?i);?\b(?:BYHOUR|BYMINUTE|BYSECOND)=[^;]*")


class ZoneClock(Protocol):
    """Converts a local time to an instant."""

    def instant(self, local: datetime) -> datetime:
        """Return the first instant (UTC) at which a clock shows this naive time or a later one."""


@dataclass(frozen=True)
class Named:
    """A zone of this machine's time zone database."""

    zone: ZoneInfo

    def instant(self, local: datetime) -> datetime:
        """Convert as `routing.instants.at_local` does for the office's own times."""
        return at_local(local, self.zone)


@dataclass(frozen=True)
class Fixed:
    """A fixed offset from UTC, the same all year; a recurring event keeps it."""

    offset: timedelta = timedelta(0)

    def instant(self, local: datetime) -> datetime:
        """Subtract the offset."""
        return (local - self.offset).replace(tzinfo=UTC)


@dataclass(frozen=True)
class Observance:
    """A STANDARD or DAYLIGHT part of a VTIMEZONE: its onsets and the offsets before and after."""

    first: datetime
    before: timedelta
    after: timedelta
    rules: tuple[RecurrenceRule, ...]
    dates: tuple[datetime, ...]

    def onsets(self, year: int, work: Work) -> Iterator[datetime]:
        """List the onsets (naive, UTC) from the year before to the year after the given one."""
        earliest, last = date(max(year - 1, 1), 1, 1), date(year + 1, 12, 31)
        for local in (self.first, *self.dates):
            yield local - self.before
        for one in self.rules:
            until = date.max if one.until is None else _local(one.until).date()
            for day in days(one, self.first.date(), min(last, until), earliest, work):
                yield datetime.combine(day, self.first.time()) - self.before


@dataclass(frozen=True)
class Defined:
    """A zone that the calendar's VTIMEZONE defines."""

    observances: tuple[Observance, ...]
    work: Work
    _known: dict[int, tuple[list[datetime], list[timedelta]]] = field(
        default_factory=dict, compare=False
    )

    def instant(self, local: datetime) -> datetime:
        """Apply the latest onset; before the first one, use the offset from before it."""
        if local.year not in self._known:
            found = {
                at: one.after
                for one in self.observances
                for at in one.onsets(local.year, self.work)
            }
            at_first = min(self.observances, key=lambda one: one.first).before
            onsets = sorted(found)
            self._known[local.year] = onsets, [at_first, *(found[at] for at in onsets)]
        onsets, offsets = self._known[local.year]
        place = max(bisect_right(onsets, local) - 3, 0)
        while place < len(onsets) and local - offsets[place] >= onsets[place]:
            place += 1
        at = local - offsets[place]
        return (max(at, onsets[place - 1]) if place else at).replace(tzinfo=UTC)


def named(name: str, parts: Iterable[Component], work: Work) -> ZoneClock | None:
    """Return the clock that a TZID names, or None if it is unknown; `parts` are VTIMEZONEs."""
    wanted = name.strip().strip('"').casefold()
    if wanted in _UTC:
        return Fixed()
    known, windows = _iana(), _windows()
    if "/" in wanted and (found := _by_path(wanted)) is not None:
        return Named(ZoneInfo(found))
    if wanted in windows:
        return Named(ZoneInfo(windows[wanted]))
    for part in parts:
        if part.text("TZID").strip().strip('"').casefold() == wanted:
            place = part.text("X-LIC-LOCATION").casefold()
            return Named(ZoneInfo(known[place])) if place in known else _defined(part, work)
    if wanted in known:
        return Named(ZoneInfo(known[wanted]))
    return _spoken(wanted)


def _by_path(wanted: str) -> str | None:
    """Find "America/New_York" in paths such as "/citadel.org/20210210_1/America/New_York"."""
    words = wanted.split("/")
    tails = ("/".join(words[place:]) for place in range(len(words) - 1))
    return next((_iana()[tail] for tail in tails if "/" in tail and tail in _iana()), None)


def _spoken(wanted: str) -> ZoneClock | None:
    """Read "UTC-05:00", "Eastern Time" and "(UTC-05:00) Eastern Time (US & Canada)"."""
    fixed = _FIXED.fullmatch(wanted)
    if fixed is not None:
        offset = timedelta(hours=int(fixed[2]), minutes=int(fixed[3] or 0))
        return Fixed(-offset if fixed[1] == "-" else offset) if offset < DAY else None
    found = zones.zone_near(_DISPLAYED.sub("", wanted).strip())
    return None if found is None else Named(ZoneInfo(found))


def _defined(part: Component, work: Work) -> Defined:
    """Read a VTIMEZONE; raise OfficeLineError if any part of it cannot be read."""
    kinds = [*part.within("STANDARD"), *part.within("DAYLIGHT")]
    broken = OfficeLineError(
        f"Cannot read the calendar's definition of time zone '{quoted(part.text('TZID'))}'; "
        "set the calendar to a zone such as America/New_York in the program that exported it."
    )
    if not 1 <= len(kinds) <= MOST_OBSERVANCES:
        raise broken
    try:
        return Defined(tuple(_observance(kind) for kind in kinds), work)
    except (ValueError, OverflowError) as error:
        raise broken from error


def _observance(part: Component) -> Observance:
    rules = tuple(rule(_WITHIN_A_DAY.sub("", one.value)) for one in part.all("RRULE"))
    for one in rules:
        if one.until is not None:
            _local(one.until)
        if one.frequency != "YEARLY":
            raise ValueError(one)
    dates = (text for one in part.all("RDATE") for text in one.value.split(","))
    return Observance(
        _local(part.text("DTSTART")),
        _offset(part.text("TZOFFSETFROM")),
        _offset(part.text("TZOFFSETTO")),
        rules,
        tuple(_local(text.partition("/")[0]) for text in dates),
    )


def _local(text: str) -> datetime:
    """Read an onset; a year before EARLIEST, which some programs write, becomes EARLIEST."""
    found = _DATED.fullmatch(text)
    if found is None:
        raise ValueError(text)
    year, month, day, hour, minute, second = (int(one or 0) for one in found.groups())
    if year > LATEST:
        raise ValueError(text)
    return datetime(max(year, EARLIEST), month, day, hour, minute, second)  # noqa: DTZ001  # local


def _offset(text: str) -> timedelta:
    found = _OFFSET.fullmatch(text)
    if found is None:
        raise ValueError(text)
    hours, minutes, seconds = (int(one or 0) for one in found.group(2, 3, 4))
    offset = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    if offset >= DAY:
        raise ValueError(text)
    return -offset if found[1] == "-" else offset


@lru_cache(maxsize=1)
def _iana() -> dict[str, str]:
    return {one.casefold(): one for one in available_timezones()}


@lru_cache(maxsize=1)
def _windows() -> dict[str, str]:
    from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

    return {windows.casefold(): name for windows, name in WINDOWS_TO_OLSON.items()}
