"""Times as people write them: a table, and the days on which the clock jumps."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx import when
from pbx.errors import OfficeLineError

ZONE = ZoneInfo("America/New_York")
NOW = datetime(2026, 11, 24, 15, 30, 20, tzinfo=ZONE)  # a Tuesday


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-28", "2026-11-28T00:00:00-05:00"),
        ("2026-11-28 02:10", "2026-11-28T02:10:00-05:00"),
        ("2026-11-28T02:10", "2026-11-28T02:10:00-05:00"),
        ("2026-11-28T02:10:30Z", "2026-11-27T21:10:30-05:00"),
        ("2026-11-28 02:10+01:00", "2026-11-27T20:10:00-05:00"),
        ("now", "2026-11-24T15:30:20-05:00"),
        ("today", "2026-11-24T00:00:00-05:00"),
        (" Today  08:30 ", "2026-11-24T08:30:00-05:00"),
        ("tonight", "2026-11-24T18:00:00-05:00"),
        ("tonight 23:15", "2026-11-24T23:15:00-05:00"),
        ("tomorrow", "2026-11-25T00:00:00-05:00"),
        ("tomorrow 18:00", "2026-11-25T18:00:00-05:00"),
        ("tomorrow at 8:00", "2026-11-25T08:00:00-05:00"),
        ("yesterday 17:00", "2026-11-23T17:00:00-05:00"),
        ("fri 17:00", "2026-11-27T17:00:00-05:00"),
        ("Friday 17:00", "2026-11-27T17:00:00-05:00"),
        ("tue 16:00", "2026-11-24T16:00:00-05:00"),  # still ahead today
        ("tue 15:00", "2026-12-01T15:00:00-05:00"),  # past today, so the next one
        ("tue 15:30", "2026-12-01T15:30:00-05:00"),
        ("tue", "2026-12-01T00:00:00-05:00"),
        ("mon", "2026-11-30T00:00:00-05:00"),
        ("+2h", "2026-11-24T17:30:20-05:00"),
        ("in 90m", "2026-11-24T17:00:20-05:00"),
        ("in 90 minutes", "2026-11-24T17:00:20-05:00"),
        ("+3d", "2026-11-27T15:30:20-05:00"),
    ],
)
def test_what_people_write(text: str, expected: str) -> None:
    """Every form of it, on a Tuesday afternoon in New York."""
    assert when.parse(text, ZONE, NOW).isoformat() == expected


def test_the_next_weekday_is_never_now() -> None:
    """At five on a Friday "fri 17:00" is in a week."""
    now = datetime(2026, 11, 27, 17, tzinfo=ZONE)
    assert when.parse("fri 17:00", ZONE, now).isoformat() == "2026-12-04T17:00:00-05:00"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-01 01:30", "2026-11-01T01:30:00-04:00"),  # twice: the first
        ("2026-03-08 02:30", "2026-03-08T03:00:00-04:00"),  # skipped: the jump
        ("tomorrow 01:30", "2026-11-01T01:30:00-04:00"),
        ("+24h", "2026-11-01T17:00:00-05:00"),  # an hour more on that day's clock
        ("+1d", "2026-11-01T18:00:00-05:00"),
        ("sunday 18:00", "2026-11-01T18:00:00-05:00"),
    ],
)
def test_times_that_the_clock_skips_or_repeats(text: str, expected: str) -> None:
    """As every boundary of the plan; hours have their length, days are the calendar's."""
    now = datetime(2026, 10, 31, 18, tzinfo=ZONE)
    assert when.parse(text, ZONE, now).isoformat() == expected


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "soon", "tomorrow 25:00", "tomorrow morning", "2026-13-01", "2026-02-30",
        "fri 24:00", "noon", "in 2", "+99999999h", "9999-12-31 23:59", "0001-01-01", "now 12:00",
        "+99999d", "1899-12-31", "3000-01-02", "a\nb", "friday the 13th",
    ],
)  # fmt: skip
def test_what_is_no_time_is_one_sentence(text: str) -> None:
    """It repeats what was written and shows how to write it."""
    zone = ZoneInfo("America/New_York" if text.startswith("9") else "Asia/Tokyo")
    now = datetime(9990, 1, 1, tzinfo=UTC) if "99999d" in text else NOW
    with pytest.raises(OfficeLineError, match=r"^'[^\n]*' is no time; [^\n]+\.$"):
        when.parse(text, zone, now)


@settings(max_examples=100)
@given(
    st.text(max_size=30) | st.from_regex(r"(tomorrow|fri|\+|in |2026-11-0)[0-9: mhd-]{0,12}"),
    st.sampled_from(["America/New_York", "Australia/Lord_Howe", "UTC"]),
)
def test_any_text_is_a_time_or_a_sentence(text: str, zone: str) -> None:
    """Nothing but an OfficeLineError comes out, and every time is in the zone."""
    known = ZoneInfo(zone)
    with contextlib.suppress(OfficeLineError):
        assert when.parse(text, known, NOW).tzinfo is known


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # hypothesis wants bounds without a zone
)
def test_what_is_printed_for_tools_is_read_back(at: datetime) -> None:
    """To the second, whatever the clock did."""
    assert when.parse(when.iso(at, ZONE), ZONE, NOW) == at.replace(microsecond=0)


def test_shown_with_weekday_and_zone() -> None:
    """As a person says it."""
    assert when.show(datetime(2026, 11, 28, 7, 10, tzinfo=UTC), ZONE) == "Sat 28 Nov 2026 02:10 EST"
