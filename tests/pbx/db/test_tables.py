"""Times in the tables: text that sorts, and comes back aware."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.db.tables import from_utc_text, utc_text

ANYWHERE = st.sampled_from(["UTC", "America/New_York", "Asia/Kathmandu", "Pacific/Apia"])
INSTANTS = st.datetimes(
    min_value=datetime(1, 1, 3),  # noqa: DTZ001  # the strategy wants them naive
    max_value=datetime(9999, 12, 29),  # noqa: DTZ001  # as above
    timezones=ANYWHERE.map(ZoneInfo),
)


@given(INSTANTS)
def test_an_instant_comes_back_as_it_was(instant: datetime) -> None:
    """To the microsecond, in UTC, from whatever zone."""
    found = from_utc_text(utc_text(instant))
    assert found == instant.astimezone(UTC)
    assert found.tzinfo is UTC


@given(INSTANTS, INSTANTS)
def test_texts_sort_as_times_do(one: datetime, other: datetime) -> None:
    """Every text has the same width, the year 1 included."""
    # aware datetimes of one zone compare by the wall clock, so compare them in UTC
    assert (utc_text(one) < utc_text(other)) == (one.astimezone(UTC) < other.astimezone(UTC))
    assert len(utc_text(one)) == len("2026-11-28T07:10:00.000000Z")


def test_the_hour_that_comes_twice_stays_two_hours() -> None:
    """The night the clocks go back has two 01:30, an hour apart."""
    first = datetime(2026, 11, 1, 1, 30, tzinfo=ZoneInfo("America/New_York"))
    again = first.replace(fold=1)
    apart = from_utc_text(utc_text(again)) - from_utc_text(utc_text(first))
    assert apart == timedelta(hours=1)


def test_a_time_without_a_zone_is_refused() -> None:
    """Nobody could say later when it was."""
    with pytest.raises(ValueError, match="without a zone"):
        utc_text(datetime(2026, 11, 28))  # noqa: DTZ001  # the mistake itself
