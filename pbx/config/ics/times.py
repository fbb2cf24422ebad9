"""Times in a calendar: local times, lengths, and the end of a series."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from pbx.config.ics.clocks import Fixed, Named, ZoneClock
from routing.instants import DAY, MIDNIGHT

YEARS = range(1970, 2200)
NOTHING = timedelta(0)
LAST_MINUTE = time(23, 59)
TIME = re.compile(
    r"(\d{4})-?(\d\d)-?(\d\d)(?:T(\d\d):?(\d\d)(?::?(\d\d))?(?:\.\d+)?(Z|[+-]\d\d:?\d\d)?)?"
)


@dataclass(frozen=True)
class CalendarTime:
    """A local time and its clock; a date has no clock, and its time is midnight."""

    local: datetime
    clock: ZoneClock | None

    def instant(self, office: ZoneClock) -> datetime:
        """Return the instant (UTC); a date begins at midnight of the office's clock."""
        return (self.clock or office).instant(self.local)


@dataclass(frozen=True)
class Length:
    """How long an event is: a difference of local times, plus an exact time after that."""

    shown: timedelta
    exact: timedelta


def until_of(text: str, start: CalendarTime, office: Named) -> tuple[date, datetime | None] | None:
    """Return an UNTIL's last date, and its last instant if it has one; None if it is broken.

    Programs write it in UTC as the standard says, as a local time of the event, or as a date,
    which is then the last day. For whole-day events, midnight UTC means that date; any other time
    in UTC means the office's date at that time.
    """
    found = TIME.fullmatch(text)
    local = None if found is None else local_time(found)
    if found is None or local is None or local.year not in YEARS:
        return None
    is_midnight = local.time() == MIDNIGHT
    if found[4] is None or (start.clock is None and (found[7] is None or is_midnight)):
        return local.date(), None
    at = (Fixed() if found[7] is not None else start.clock or office).instant(local)
    if start.clock is None:
        return at.astimezone(office.zone).date(), None
    return local.date() + DAY, at  # one more, as the event's own clock may be a day behind


def rounded(ends: datetime, office: Named) -> datetime:
    """Round an end up: 23:59 and 23:59:59 become midnight, and :59 seconds the full minute."""
    shown = ends.astimezone(office.zone)
    if shown.time() >= LAST_MINUTE:
        return office.instant(datetime.combine(shown.date() + DAY, MIDNIGHT))
    return ends + timedelta(seconds=1) if ends.second == 59 else ends  # noqa: PLR2004


def local_time(found: re.Match[str]) -> datetime | None:
    """Return the local time of a match, with 24:00 as the next midnight; None if it is invalid."""
    year, month, day, hour, minute, second = (int(one or 0) for one in found.groups()[:6])
    next_day = (hour, minute, second) == (24, 0, 0)
    try:
        at = datetime(  # noqa: DTZ001  # local
            year, month, day, 0 if next_day else hour, minute, min(second, 59)
        )
        return at + DAY if next_day else at
    except (ValueError, OverflowError):
        return None
