"""Times as people write them: a table, and the days on which the clock jumps."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx.base import when
from pbx.base.errors import OfficeLineError
from routing.time_text import TimeText

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
        ("5pm", "2026-11-24T17:00:00-05:00"),
        ("5 PM", "2026-11-24T17:00:00-05:00"),
        ("5p", "2026-11-24T17:00:00-05:00"),
        ("5:30 p.m.", "2026-11-24T17:30:00-05:00"),
        ("17:00", "2026-11-24T17:00:00-05:00"),
        ("2:10 AM", "2026-11-24T02:10:00-05:00"),  # of today, although it is past
        ("noon", "2026-11-24T12:00:00-05:00"),
        ("12pm", "2026-11-24T12:00:00-05:00"),
        ("12 noon", "2026-11-24T12:00:00-05:00"),
        ("12:00 Noon", "2026-11-24T12:00:00-05:00"),
        ("12:15 am", "2026-11-24T00:15:00-05:00"),
        ("11/30/2026 12:00\u202fPM", "2026-11-30T12:00:00-05:00"),
        ("11/30/2026 12:00 AM", "2026-11-30T00:00:00-05:00"),
        ("12am", "2026-11-24T00:00:00-05:00"),
        ("midnight", "2026-11-25T00:00:00-05:00"),  # the one to come
        ("11/30/2026", "2026-11-30T00:00:00-05:00"),
        ("1/5/2026", "2026-01-05T00:00:00-05:00"),
        ("11/28/2026 2:10 AM", "2026-11-28T02:10:00-05:00"),
        ("11/28/2026 at 17:00", "2026-11-28T17:00:00-05:00"),
        ("11/28/2026, 12 am", "2026-11-28T00:00:00-05:00"),
        ("2026-11-28 5pm", "2026-11-28T17:00:00-05:00"),
        ("Nov 28, 2026 5pm", "2026-11-28T17:00:00-05:00"),
        ("November 28 2026", "2026-11-28T00:00:00-05:00"),
        ("28 Nov 2026", "2026-11-28T00:00:00-05:00"),
        ("Sat, Nov 28, 2026, 2:10 AM EST", "2026-11-28T02:10:00-05:00"),
        ("Sat 28 Nov 2026 02:10 EST", "2026-11-28T02:10:00-05:00"),
        ("Sat, 28 Nov 2026, 02:10 EST", "2026-11-28T02:10:00-05:00"),
        ("Dec 7, 2026 12:00 AM", "2026-12-07T00:00:00-05:00"),
        ("Nov 28, 2:10 AM", "2026-11-28T02:10:00-05:00"),  # as a column shows it
        ("28 Nov, 02:10", "2026-11-28T02:10:00-05:00"),
        ("Jan 2 5pm", "2027-01-02T17:00:00-05:00"),  # the nearest, not that of this year
        ("Nov 28, 2:10:05 AM", "2026-11-28T02:10:05-05:00"),
        ("2026-11-28 02:10:05 EST", "2026-11-28T02:10:05-05:00"),
        ("tomorrow 5:30 p.m.", "2026-11-25T17:30:00-05:00"),
        ("tomorrow at noon", "2026-11-25T12:00:00-05:00"),
        ("5pm tomorrow", "2026-11-25T17:00:00-05:00"),
        ("noon on Friday", "2026-11-27T12:00:00-05:00"),
        ("this friday at 5pm", "2026-11-27T17:00:00-05:00"),
        ("F 5pm", "2026-11-27T17:00:00-05:00"),
        ("Thurs. 5pm", "2026-11-26T17:00:00-05:00"),
        ("tonight at 8", "2026-11-24T20:00:00-05:00"),
        ("tonight midnight", "2026-11-25T00:00:00-05:00"),
        ("in 90m", "2026-11-24T17:00:20-05:00"),
        ("in 90 minutes", "2026-11-24T17:00:20-05:00"),
        ("+3d", "2026-11-27T15:30:20-05:00"),
    ],
)
def test_what_people_write(text: str, expected: str) -> None:
    """Every form of it, on a Tuesday afternoon in New York."""
    assert when.parse_time(text, ZONE, NOW).isoformat() == expected


def test_the_next_weekday_is_never_now() -> None:
    """At five on a Friday "fri 17:00" is in a week."""
    now = datetime(2026, 11, 27, 17, tzinfo=ZONE)
    assert when.parse_time("fri 17:00", ZONE, now).isoformat() == "2026-12-04T17:00:00-05:00"


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
    assert when.parse_time(text, ZONE, now).isoformat() == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8am", "2026-11-28T08:00:00-05:00"),
        ("6pm", "2026-11-27T18:00:00-05:00"),
        ("noon", "2026-11-28T12:00:00-05:00"),
        ("midnight", "2026-11-28T00:00:00-05:00"),
        ("tomorrow 8am", "2026-11-25T08:00:00-05:00"),  # a day that is named stays
        ("fri 8am", "2026-11-27T08:00:00-05:00"),
    ],
)
def test_the_end_of_a_span_is_after_its_start(text: str, expected: str) -> None:
    """From Friday at five in the afternoon, a time that stands alone is the next such time."""
    start = when.parse_time("fri 17:00", ZONE, NOW)
    assert when.parse_time(text, ZONE, NOW, after=start).isoformat() == expected


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("fri 17:00", "mon 8am", ("2026-11-20T17:00:00-05:00", "2026-11-23T08:00:00-05:00")),
        ("yesterday 6pm", "8am", ("2026-11-23T18:00:00-05:00", "2026-11-24T08:00:00-05:00")),
        ("5pm", None, ("2026-11-23T17:00:00-05:00", None)),
        ("3pm", "3:15pm", ("2026-11-24T15:00:00-05:00", "2026-11-24T15:15:00-05:00")),
        ("midnight", None, ("2026-11-24T00:00:00-05:00", None)),
        (None, "tue", (None, "2026-11-24T00:00:00-05:00")),
        ("Nov 23, 5:00 PM", "Nov 24", ("2026-11-23T17:00:00-05:00", "2026-11-24T00:00:00-05:00")),
    ],
)
def test_what_happened_is_past(
    start: str | None, end: str | None, expected: tuple[str | None, str | None]
) -> None:
    """Whoever looks at calls since Friday means the last Friday."""
    found = when.past_span(start, end, ZONE, NOW)
    assert tuple(one and one.isoformat() for one in found) == expected


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "soon", "tomorrow 25:00", "tomorrow morning", "in 2", "+99999999h",
        "9999-12-31 23:59", "0001-01-01", "now 12:00", "+99999d", "1899-12-31", "3000-01-02",
        "a\nb", "friday the 13th", "13pm", "0am", "17:00 pm", "5:60pm", "11/30/2026/1", "5pm 6pm",
    ],
)  # fmt: skip
def test_what_is_no_time_is_one_sentence(text: str) -> None:
    """It repeats what was written and shows how to write it."""
    zone = ZoneInfo("America/New_York" if text.startswith("9") else "Asia/Tokyo")
    now = datetime(9990, 1, 1, tzinfo=UTC) if "99999d" in text else NOW
    with pytest.raises(OfficeLineError, match=r"^'[^\n]*' is not a time; write it as [^\n]+\.$"):
        when.parse_time(text, zone, now)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("5", "'5' may be 5 AM or 5 PM"),
        ("12", "'12' may be 12 AM or 12 PM"),
        ("5:30", "'5:30' may be 5:30 AM or 5:30 PM"),
        ("tomorrow 5", "'5' may be 5 AM or 5 PM"),
        ("13/12/2026", "there is no month 13: the month stands first, as in 12/13/2026"),
        ("11/30/26", "a date needs its year in four digits"),
        ("11/30", "a date needs its year in four digits"),
        ("May 25", "a date needs its year in four digits"),  # as far away in both years
        ("Feb 29", "a date needs its year in four digits"),  # neither 2026 nor 2027 has it
        ("2/30/2026", "day is out of range"),
        ("2026-02-30", "day is out of range"),
        ("2026-13-01", "month must be in 1..12"),
        ("Fri, Nov 28, 2026", "November 28, 2026 is a Saturday"),
        ("tomorrow midnight", "midnight may be the start or the end of that day"),
        ("next friday", "'next friday' may mean this week or next week"),
        ("T 5pm", "'t' may be Tuesday or Thursday"),
        ("S", "'s' may be Saturday or Sunday"),
        ("tonight 2am", "'2am' is not in the evening of today"),
        ("fri 24:00", "24:00 is the next day's midnight"),
        ("7/4/2026 5pm EST", "the office's clock shows EDT then, not EST"),
    ],
)
def test_what_is_not_clear_is_refused_with_the_reason(text: str, why: str) -> None:
    """A guess would close an office in the morning instead of the evening."""
    with pytest.raises(OfficeLineError) as refused:
        when.parse_time(text, ZONE, NOW)
    said = str(refused.value)
    assert said.startswith(f"'{text}' is not a time: {why}")
    assert said.endswith(f"; write it as {when.FORMS}.")


@pytest.mark.parametrize("form", ["5pm", "11/28/2026 2:10 AM", "tonight", "+2h"])
def test_every_form_that_is_offered_is_read(form: str) -> None:
    """What the sentence says can be done can be done."""
    assert form in when.FORMS
    for one in when.FORMS.replace(" or ", ", ").replace("'", "").split(", "):
        when.parse_time(one, ZONE, NOW)


@settings(max_examples=100)
@given(
    st.text(max_size=30)
    | st.from_regex(
        r"(tomorrow|tonight|fri|\+|in |2026-11-0|1[0-9]/|Nov |next )[0-9:/, mhdapEST.-]{0,12}"
    ),
    st.sampled_from(["America/New_York", "Australia/Lord_Howe", "UTC"]),
)
def test_any_text_is_a_time_or_a_sentence(text: str, zone: str) -> None:
    """Nothing but an OfficeLineError comes out, and every time is in the zone."""
    known = ZoneInfo(zone)
    with contextlib.suppress(OfficeLineError):
        assert when.parse_time(text, known, NOW).tzinfo is known


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # hypothesis wants bounds without a zone
)
def test_what_is_printed_for_tools_is_read_back(at: datetime) -> None:
    """To the second, whatever the clock did."""
    # of two times in one repeated hour Python says that they are not equal, unless both are UTC
    assert when.parse_time(when.iso(at, ZONE), ZONE, NOW).astimezone(UTC) == at.replace(
        microsecond=0
    )


COUNTRIES = st.sampled_from(["US", "GB"])  # an office of each form
SPOKEN = (
    "%a %d %b %Y %H:%M %Z", "%a, %b %d, %Y, %I:%M %p %Z", "%m/%d/%Y %I:%M %p %Z",
    "%B %d, %Y at %I:%M %p %Z", "%Y-%m-%d %I:%M%p %Z",
)  # fmt: skip


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  # as above
    st.sampled_from(SPOKEN),
    st.sampled_from(["America/New_York", "America/Phoenix", "Australia/Lord_Howe", "UTC"]),
    COUNTRIES,
)
def test_what_is_printed_for_people_is_read_back(
    at: datetime, form: str, key: str, country: str
) -> None:
    """To the minute, in each of the ways; the zone tells two times of one night apart."""
    at, zone = at.replace(second=0, microsecond=0), ZoneInfo(key)
    shown = TimeText.of(zone, "en", country).moment(at)
    for text in (shown, at.astimezone(zone).strftime(form)):
        assert when.parse_time(text, zone, NOW).astimezone(UTC) == at


@given(st.times(), st.sampled_from(["%H:%M", "%I:%M %p", "%I:%M%p"]))
def test_every_time_of_the_day_is_read_back(at: time, form: str) -> None:
    """Alone, and as a time of tomorrow."""
    at = at.replace(second=0, microsecond=0)
    assert when.parse_time(at.strftime(form), ZONE, NOW).time() == at
    assert when.parse_time(f"tomorrow {at.strftime(form)}", ZONE, NOW).time() == at


@given(
    st.timedeltas(timedelta(days=-400), timedelta(days=400)),
    st.sampled_from(["America/New_York", "America/Phoenix", "Australia/Lord_Howe", "UTC"]),
    COUNTRIES,
)
def test_what_a_column_shows_is_read_back(ago: timedelta, key: str, country: str) -> None:
    """To the second, with the year or without, and in the hour that the clock shows twice."""
    zone, at = ZoneInfo(key), (NOW + ago).astimezone(UTC).replace(microsecond=0)
    shown = TimeText.of(zone, "en", country).short(at, NOW, seconds=True)
    assert when.parse_time(shown, zone, NOW).astimezone(UTC) == at


@given(
    st.datetimes(datetime(2026, 10, 25), datetime(2026, 11, 8), timezones=st.just(UTC)),  # noqa: DTZ001  # as above
    st.integers(1, 3000),
    COUNTRIES,
)
def test_both_ends_of_a_span_are_read_back(start: datetime, minutes: int, country: str) -> None:
    """As --from and --to, over the night on which the clock is set back."""
    start = start.replace(second=0, microsecond=0)
    end = start + timedelta(minutes=minutes)
    times = TimeText.of(ZONE, "en", country)
    first, last = times.span(start, end).split(" to ")
    begins = when.parse_time(times.moment(start), ZONE, NOW)
    assert when.parse_time(first, ZONE, NOW).replace(fold=0) == begins.replace(fold=0)
    assert when.parse_time(last, ZONE, NOW, after=begins).astimezone(UTC) == end
