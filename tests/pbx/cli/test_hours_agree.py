"""`hours now` and `explain` look at the same clock and the same hours: they never contradict."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from pbx.calls.explain import imagine, sentences
from pbx.cli.hours.hours import _row, _sentence
from pbx.config.plan import parse
from routing import hours
from routing.decision import Facts
from routing.model import HoursChange, HoursState, Plan
from tests.support.offices import changed

LAB = """
[[lines]]
did = "+12125550102"
name = "lab"
office_hours = "lab"
menus = { closed = "night" }

[office_hours.lab]
daily = ["07:00-09:00", "22:30-02:30"]

[[closures]]
on = "2026-11-26"
reason = "Thanksgiving"

[[openings]]
on = "2026-11-28"
hours = ["10:00-12:00"]
reason = "flu clinic"

[[rules]]
name = "the lab at night"
when = { hours = "open", office_hours = "lab" }
do = { message = "routine" }

[hours]
"""
TEXT = changed(("[hours]\n", LAB.lstrip()))
PLAN = parse(TEXT, Path("office.toml")).plan
BEGINS = datetime(2026, 10, 25, tzinfo=UTC)  # a day on which clocks change follows, and a holiday
STATES: tuple[HoursState, ...] = ("open", "closed")
MINUTES = 60 * 24 * 70
TIMES = st.integers(0, MINUTES).map(lambda one: BEGINS + timedelta(minutes=one))
EVERYBODY = dict.fromkeys(PLAN.people, frozenset({"mobile"}))


@st.composite
def changes(draw: st.DrawFn) -> tuple[HoursChange, ...]:
    """Make up to three changes at short notice, which may lie over each other."""
    found = []
    for number in range(draw(st.integers(0, 3))):
        start = draw(TIMES)
        end = start + timedelta(minutes=draw(st.integers(1, 4000)))
        state = draw(st.sampled_from(STATES))
        office_hours = draw(st.sampled_from([None, *PLAN.office_hours]))
        reason = draw(st.sampled_from(["", "storm"]))
        found.append(HoursChange(number + 1, state, start, end, reason, office_hours))
    return tuple(found)


def agree(plan: Plan, at: datetime) -> None:
    """Compare what both say of each line, word by word."""
    for line in plan.lines:
        row = _row(plan, line.office_hours, at)
        said = _sentence(row, PLAN.office.times)
        reported = sentences(imagine(plan, EVERYBODY, Facts(line.did, None), at), plan)
        assert reported[1] == f"The call comes in on line {line.name}, which is {row['state']}."
        assert said.startswith(f"{line.office_hours} is {row['state']}: {row['because']} (")
        whole = "\n".join(reported)
        for name, state, why in re.findall(r"the (\w+) is (open|closed) \((.*?)\)", whole):
            seen = _row(plan, name, at)
            assert (state, why) == (seen["state"], seen["because"])
        assert row["since"] is None or row["since"] <= at
        assert row["until"] is None or at < row["until"]
        if row["until"] is not None:
            last = row["until"].astimezone(UTC) - timedelta(seconds=1)  # by the clock of the world
            assert hours.state(plan, last, line.office_hours) == row["state"]
            assert hours.state(plan, row["until"], line.office_hours) != row["state"]


@settings(max_examples=50, deadline=None)
@given(TIMES, changes())
def test_they_agree_at_any_time(at: datetime, over: tuple[HoursChange, ...]) -> None:
    """Of every line, with closures, openings, hours past midnight and changes at short notice."""
    agree(replace(PLAN, changes=over), at)


@settings(max_examples=20, deadline=None)
@given(changes(), st.data())
def test_they_agree_at_the_very_edges(over: tuple[HoursChange, ...], data: st.DataObject) -> None:
    """A boundary is the first instant: the microsecond before belongs to what was."""
    plan = replace(PLAN, changes=over)
    name = data.draw(st.sampled_from(list(plan.office_hours)))
    until = _row(plan, name, data.draw(TIMES))["until"]
    if until is not None:
        agree(plan, until)
        agree(plan, until - timedelta(microseconds=1))


def test_a_line_with_hours_of_its_own_is_named_by_them() -> None:
    """'The office is closed' was said of the lab's hours while the office was open."""
    at = datetime(2026, 11, 24, 15, tzinfo=UTC)  # Tuesday, 10:00 in New York
    assert hours.state(PLAN, at) == "open"
    rule = next(one for one in PLAN.rules if one.when.hours and one.when.office_hours is None)
    plan = replace(PLAN, rules=(rule,))
    reported = "\n".join(sentences(imagine(plan, EVERYBODY, Facts("+12125550102", None), at), plan))
    assert "which is closed." in reported
    why = "the office hours 'lab' are closed (Tuesday 10:00 AM is outside the hours)."
    assert f"does not apply: {why}" in reported
