"""Times of a calendar: what its clock shows, how long something is, and where a series ends."""

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
    """A time as the calendar's clock shows it; a date, which has no clock, is its midnight."""

    local: datetime
    clock: ZoneClock | None

    def instant(self, office: ZoneClock) -> datetime:
        """Return the instant; a date begins as the office's clock says."""
        return (self.clock or office).instant(self.local)


@dataclass(frozen=True)
class Length:
    """How long an event is: what the clock shows at its end, and exact time on top of that."""

    shown: timedelta
    exact: timedelta


def until_of(text: str, start: CalendarTime, office: Named) -> tuple[date, datetime | None] | None:
    """Read an UNTIL: the last date, and the last instant if it has one; None if it is broken.

    Programs write it as the standard has it (UTC), as a local time of the event, or as a date,
    which then is the last day. For whole days a UTC midnight is that date; any other time of UTC is
    of the day that the office has then.
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
    return local.date() + DAY, at  # as its own clock may be a day behind


def rounded(ends: datetime, office: Named) -> datetime:
    """Return the end that is meant: 23:59 and 23:59:59 are midnight, and :59 the full minute."""
    shown = ends.astimezone(office.zone)
    if shown.time() >= LAST_MINUTE:
        return office.instant(datetime.combine(shown.date() + DAY, MIDNIGHT))
    return ends + timedelta(seconds=1) if ends.second == 59 else ends  # noqa: PLR2004


def local_time(found: re.Match[str]) -> datetime | None:
    """Make a local time of the parts of one; 24:00 is the next midnight, None what is none."""
    year, month, day, hour, minute, second = (int(one or 0) for one in found.groups()[:6])
    next_day = (hour, minute, second) == (24, 0, 0)
    try:
        at = datetime(  # noqa: DTZ001  # local
            year, month, day, 0 if next_day else hour, minute, min(second, 59)
        )
        return at + DAY if next_day else at
    except (ValueError, OverflowError):
        return None
