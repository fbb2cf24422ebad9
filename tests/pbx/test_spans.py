"""Times as an office writes them, read and written; a whole file read, printed and read again."""

from __future__ import annotations

import tomllib
from datetime import date, time
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from pbx.officefile import build, schema, spans
from routing.model import Days, Window, Yearly, YearlyWeekday

ROOT = Path(__file__).parents[2]
FILES = [ROOT / "config/office.toml", ROOT / "tests/calls/policy.toml"]
CLOCKS = st.times().map(lambda at: at.replace(second=0, microsecond=0))
WINDOWS = st.builds(Window, st.integers(0, 6), CLOCKS, st.integers(0, 6), CLOCKS)


@given(WINDOWS)
def test_a_window_is_read_as_it_was_written(window: Window) -> None:
    """Writing and reading are the identity."""
    assert spans.windows(spans.window_text(window)) == (window,)


@given(
    st.one_of(
        st.builds(
            lambda month, nth, weekday: YearlyWeekday(month, weekday, nth),
            st.integers(1, 12),
            st.sampled_from([1, 2, 3, 4, -1]),
            st.integers(0, 6),
        ),
        st.dates(date(2024, 1, 1), date(2024, 12, 31)).map(lambda day: Yearly(day.month, day.day)),
    )
)
def test_a_day_of_each_year_is_read_as_it_was_written(when: Yearly | YearlyWeekday) -> None:
    """29 February too."""
    assert spans.yearly(spans.days_text(when)) == when


def test_days_are_written_with_their_last() -> None:
    """One day is one date."""
    day = date(2026, 12, 24)
    assert spans.days_text(Days(day, day)) == "2026-12-24"
    assert spans.days_text(Days(day, date(2026, 12, 26))) == "2026-12-24 to 2026-12-26"


@pytest.mark.parametrize(
    ("text", "windows"),
    [
        ("mon 08:30-12:00", [(0, 8.5, 0, 12)]),
        ("fri 17:00-mon 08:00", [(4, 17, 0, 8)]),
        ("mon", [(0, 0, 1, 0)]),
        ("sat-sun", [(5, 0, 6, 0), (6, 0, 0, 0)]),
        ("22:00-06:00", [(day, 22, (day + 1) % 7, 6) for day in range(7)]),
        ("daily 00:00-24:00", [(day, 0, (day + 1) % 7, 0) for day in range(7)]),
        ("sun-mon 17:00-08:00", [(6, 17, 0, 8), (0, 17, 1, 8)]),
        ("mon 08:00-08:00", [(0, 8, 1, 8)]),
    ],
)
def test_windows_as_people_write_them(
    text: str, windows: list[tuple[int, float, int, float]]
) -> None:
    """Days, ranges of days, nights, and spans across several days; hours as numbers."""
    found = [(w.weekday, hour(w.start), w.until, hour(w.end)) for w in spans.windows(text)]
    assert found == windows


def hour(at: time) -> float:
    """Count the hours since midnight."""
    return at.hour + at.minute / 60


@pytest.mark.parametrize(
    "text", ["", "monday 08:00-09:00", "8:00-9:00", "mon 08:00", "mon 24:30-25:00", "-"]
)
def test_what_is_no_window(text: str) -> None:
    """The sentence says what a good one looks like."""
    with pytest.raises(ValueError, match=r"no window such as 'mon-thu 17:00-08:00'"):
        spans.windows(text)


@pytest.mark.parametrize("text", ["2-30", "13-01", "fifth mon of may", "last monday of may", ""])
def test_what_is_no_day_of_each_year(text: str) -> None:
    """The 30th of February is none, and neither is a fifth Monday, which most months lack."""
    with pytest.raises(ValueError, match="last mon of may"):
        spans.yearly(text)


@given(st.text(max_size=24))
def test_no_text_breaks_a_reader(text: str) -> None:
    """Whatever is written: read, or refused with a ValueError."""
    for read in (spans.windows, spans.yearly, spans.seconds, spans.local_datetime, spans.weekdays):
        try:
            read(text)
        except ValueError as error:
            assert text in str(error)  # noqa: PT017  # there is no error for most readers


def plain(value: Any) -> Any:
    """Leave out what a file leaves out."""
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items() if one is not None}
    return [plain(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_is_read_as_it_was_printed(path: Path) -> None:
    """Read, printed in full and read again, it is the same plan."""
    raw = tomllib.loads(path.read_text(encoding="utf-8"))
    file = schema.OfficeFile.model_validate(raw)
    printed = tomlkit.dumps(plain(file.model_dump(by_alias=True, mode="python")))
    again = schema.OfficeFile.model_validate(tomllib.loads(printed))
    assert build.plan(again, "same") == build.plan(file, "same")
    assert again.trunk == file.trunk
