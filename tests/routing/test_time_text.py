"""Dates and times as people read them: each form, midnight and noon, and the days of the jumps."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from routing.time_text import TimeText

NEW_YORK, BERLIN = ZoneInfo("America/New_York"), ZoneInfo("Europe/Berlin")
US = TimeText.of(NEW_YORK, "en", "US")
GERMAN = TimeText.of(BERLIN, "de", "DE")
NIGHT = datetime(2026, 11, 28, 7, 10, 5, tzinfo=UTC)


def at(text: str, zone: ZoneInfo = NEW_YORK) -> datetime:
    """Read a local time."""
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def test_an_instant_has_its_weekday_and_its_zone() -> None:
    """In the United States by twelve hours, elsewhere by twenty-four."""
    assert US.moment(NIGHT) == "Sat, Nov 28, 2026, 2:10 AM EST"
    assert US.moment(NIGHT, seconds=True) == "Sat, Nov 28, 2026, 2:10:05 AM EST"
    assert GERMAN.moment(NIGHT) == "Sat, 28 Nov 2026, 08:10 CET"
    assert US.day(date(2026, 12, 7)) == "Mon, Dec 7, 2026"
    assert GERMAN.day(date(2026, 12, 7)) == "Mon, 7 Dec 2026"


@pytest.mark.parametrize(
    ("language", "country", "month_first"),
    [
        ("en", "US", True), ("es", "US", True), ("es", "PR", True), ("en", "CA", True),
        ("fr", "CA", False), ("de", "US", False), ("en", "GB", False), ("es", "ES", False),
        ("en", "AU", False), ("de", "DE", False),
    ],
)  # fmt: skip
def test_language_and_country_decide(language: str, country: str, *, month_first: bool) -> None:
    """An English office outside of North America does not put the month first."""
    assert TimeText.of(NEW_YORK, language, country).month_first is month_first


@pytest.mark.parametrize(
    ("clock", "shown"),
    [
        (time(0), "12:00 AM"), (time(0, 1), "12:01 AM"), (time(1), "1:00 AM"),
        (time(11, 59), "11:59 AM"), (time(12), "12:00 PM"), (time(12, 30), "12:30 PM"),
        (time(13), "1:00 PM"), (time(23, 59), "11:59 PM"),
    ],
)  # fmt: skip
def test_midnight_and_noon(clock: time, shown: str) -> None:
    """Midnight is 12 AM, noon is 12 PM, and no hour is 0 or 13."""
    assert US.clock(clock) == shown
    assert GERMAN.clock(clock) == f"{clock.hour:02}:{clock.minute:02}"


@pytest.mark.parametrize(
    ("start", "end", "shown"),
    [
        ("2026-12-07 00:00", "2026-12-07 06:00", "Mon, Dec 7, 2026, 12:00 AM to 6:00 AM EST"),
        (
            "2026-12-04 17:00", "2026-12-07 08:00",
            "Fri, Dec 4, 2026, 5:00 PM to Mon, Dec 7, 2026, 8:00 AM EST",
        ),
        (
            "2026-12-07 18:00", "2026-12-08 00:00",
            "Mon, Dec 7, 2026, 6:00 PM to Tue, Dec 8, 2026, 12:00 AM EST",
        ),
        ("2026-11-01 00:00", "2026-11-01 06:00", "Sun, Nov 1, 2026, 12:00 AM EDT to 6:00 AM EST"),
        ("2027-03-14 00:00", "2027-03-14 06:00", "Sun, Mar 14, 2027, 12:00 AM EST to 6:00 AM EDT"),
        (
            "2026-10-31 17:00", "2026-11-01 08:00",
            "Sat, Oct 31, 2026, 5:00 PM EDT to Sun, Nov 1, 2026, 8:00 AM EST",
        ),
    ],
)  # fmt: skip
def test_a_span_says_what_both_ends_share_once(start: str, end: str, shown: str) -> None:
    """The day and the zone, unless the clock is set between the two."""
    assert US.span(at(start), at(end)) == shown


def test_a_span_elsewhere_and_to_the_second() -> None:
    """The day comes first there; a call's span has seconds."""
    start, end = at("2026-12-07 09:00", BERLIN), at("2026-12-07 17:30", BERLIN)
    assert GERMAN.span(start, end) == "Mon, 7 Dec 2026, 09:00 to 17:30 CET"
    lasted = US.span(NIGHT, NIGHT + timedelta(seconds=90), seconds=True)
    assert lasted == "Sat, Nov 28, 2026, 2:10:05 AM to 2:11:35 AM EST"


def test_a_span_of_days() -> None:
    """One day stands alone."""
    monday = date(2024, 12, 30)
    assert US.days(monday, date(2025, 1, 5)) == "Mon, Dec 30, 2024 to Sun, Jan 5, 2025"
    assert US.days(monday, monday) == "Mon, Dec 30, 2024"


@pytest.mark.parametrize(
    ("local", "shown"),
    [
        ("2026-11-28 02:10", "Nov 28, 2:10 AM"),
        ("2026-12-31 23:59", "Dec 31, 11:59 PM"),
        ("2027-01-01 00:00", "Jan 1, 2027, 12:00 AM"),  # the next year
        ("2026-05-01 12:00", "May 1, 2026, 12:00 PM"),  # this year, but as near as the next May
        ("2025-11-28 02:10", "Nov 28, 2025, 2:10 AM"),
    ],
)
def test_a_column_has_the_year_where_it_is_needed(local: str, shown: str) -> None:
    """The year of now is not repeated in each row."""
    assert US.short(at(local), at("2026-11-29 12:00")) == shown


def test_a_column_names_the_zone_of_an_hour_that_comes_twice() -> None:
    """In autumn there are two of them, in spring there is none that needs it."""
    now = at("2026-11-02 09:00")
    first = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    rows = [US.short(first + timedelta(hours=hour), now) for hour in range(-1, 3)]
    assert rows == [
        "Nov 1, 12:30 AM", "Nov 1, 1:30 AM EDT", "Nov 1, 1:30 AM EST", "Nov 1, 2:30 AM",
    ]  # fmt: skip
    spring = datetime(2027, 3, 14, 6, 59, tzinfo=UTC)
    shown = [US.short(spring + timedelta(minutes=step), spring) for step in (0, 1)]
    assert shown == ["Mar 14, 1:59 AM", "Mar 14, 3:00 AM"]


def test_a_weekday_with_its_time() -> None:
    """Of an instant on the office's clock; a time without a zone stands as it is."""
    assert US.weekday(NIGHT) == "Saturday 2:10 AM"
    assert GERMAN.weekday(NIGHT) == "Saturday 08:10"
    assert US.weekday(datetime(2026, 11, 28, 17)) == "Saturday 5:00 PM"  # noqa: DTZ001  # as it is


def test_what_stands_below_a_bar() -> None:
    """An hour and a date in as many letters as there is room for."""
    assert [US.hour(hour) for hour in (0, 8, 12, 20)] == ["12 AM", "8 AM", "12 PM", "8 PM"]
    assert [US.hour_mark(hour) for hour in (0, 8, 12, 20)] == ["12a", "8a", "12p", "8p"]
    assert (GERMAN.hour(8), GERMAN.hour_mark(8)) == ("08:00", "08")
    day = date(2026, 11, 28)
    assert (US.day_mark(day), GERMAN.day_mark(day)) == ("11/28", "28/11")


def test_every_minute_of_a_day_looks_different() -> None:
    """No two times of a day are shown alike, in either form."""
    minutes = [time(*divmod(minute, 60)) for minute in range(24 * 60)]
    for one in (US, GERMAN):
        assert len({one.clock(clock) for clock in minutes}) == len(minutes)
