"""Dates and times as people read them, on the office's own clock. Pure: no clock, no files.

This is the one place that decides how a person sees a date: "Sat, Nov 28, 2026, 2:10 AM EST" in an
office of the United States or Canada, "Sat, 28 Nov 2026, 02:10 CET" in any other. The words are
English in each office, as the sentences around them are. Tools and files get ISO 8601 instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from routing.clocks import HALF_DAY

HALF_YEAR = timedelta(days=180)  # within this, a date without a year is unambiguous

# The languages and countries that put the month first and use the 12-hour clock, as in Unicode's
# CLDR. The territories of the United States have country codes of their own.
_MONTH_FIRST_LANGUAGES = {"en", "es"}
_MONTH_FIRST_COUNTRIES = {"US", "PR", "VI", "GU", "AS", "MP", "CA"}


@dataclass(frozen=True)
class TimeText:
    """How one office writes dates and times; `month_first` selects the US form."""

    zone: ZoneInfo
    month_first: bool = True

    @classmethod
    def of(cls, zone: ZoneInfo, language: str, country: str) -> TimeText:
        """Return the form for people who read this language in this country."""
        known = language in _MONTH_FIRST_LANGUAGES and country in _MONTH_FIRST_COUNTRIES
        return cls(zone, known)

    def day(self, day: date) -> str:
        """Return a date as "Sat, Nov 28, 2026"."""
        return f"{day:%a}, {self._day_of_month(day)}{self._comma}{day.year}"

    def clock(self, at: time | datetime, *, seconds: bool = False) -> str:
        """Return a time of day as "2:10 AM"; a datetime is not converted to the office's zone."""
        exact = f":{at.second:02}" if seconds else ""
        if not self.month_first:
            return f"{at.hour:02}:{at.minute:02}{exact}"
        half = "PM" if at.hour >= HALF_DAY else "AM"
        return f"{at.hour % HALF_DAY or HALF_DAY}:{at.minute:02}{exact} {half}"

    def moment(self, at: datetime, *, seconds: bool = False) -> str:
        """Return an aware instant with its zone: "Sat, Nov 28, 2026, 2:10 AM EST"."""
        local = at.astimezone(self.zone)
        return f"{self.day(local)}, {self.clock(local, seconds=seconds)} {local:%Z}"

    def span(self, start: datetime, end: datetime, *, seconds: bool = False) -> str:
        """Return two aware instants as a range, without repeating what they share.

        "Mon, Dec 7, 2026, 12:00 AM to 6:00 AM EST". The first also has its zone if the clock
        changes between the two.
        """
        first, last = start.astimezone(self.zone), end.astimezone(self.zone)
        zone = "" if first.tzname() == last.tzname() else f" {first:%Z}"
        until = self.moment(end, seconds=seconds)
        if first.date() == last.date():
            until = f"{self.clock(last, seconds=seconds)} {last:%Z}"
        return f"{self.day(first)}, {self.clock(first, seconds=seconds)}{zone} to {until}"

    def days(self, first: date, last: date) -> str:
        """Return a range of days including the last one; a single day is written as one date."""
        return self.day(first) if first == last else f"{self.day(first)} to {self.day(last)}"

    def short(self, at: datetime, now: datetime, *, seconds: bool = False) -> str:
        """Return an aware instant for a table column: "Nov 28, 2:10 AM".

        The year is left out if it is the current one, or within half a year of now. The zone is
        added in the one hour of the year that occurs twice.
        """
        local, today = at.astimezone(self.zone), now.astimezone(self.zone)
        near = local.year == today.year and abs(local.date() - today.date()) <= HALF_YEAR
        year = "" if near else f"{self._comma}{local.year}"
        zone = f" {local:%Z}" if self._is_shown_twice(local) else ""
        return f"{self._day_of_month(local)}{year}, {self.clock(local, seconds=seconds)}{zone}"

    def weekday(self, at: datetime) -> str:
        """Return a time as weekday and clock: "Saturday 2:10 AM".

        An aware time is converted to the office's zone; a naive one is used unchanged.
        """
        local = at if at.tzinfo is None else at.astimezone(self.zone)
        return f"{local:%A} {self.clock(local)}"

    def time(self, at: datetime, *, seconds: bool = False) -> str:
        """Return the office's time of day at an aware instant, without the date."""
        return self.clock(at.astimezone(self.zone), seconds=seconds)

    def hour(self, hour: int) -> str:
        """Return an hour of the day as "8 AM"."""
        half = "PM" if hour >= HALF_DAY else "AM"
        return f"{hour % HALF_DAY or HALF_DAY} {half}" if self.month_first else f"{hour:02}:00"

    def hour_mark(self, hour: int) -> str:
        """Return an hour as "8a", for chart labels of at most three characters."""
        return self.hour(hour).lower().replace(" ", "").removesuffix("m").removesuffix(":00")

    def day_mark(self, day: date) -> str:
        """Return a date as "11/28", for chart labels of at most five characters."""
        return f"{day.month}/{day.day}" if self.month_first else f"{day.day}/{day.month}"

    def _day_of_month(self, day: date) -> str:
        return f"{day:%b} {day.day}" if self.month_first else f"{day.day} {day:%b}"

    @property
    def _comma(self) -> str:
        """Return the separator before the year: a comma if the day's number precedes it."""
        return ", " if self.month_first else " "

    @staticmethod
    def _is_shown_twice(local: datetime) -> bool:
        offsets = [local.replace(fold=fold).utcoffset() for fold in (0, 1)]
        first, second = (offset or timedelta() for offset in offsets)
        return first > second  # in spring the first is smaller, because such a time is skipped
