"""What an office may write for when a layer holds and hands over, and what is refused."""

from __future__ import annotations

from datetime import date, time

import pytest

from routing.model import MonthDay, Window
from routing.turn_texts import counted_from, read_turn_handoff, turn_windows

MIDNIGHT, EIGHT, FIVE = time(0), time(8), time(17)
WEEKEND = Window(5, MIDNIGHT, 0, MIDNIGHT)
LONG = Window(4, FIVE, 0, EIGHT)


@pytest.mark.parametrize(
    ("text", "window", "nth", "weeks"),
    [
        ("first weekend", WEEKEND, (1,), 1),
        ("1st weekend of the month", WEEKEND, (1,), 1),
        ("Last Weekend of each month", WEEKEND, (-1,), 1),
        ("first fri 17:00-mon 08:00", LONG, (1,), 1),
        ("the second and fourth Fri 5pm-Mon 8am", LONG, (2, 4), 1),
        ("first, third and last sun", Window(6, MIDNIGHT, 0, MIDNIGHT), (1, 3, -1), 1),
        ("third tue 18:00-21:00", Window(1, time(18), 1, time(21)), (3,), 1),
        ("first mon-fri", Window(0, MIDNIGHT, 5, MIDNIGHT), (1,), 1),
        ("every other weekend", WEEKEND, (), 2),
        ("Every other Fri 5pm-Mon 8am", LONG, (), 2),
        ("every other week fri 17:00-mon 08:00", LONG, (), 2),
        ("every second weekend", WEEKEND, (), 2),
        ("every 3rd weekend", WEEKEND, (), 3),
        ("every fourth sat-sun", WEEKEND, (), 4),
    ],
)
def test_windows_of_some_weeks(text: str, window: Window, nth: tuple[int, ...], weeks: int) -> None:
    """One window, of these weeks of a month, or of one in so many."""
    (found,) = turn_windows(text)
    assert found == Window(window.weekday, window.start, window.until, window.end, nth, weeks)


@pytest.mark.parametrize("text", ["mon-thu 17:00-08:00", "fri 5pm-mon 8am", "sat-sun", "daily"])
def test_windows_of_every_week_stay_what_they_are(text: str) -> None:
    """Nothing of them is of a month."""
    assert all((one.nth, one.weeks, one.origin) == ((), 1, None) for one in turn_windows(text))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "first sat-sun 08:00-20:00",
            (
                "'first sat-sun 08:00-20:00' may be counted by each of its days; write it as one "
                "span, such as 'first fri 17:00-mon 08:00', or each day on its own"
            ),
        ),
        ("fifth weekend", "'fifth weekend' is not a window such as 'mon-thu 17:00-08:00'"),
        (
            "first weekend fri 5pm-mon 8am",
            (
                "'first weekend fri 5pm-mon 8am' is not a window such as 'first weekend', 'second "
                "fri 17:00-mon 08:00' or 'every other weekend'"
            ),
        ),
        ("first", "'first' is not a window such as"),
        ("every other", "'every other' is not a window such as"),
        ("every fifth weekend", "'every fifth weekend' is not a window such as"),
        ("first foo", "'first foo' is not a window such as 'first weekend'"),
        ("first tuesday 25:00-26:00", "'first tuesday 25:00-26:00' is not a window such as"),
        ("every other t 17:00-08:00", "Tuesday or Thursday"),
    ],
)
def test_what_is_no_window(text: str, why: str) -> None:
    """Each is refused in words that say what a good one is like."""
    with pytest.raises(ValueError, match=r"is not a window|may be counted") as error:
        turn_windows(text)
    assert why in str(error.value)


@pytest.mark.parametrize(
    ("text", "since", "origins"),
    [
        ("every other weekend", date(2026, 1, 5), [date(2026, 1, 10)]),
        ("every other weekend", date(2026, 1, 10), [date(2026, 1, 10)]),
        ("every other weekend", date(2026, 1, 11), [date(2026, 1, 17)]),
        # all days of one text are of the same week, counted by its first
        (
            "every other mon-thu 17:00-08:00",
            date(2026, 1, 7),
            [date(2026, 1, 12), date(2026, 1, 13), date(2026, 1, 14), date(2026, 1, 15)],
        ),
        ("first weekend", date(2026, 1, 5), [None]),
    ],
)
def test_every_other_week_counts_from_the_first(
    text: str, since: date, origins: list[date | None]
) -> None:
    """The first is the one on or after the day of the layer's first handoff."""
    assert [one.origin for one in counted_from(turn_windows(text), since)] == origins


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1st 08:00", (MonthDay(1), EIGHT)),
        ("1 8am", (MonthDay(1), EIGHT)),
        ("day 15 at 5pm", (MonthDay(15), FIVE)),
        ("31st 08:00", (MonthDay(31), EIGHT)),
        ("1st of the month 8am", (MonthDay(1), EIGHT)),
        ("last day 17:00", (MonthDay(-1), FIVE)),
        ("first Monday of each month at 8am", (MonthDay(1, (0,)), EIGHT)),
        ("last fri 17:00", (MonthDay(-1, (4,)), FIVE)),
        ("first weekday 8am", (MonthDay(1, (0, 1, 2, 3, 4)), EIGHT)),
        ("mon 08:00", (0, EIGHT)),
        ("08:00", (None, EIGHT)),
        ("8 am", (None, EIGHT)),
    ],
)
def test_handoffs(text: str, expected: tuple[int | MonthDay | None, time]) -> None:
    """A day of the month, a weekday, or neither, and the time of the day."""
    assert read_turn_handoff(text) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("32nd 08:00", "a month has no day 32"),
        ("0th 08:00", "a month has no day 0"),
        ("first foo 8am", "'foo' is not a weekday"),
        ("first mon", "'first mon' is not a time of day"),
        ("1st", "'1st' is not a time of day"),
        ("8", "'8' may be 8 AM or 8 PM"),
        ("1st 25:00", "is not a handoff such as"),
        ("first t 8am", "Tuesday or Thursday"),
    ],
)
def test_what_is_no_handoff(text: str, why: str) -> None:
    """Each is refused in words that say what a good one is like."""
    with pytest.raises(ValueError, match="is not a handoff such as") as error:
        read_turn_handoff(text)
    assert why in str(error.value)
