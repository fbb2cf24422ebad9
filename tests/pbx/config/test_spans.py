"""Times as an office writes them, read and written; a whole file read, printed and read again."""

from __future__ import annotations

import re
import tomllib
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from pbx.config import build, schema
from routing import day_names, day_spans, spans
from routing.clocks import WEEKDAYS
from routing.model import Days, Window, Yearly, YearlyWeekday
from tests.support.offices import changed, found

ROOT = Path(__file__).parents[3]
FILES = [ROOT / "config/office.toml", ROOT / "tests/calls/policy.toml"]
CLOCKS = st.times().map(lambda at: at.replace(second=0, microsecond=0))
WINDOWS = st.builds(Window, st.integers(0, 6), CLOCKS, st.integers(0, 6), CLOCKS)


@given(WINDOWS)
def test_a_window_is_read_as_it_was_written(window: Window) -> None:
    """Writing and reading are the identity."""
    start, end = f"{window.start:%H:%M}", f"{window.end:%H:%M}"
    text = f"{WEEKDAYS[window.weekday]} {start}-{WEEKDAYS[window.until]} {end}"
    assert spans.weekly_windows(text) == (window,)


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
    assert day_names.yearly(day_names.days_text(when)) == when


def test_days_are_written_with_their_last() -> None:
    """One day is one date."""
    day = date(2026, 12, 24)
    assert day_names.days_text(Days(day, day)) == "2026-12-24"
    assert day_names.days_text(Days(day, date(2026, 12, 26))) == "2026-12-24 to 2026-12-26"


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
        ("M-W 9am-5pm", [(0, 9, 0, 17), (1, 9, 1, 17), (2, 9, 2, 17)]),
        ("Monday to Tuesday, 9 to 5", [(0, 9, 0, 17), (1, 9, 1, 17)]),
        ("Mon, Wed & Fri 8-noon", [(0, 8, 0, 12), (2, 8, 2, 12), (4, 8, 4, 12)]),
        ("F 8:30-12 and 1-5", [(4, 8.5, 4, 12), (4, 13, 4, 17)]),
        ("Fri 5 p.m. - Mon 8 a.m.", [(4, 17, 0, 8)]),
        ("fri 5pm-sun 24:00", [(4, 17, 0, 0)]),
        ("Th 5pm-8am", [(3, 17, 4, 8)]),
        ("weekends", [(5, 0, 6, 0), (6, 0, 0, 0)]),
    ],
)
def test_windows_as_people_write_them(
    text: str, windows: list[tuple[int, float, int, float]]
) -> None:
    """Days, ranges of days, nights, and spans across several days; hours as numbers."""
    read = [(w.weekday, hour(w.start), w.until, hour(w.end)) for w in spans.weekly_windows(text)]
    assert read == windows


def hour(at: time) -> float:
    """Count the hours since midnight."""
    return at.hour + at.minute / 60


@pytest.mark.parametrize(
    "text",
    [
        "",
        "moonday 08:00-09:00",
        "mon 08:00",
        "mon 24:30-25:00",
        "-",
        "T 9-5",
        "S-M",
        "mon 5-9",
        "fri 5-mon 8",
        "fri midnight-sun 8am",
        "mon 8-12-5",
        "mon 9-5 pm 6",
    ],
)
def test_what_is_no_window(text: str) -> None:
    """The sentence says what a good one looks like."""
    with pytest.raises(ValueError, match=r"not a window such as 'mon-thu 17:00-08:00'"):
        spans.weekly_windows(text)


@pytest.mark.parametrize(
    "text", ["2-30", "13-01", "fifth mon of may", "last moonday of may", "2/30", "12/25/2026", ""]
)
def test_what_is_no_day_of_each_year(text: str) -> None:
    """The 30th of February is none, and neither is a fifth Monday, which most months lack."""
    with pytest.raises(ValueError, match="last mon of may"):
        day_names.yearly(text)


DAY_SPANS = [
    ("08:30-12:00", ["08:30-12:00"]),
    ("17:00-08:30", ["17:00-08:30"]),
    ("12:00-24:00", ["12:00-24:00"]),
    ("12:00-10:00", ["12:00-10:00"]),  # as it always was: two digits are of 24 hours
    ("9:00-17:00", ["09:00-17:00"]),
    ("17:00-8:30", ["17:00-08:30"]),
    ("9am-5pm", ["09:00-17:00"]),
    ("9 a.m. to 5:30 p.m.", ["09:00-17:30"]),
    ("9a-5p", ["09:00-17:00"]),
    ("9–5", ["09:00-17:00"]),  # noqa: RUF001  # as a word processor writes it
    ("9-5", ["09:00-17:00"]),
    ("9:00-5:00", ["09:00-17:00"]),
    ("10:00-2:00", ["10:00-14:00"]),
    ("08:30-5", ["08:30-17:00"]),
    ("7-7", ["07:00-19:00"]),
    ("12-1", ["12:00-13:00"]),
    ("noon-5", ["12:00-17:00"]),
    ("8-noon", ["08:00-12:00"]),
    ("1-5pm", ["13:00-17:00"]),
    ("11-1pm", ["11:00-13:00"]),
    ("7-9pm", ["19:00-21:00"]),
    ("5pm-midnight", ["17:00-24:00"]),
    ("12am-8am", ["00:00-08:00"]),
    ("5pm-8am", ["17:00-08:00"]),
    ("8:30-12 and 1-5", ["08:30-12:00", "13:00-17:00"]),
    ("8:30-12, 1-5", ["08:30-12:00", "13:00-17:00"]),
    ("08:30-12:00 13:00-17:00", ["08:30-12:00", "13:00-17:00"]),
]


@pytest.mark.parametrize(("text", "expected"), DAY_SPANS)
def test_spans_as_people_write_them(text: str, expected: list[str]) -> None:
    """Without AM and PM they are of the day."""
    assert [day_spans.span_text(*one) for one in day_spans.read_spans(text)] == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("5-9", "'5' may be 5 AM or 5 PM; write it as 5am-9am or 5am-9pm or 5pm-9pm"),
        ("9-9", "'9' may be 9 AM or 9 PM; write it as 9am-9pm"),
        ("7-7:30", "'7' may be 7 AM or 7 PM; write it as 7am-7:30am"),
        ("5pm-8", "'8' may be 8 AM or 8 PM; write it as 5pm-8am or 5pm-8pm"),
        ("10-2am", "'10' may be 10 AM or 10 PM"),
        ("13pm-5pm", "'13pm' is not a time of day"),
        ("9am-25:00", "'25:00' is not a time of day"),
        ("1-5 and 8-12", "08:00 comes before 17:00"),
        ("9am-11am and 10am-noon", "10:00 comes before 11:00"),
        ("", "is not a period such as"),
        ("9am", "is not a period such as"),
        ("9am-5pm or so", "is not a period such as"),
    ],
)
def test_what_is_no_clear_span(text: str, why: str) -> None:
    """The sentence names both readings, and how to write each."""
    with pytest.raises(ValueError, match=re.escape(why)) as refused:
        day_spans.read_spans(text)
    assert str(refused.value).startswith(f"'{text}' ")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("17:00-08:30", "08:30-17:00"),
        ("09:00-05:00", "09:00-17:00"),
        ("13:00-05:00", "13:00-17:00"),
        ("5pm-8am", "08:00-17:00"),
        ("20:00-02:00", None),
        ("18:00-24:00", None),
        ("08:30-17:00", None),
    ],
)
def test_hours_that_changed_places_are_seen(text: str, meant: str | None) -> None:
    """What was probably meant is a usual day; of an evening nothing is said."""
    assert day_spans.probably(*day_spans.read_span(text)) == meant


@given(CLOCKS, CLOCKS, st.sampled_from(["%H:%M", "%I:%M %p", "%I:%M%p"]))
def test_a_span_is_read_as_it_was_written(start: time, end: time, form: str) -> None:
    """By 24 hours and by 12."""
    assert day_spans.read_span(day_spans.span_text(start, end)) == (start, end)
    assert day_spans.read_span(f"{start.strftime(form)}-{end.strftime(form)}") == (start, end)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=7, unique=True).map(tuple))
def test_weekdays_are_read_as_they_were_written(days: tuple[int, ...]) -> None:
    """A range, or each of them."""
    assert spans.weekdays(spans.weekdays_text(days)) == days


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)))
def test_a_date_is_read_as_it_was_written(day: date) -> None:
    """As ISO, as in the US, and with its month in words."""
    forms = ("%Y-%m-%d", "%m/%d/%Y", "%B %d, %Y", "%d %b %Y", "%a %d %b %Y", "%a, %b %d, %Y")
    assert {spans.day(day.strftime(form)) for form in forms} == {day}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mon 08:00", (0, time(8))),
        ("Monday 8am", (0, time(8))),
        ("Fri at 5:30 p.m.", (4, time(17, 30))),
        ("08:00", (None, time(8))),
        ("noon", (None, time(12))),
    ],
)
def test_handoffs_as_people_write_them(text: str, expected: tuple[int | None, time]) -> None:
    """With a weekday or without."""
    assert spans.read_handoff(text) == expected


@pytest.mark.parametrize("text", ["", "mon", "mon 8", "T 8am", "someday 8am", "mon 24:00", "8"])
def test_what_is_no_handoff(text: str) -> None:
    """The sentence says what a good one looks like."""
    with pytest.raises(ValueError, match=r"not a handoff such as 'mon 08:00' or '8am'"):
        spans.read_handoff(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('mon-thu = ["08:30-12:00", "13:00-17:00"]', 'M-Th = "8:30-12 and 1-5"'),
        (
            'mon-thu = ["08:30-12:00", "13:00-17:00"]',
            '"Monday to Thursday" = ["8:30am-noon", "1-5"]',
        ),
        ('fri = ["08:30-12:00"]', 'Friday = ["8:30-12"]'),
        ('on = "2026-12-25"', 'on = "12/25/2026"'),
        ('on = "2026-12-25"', 'on = "Dec 25, 2026"'),
        ('on = "2026-12-25"', "on = 2026-12-25"),
        ('on = "2026-12-25"', 'from = "12/25/2026"\nto = "2026-12-25"'),
        ('since = "2026-01-05"', 'since = "1/5/2026"'),
        ('handoff = "mon 08:00"', 'handoff = "Monday 8am"'),
    ],
)
def test_the_file_reads_what_people_write(one: str, other: str) -> None:
    """The same plan comes of it."""
    text = FILES[0].read_text(encoding="utf-8")
    assert one in text
    plans = [
        build.plan(schema.OfficeFile.model_validate(tomllib.loads(each)), "same")
        for each in (text, text.replace(one, other))
    ]
    assert plans[0] == plans[1]


ROE = '[people.roe]\nname = "Roe"\n'
NIGHTS = "[schedule.nights]\n"


@pytest.mark.parametrize(
    ("head", "more", "read", "expected"),
    [
        (
            '[[closures]]\nreason = "x"\n',
            'every = "July 4th"\nbetween = "noon-5pm"',
            "closures",
            'every = "07-04"\nbetween = "12:00-17:00"',
        ),
        (
            '[[openings]]\nreason = "x"\n',
            'on = "11/28/2026"\nhours = "9-12 and 1-3"',
            "openings",
            'on = "2026-11-28"\nhours = ["09:00-12:00", "13:00-15:00"]',
        ),
        (ROE, 'quiet = ["every day 10pm-6am"]', "people", 'quiet = ["daily 22:00-06:00"]'),
        (
            f"{ROE}[[people.roe.contacts]]\nvia = 'mobile'\n",
            'only = ["Fri 5pm-Mon 8am"]',
            "people",
            'only = ["fri 17:00-mon 08:00"]',
        ),
        (
            f"{NIGHTS}[[schedule.nights.shifts]]\nperson = 'lee'\n",
            'from = "12/24/2026 5pm"\nto = "12/25/2026, 8:00 AM"',
            "schedules",
            'from = "2026-12-24 17:00"\nto = "2026-12-25 08:00"',
        ),
        (
            f"{NIGHTS}[[schedule.nights.layers]]\nrotation = ['lee']\nevery = '1 day'\n",
            'since = "1/5/2026"\nhandoff = "5 PM"\nonly = ["M-Th 5pm-8am"]',
            "schedules",
            'since = "2026-01-05"\nhandoff = "17:00"\nonly = ["mon-thu 17:00-08:00"]',
        ),
        (
            '[[rules]]\nname = "x"\ndo = { message = "urgent" }\n',
            'when = { days = "M-F", time = "noon-1" }',
            "rules",
            'when = { days = "mon-fri", time = "12:00-13:00" }',
        ),
    ],
)
def test_every_table_reads_what_people_write(
    head: str, more: str, read: str, expected: str
) -> None:
    """Days, spans, windows, shifts, turns and rules."""
    text = FILES[0].read_text(encoding="utf-8")
    one, other = (
        build.plan(schema.OfficeFile.model_validate(tomllib.loads(f"{text}\n{head}{each}\n")), "")
        for each in (more, expected)
    )
    if read == "rules":  # beside what an explanation calls it
        assert one.rules[-1].when.during == other.rules[-1].when.during
    else:
        assert getattr(one, read) == getattr(other, read)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('mon-thu = ["08:30-12:00"', 'mon-thu = ["5-9"', "'5' may be 5 AM or 5 PM"),
        ("mon-thu = ", "S-M = ", "'s' may be Saturday or Sunday"),
        ('on = "2026-12-25"', 'on = "25/12/2026"', "there is no month 25: the month stands first"),
        ('on = "2026-12-25"', 'on = "12/25/26"', "a date needs its year in four digits"),
        ('handoff = "mon 08:00"', 'handoff = "mon 8"', "'8' may be 8 AM or 8 PM"),
        ('when = { hours = "open" }', 'when = { time = "5-9" }', "'5' may be 5 AM or 5 PM"),
    ],
)
def test_what_is_not_clear_in_the_file_is_one_finding(old: str, new: str, why: str) -> None:
    """With its place, the reason, and a plan that is not made."""
    findings = found(changed((old, new)))
    assert [one.code for one in findings if one.fatal] == ["bad-value"]
    assert why in findings[0].message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-12-24 08:00", datetime(2026, 12, 24, 8)),  # noqa: DTZ001  # local
        ("2026-1-5 7:00", datetime(2026, 1, 5, 7)),  # noqa: DTZ001  # as it always was
        ("12/24/2026 8:00 AM", datetime(2026, 12, 24, 8)),  # noqa: DTZ001  # local
        ("Dec 24, 2026 at noon", datetime(2026, 12, 24, 12)),  # noqa: DTZ001  # local
    ],
)
def test_local_times_as_people_write_them(text: str, expected: datetime) -> None:
    """The date of ISO goes with 24 hours."""
    assert spans.local_datetime(text) == expected


@pytest.mark.parametrize("text", ["12/24/2026 7:00", "12/24/2026 midnight", "2026-12-24", "8am"])
def test_what_is_no_local_time(text: str) -> None:
    """The sentence says what a good one looks like."""
    with pytest.raises(ValueError, match=r"not a local time such as 2026-12-24 08:00"):
        spans.local_datetime(text)


@given(st.text(max_size=24))
def test_no_text_breaks_a_reader(text: str) -> None:
    """Whatever is written: read, or refused with a ValueError."""
    for read in (
        spans.weekly_windows,
        day_names.yearly,
        spans.seconds,
        spans.local_datetime,
        spans.weekdays,
        spans.read_handoff,
        spans.day,
        day_spans.read_spans,
        day_spans.period,
    ):
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
