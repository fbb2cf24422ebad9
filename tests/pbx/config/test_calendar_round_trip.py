"""Our own export always imports again, through the file, whatever overrides do to a schedule."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx.base.errors import OfficeLineError
from pbx.config import shifts_file
from pbx.config.ics.reader import read
from pbx.config.ics.writer import Revision, export
from pbx.config.plan import parse
from routing.model import Override, OverrideKind, Plan
from routing.schedule import on_call

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "config" / "office.toml").read_text(encoding="utf-8")
NAME = Path("office.toml")
ZONES = ("America/New_York", "Australia/Lord_Howe", "America/Phoenix")
PEOPLE = ("lee", "osei", "patel")
HALF = timedelta(minutes=30)
# around both jumps of New York's clock, and both of Lord Howe's
AROUND = tuple(
    datetime(2026, month, day, 12, tzinfo=UTC) for month, day in ((3, 7), (10, 31), (4, 3), (10, 2))
)
REVISION = Revision(1, AROUND[0])


def in_zone(zone: str) -> str:
    """Return the example's file in another zone."""
    return TEXT.replace('"America/New_York"', f'"{zone}"', 1)


@st.composite
def overrides(draw: st.DrawFn) -> tuple[datetime, tuple[Override, ...]]:
    """Make a start, and overrides of any kind within two days of it, at any half hour."""
    begin = draw(st.sampled_from(AROUND))
    made = []
    for number in range(draw(st.integers(0, 4))):
        start = begin + draw(st.integers(0, 96)) * HALF
        end = start + draw(st.integers(1, 60)) * HALF
        kind: OverrideKind = draw(st.sampled_from(["add", "remove", "replace", "backup"]))
        person = None if kind == "remove" else draw(st.sampled_from(PEOPLE))
        out = draw(st.sampled_from(PEOPLE)) if kind == "remove" else None
        made.append(Override(number + 1, "doctors", kind, person, out, start, end))
    return begin, tuple(made)


@settings(max_examples=12, deadline=None)
@given(st.sampled_from(ZONES), overrides())
def test_our_own_export_always_imports(
    zone: str, drawn: tuple[datetime, tuple[Override, ...]]
) -> None:
    """At every half hour the same people are on call, also in the hour that is shown twice."""
    begin, changes = drawn
    text = in_zone(zone)
    plan = replace(parse(text, NAME).plan, overrides=changes)
    span = (begin, begin + timedelta(days=4))
    found = read(export(plan, "doctors", *span, REVISION), plan, *span)
    assert found.name.startswith("On call: doctors")
    feed = shifts_file.CalendarFeed(found.name)
    edit = shifts_file.edit(text, NAME, "doctors", found.shifts, span, feed)
    after: Plan = parse(edit.text, NAME).plan
    halves = [begin + step * HALF for step in range(4 * 48)]
    known = {at: on_call(plan, "doctors", at).people for at in halves}
    for at, people in known.items():
        if people:  # nobody at all is no event; the rotation of the file shows there
            assert set(on_call(after, "doctors", at).people) == set(people)
    again = read(export(after, "doctors", *span, REVISION), after, *span).shifts
    if all(known.values()):
        assert shifts_file.edit(edit.text, NAME, "doctors", again, span, feed).removed == ()


def test_people_who_are_gone() -> None:
    """An override may outlive the one it names: their events are left out, the rest comes back."""
    start = AROUND[0]
    gone = Override(1, "doctors", "replace", "smith", None, start, start + timedelta(hours=5))
    plan = replace(parse(TEXT, NAME).plan, overrides=(gone,))
    span = (start, start + timedelta(days=4))
    shifts = read(export(plan, "doctors", *span, REVISION), plan, *span).shifts
    assert {one.person for one in shifts} <= set(PEOPLE)
    only = (start, start + timedelta(hours=5))
    with pytest.raises(OfficeLineError, match="has no event"):
        read(export(plan, "doctors", *only, REVISION), plan, *only)
