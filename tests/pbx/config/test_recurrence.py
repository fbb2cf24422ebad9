"""The days of a recurrence, held against the library that knows all rules, and their bounds."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import takewhile

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx.config.ics.recurrence import RuleError, Work, WorkError, days, rule

FIRST = st.dates(date(2020, 1, 1), date(2028, 12, 31))
WEEKDAYS = st.lists(
    st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU"]), min_size=1, max_size=3, unique=True
)


@st.composite
def rules(draw: st.DrawFn) -> str:
    """Make rules that have a day every few years at least: the library does not give up."""
    frequency = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]))
    parts = [f"FREQ={frequency}", f"INTERVAL={draw(st.integers(1, 4))}"]
    parts.append(f"WKST={draw(st.sampled_from(['MO', 'SU', 'WE']))}")
    kind = draw(st.sampled_from(["", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS", "which"]))
    if kind in {"BYDAY", "BYSETPOS"}:
        parts.append(f"BYDAY={','.join(draw(WEEKDAYS))}")
    if kind == "which" and frequency in {"MONTHLY", "YEARLY"}:
        places = draw(st.sampled_from(["1", "2", "-1", "-2", "4"]))
        parts.append("BYDAY=" + ",".join(f"{places}{one}" for one in draw(WEEKDAYS)))
    if kind == "BYMONTHDAY":
        parts.append(draw(st.sampled_from(["BYMONTHDAY=1,15", "BYMONTHDAY=-1", "BYMONTHDAY=-3,5"])))
    if kind == "BYMONTH" and frequency != "YEARLY":
        parts.append("BYMONTH=1,2,4,7,9,12")
    if kind == "BYSETPOS" and frequency in {"MONTHLY", "YEARLY"}:
        parts.append(draw(st.sampled_from(["BYSETPOS=1", "BYSETPOS=-1", "BYSETPOS=2,-2"])))
    return ";".join(parts)


@settings(max_examples=150, deadline=None)
@given(rules(), FIRST, st.integers(0, 900))
def test_the_same_days_as_the_library(text: str, first: date, later: int) -> None:
    """From any day on; the first day is always one, whether the rule has it or not."""
    last = first + timedelta(days=1500)
    earliest = first + timedelta(days=later)
    start = datetime.combine(first, datetime.min.time())
    theirs = {
        one.date()
        for one in takewhile(lambda at: at.date() <= last, rrulestr(text, dtstart=start))
        if one.date() >= earliest
    }
    ours = {one for one in days(rule(text), first, last, earliest, Work(10**6)) if one >= earliest}
    assert ours - {first} == theirs - {first}


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("FREQ=WEEKLY;BYDAY=MO;COUNT=3", "07 14 21"),
        ("FREQ=WEEKLY;BYDAY=TU;COUNT=3", "07 08 15"),  # the first day counts, too
        ("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=1;COUNT=1", "07"),
        ("FREQ=DAILY;INTERVAL=7", "07 14 21 28"),
        ("freq=daily;count=2;", "07 08"),
        ("FREQ=MONTHLY;BYMONTHDAY=31", "07 31"),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "07"),
        ("FREQ=YEARLY;BYWEEKNO=51", "07 14"),
        ("FREQ=YEARLY;BYYEARDAY=-1,345", "07 11 31"),
        ("FREQ=WEEKLY;BYDAY=1MO,FR;COUNT=4", "07 11 14 18"),
        ("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=25", "07 25"),
    ],
)
def test_days_of_december(text: str, right: str) -> None:
    """From Monday, 7 December 2026 to the end of the year."""
    first, last = date(2026, 12, 7), date(2026, 12, 31)
    assert sorted(f"{one:%d}" for one in days(rule(text), first, last, first, Work(5000))) == [
        *right.split()
    ]


@pytest.mark.parametrize(
    "text",
    [
        "", "FREQ", "FREQ=", "FREQ=HOURLY", "FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;INTERVAL=1001",
        "FREQ=DAILY;COUNT=0", "FREQ=DAILY;COUNT=x", "FREQ=DAILY;BYDAY=XX", "FREQ=DAILY;BYDAY=0MO",
        "FREQ=DAILY;BYMONTH=13", "FREQ=DAILY;BYMONTH=-1", "FREQ=DAILY;BYMONTHDAY=0",
        "FREQ=DAILY;BYSETPOS=400", "FREQ=DAILY;BYHOUR=8", "FREQ=DAILY;FREQ=DAILY",
        "FREQ=DAILY;WKST=XX", "FREQ=DAILY;X-OTHER=1", "FREQ=DAILY;COUNT=" + "9" * 5000,
    ],
)  # fmt: skip
def test_what_is_no_rule(text: str) -> None:
    """It is refused, whatever it may have meant."""
    with pytest.raises(RuleError):
        rule(text)


@pytest.mark.parametrize("text", ["FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "FREQ=DAILY;COUNT=90000"])
def test_work_is_counted(text: str) -> None:
    """A rule that finds nothing, and one that is counted from its start, look at their days."""
    work = Work(5000)
    with pytest.raises(WorkError):
        list(days(rule(text), date(1970, 1, 1), date(2100, 1, 1), date(1970, 1, 1), work))
    late = Work(5000)
    endless = rule("FREQ=DAILY")
    found = days(endless, date(1970, 1, 1), date(2026, 1, 9), date(2026, 1, 1), late)
    assert len(list(found)) == 10
    assert late.left > 4900
