"""A wall clock read minute by minute, as slow and plain as it gets: what the tests measure by."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import accumulate
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from routing.model import Office, Plan, Window

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
MIDNIGHT = time(0)

# A zone, and a day in the middle of eleven days around the jump that each of them is about. All are
# past, as what a country will do it may decide anew. The calendar of 2015 is that of 2026.
WEEKS = [
    ("America/New_York", date(2015, 3, 8)),  # 02:00 is followed by 03:00
    ("America/New_York", date(2015, 11, 1)),  # 01:00 comes twice
    ("Europe/Berlin", date(2015, 3, 29)),
    ("Europe/Berlin", date(2015, 10, 25)),
    ("Australia/Lord_Howe", date(2015, 4, 5)),  # half an hour
    ("Australia/Lord_Howe", date(2015, 10, 4)),
    ("Pacific/Apia", date(2011, 12, 30)),  # a day that never was
    ("America/Santiago", date(2019, 4, 7)),  # 24:00 is followed by 23:00 of the same day
    ("America/Santiago", date(2019, 9, 8)),  # there is no midnight
    ("America/Havana", date(2015, 3, 8)),  # nor here
    ("America/Havana", date(2015, 11, 1)),  # midnight comes twice
    ("Asia/Kolkata", date(2015, 3, 29)),
    ("UTC", date(2015, 3, 29)),
]


class WallClock:
    """Eleven local days around `middle`: each minute's instant, and what the clock then shows."""

    def __init__(self, name: str, middle: date) -> None:
        self.zone = ZoneInfo(name)
        self.middle = middle
        self.days = [middle + step * DAY for step in range(-5, 6)]
        begin = datetime.combine(self.days[0], MIDNIGHT, UTC) - DAY
        self.minutes = [begin + step * MINUTE for step in range(13 * 24 * 60)]
        self.shows = [at.astimezone(self.zone).replace(tzinfo=None) for at in self.minutes]
        self._latest = list(accumulate(self.shows, max))
        self.first = self.minute(middle - 3 * DAY)  # the days that tests compare: a week
        self.last = self.minute(middle + 4 * DAY)

    def minute(self, day: date, clock: time = MIDNIGHT) -> int:
        """Number the first minute that shows this time or a later one; the last, if none does."""
        wanted = datetime.combine(day, clock)
        return min(bisect_left(self._latest, wanted), len(self.minutes) - 1)

    def compared(self) -> range:
        """Number the minutes of the seven days around the middle."""
        return range(self.first, self.last)

    def paint(self, spans: Iterable[tuple[int, int]]) -> list[bool]:
        """Mark each minute that lies in one of these spans of minutes."""
        painted = [False] * len(self.minutes)
        for begin, end in spans:
            painted[begin:end] = [True] * max(0, end - begin)
        return painted

    def window(self, window: Window) -> list[tuple[int, int]]:
        """Find a weekly window in these days, and in a week before them."""
        long = (window.until - window.weekday) % 7
        if long == 0 and window.end <= window.start:
            long = 7
        days = [self.days[0] - step * DAY for step in range(1, 8)] + self.days
        return [
            (self.minute(day, window.start), self.minute(day + long * DAY, window.end))
            for day in days
            if day.weekday() == window.weekday
        ]


@cache
def wall_clock(name: str, middle: date) -> WallClock:
    """Read a wall clock once."""
    return WallClock(name, middle)


def plan_in(zone: ZoneInfo) -> Plan:
    """Make a plan of an office that decided nothing yet."""
    return Plan(
        office=Office("Office", "+12125550100", zone),
        lines=(),
        office_hours={},
        closures=(),
        openings=(),
        people={},
        phones={},
        groups={},
        menus={},
        schedules={},
        escalations={},
        rules=(),
        hash="",
    )


def clocks() -> st.SearchStrategy[WallClock]:
    """Draw one of the weeks."""
    return st.sampled_from(WEEKS).map(lambda week: wall_clock(*week))


def times() -> st.SearchStrategy[time]:
    """Draw times of day, those around midnight and the jumps more often than others."""
    near = ["00:00", "00:30", "01:00", "01:30", "01:59", "02:00", "02:15", "03:00", "23:00"]
    usual = ["23:59", "08:00", "12:00", "17:00", "20:00"]
    return st.sampled_from([time.fromisoformat(text) for text in near + usual]) | st.builds(
        time, st.integers(0, 23), st.integers(0, 59)
    )


def windows() -> st.SearchStrategy[Window]:
    """Draw weekly windows, from minutes to a week long."""
    weekday = st.integers(0, 6)
    return st.builds(Window, weekday, times(), weekday, times())
