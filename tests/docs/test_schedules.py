"""docs/schedules.md: each example is a file without an error, and its table says who is on call."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pbx.config import plan, shifts_file
from pbx.config.findings.check import find_all
from pbx.config.ics.reader import read
from pbx.config.ics.writer import Revision, export
from routing import proof
from routing.hours import state_at
from routing.model import Plan
from routing.schedule import on_call

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/schedules.md").read_text(encoding="utf-8")
OFFICE, _, REST = (ROOT / "config/office.toml").read_text(encoding="utf-8").partition("[people.")
RULES = """
[escalation.urgent]
live = [{ try = "oncall", ring = 20 }, { try = "everyone", ring = 20 }]

[[rules]]
name = "everybody reaches the physician"
do = { escalation = "urgent" }
"""
NEW_YORK = ZoneInfo("America/New_York")
STAFF = ("lee", "osei", "patel", "chen")
NOW = datetime(2026, 1, 1, 17, tzinfo=UTC)
NOBODY = "nobody"
OFFICE_IS = "| at | the office is |"
YEAR = timedelta(days=365)
MAY = {"schedule-gap", "closure-past", "menu-unheard"}  # a layer of an example may begin after NOW

EXAMPLES = re.findall(r"^```toml\n(.*?)^```\n+((?:\|[^\n]*\n)*)", TEXT, re.DOTALL | re.MULTILINE)


def whole(example: str) -> str:
    """Write an office around an example."""
    head = OFFICE.partition("[hours]")[0].partition("[[lines]]")[0]
    line = '[[lines]]\ndid = "+12125550100"\nname = "main"\n'
    hours = "" if "[hours]" in example else '[hours]\nmon-fri = ["08:30-17:00"]\n'
    people = [
        f'[people.{one}]\nname = "Dr. {one.title()}"\n'
        for one in STAFF
        if f"[people.{one}]" not in example
    ]
    return "\n".join([head, line, hours, *people, example, RULES])


@pytest.mark.parametrize(("example", "table"), EXAMPLES, ids=range(1, len(EXAMPLES) + 1))
def test_who_is_on_call_by_an_example(example: str, table: str) -> None:
    """Nothing is wrong with the file, and each row is what it says."""
    text = whole(example)
    found = [one for one in find_all(text, NOW).findings if one.code not in MAY]
    assert found == []
    made = plan.parse(text, Path("docs/schedules.md")).plan
    for row in table.splitlines()[2:]:
        at, one, other = (cell.strip() for cell in row.strip("|").split("|"))
        local = datetime.strptime(at, "%a, %b %d, %Y, %I:%M %p").replace(tzinfo=NEW_YORK)
        assert f"{local:%a, %b} {local.day}" == ", ".join(at.split(", ")[:2]), row
        assert (tells_hours if OFFICE_IS in table else tells_who)(made, local) == (one, other), row


def tells_who(made: Plan, local: datetime) -> tuple[str, str]:
    """Say who is on call, and who is the backup."""
    answer = on_call(made, next(iter(made.schedules)), local)
    return " and ".join(answer.people) or NOBODY, answer.backup or NOBODY


def tells_hours(made: Plan, local: datetime) -> tuple[str, str]:
    """Say whether the office is open, and why."""
    return state_at(made, local)


@pytest.mark.parametrize("example", [example for example, _ in EXAMPLES])
def test_every_call_of_a_year_ends_at_a_human(example: str) -> None:
    """Each example is proven over both jumps of the clock."""
    made = plan.parse(whole(example), Path("docs/schedules.md")).plan
    start = NOW + timedelta(days=11)  # each layer of an example has begun by then
    found = proof.prove(
        made, dict.fromkeys(made.people, frozenset({"mobile"})), start, start + YEAR
    )
    assert found.holds, found.counterexamples[:1]


@pytest.mark.parametrize("example", [example for example, _ in EXAMPLES])
def test_an_example_comes_back_from_a_calendar(example: str) -> None:
    """What is exported is imported again, and the same people are on call at every hour."""
    text, name = whole(example), Path("docs/schedules.md")
    made = plan.parse(text, name).plan
    schedule = next(iter(made.schedules))
    start = NOW + timedelta(days=11)
    span = (start, start + timedelta(days=90))
    found = read(export(made, schedule, *span, Revision(1, start)), made, *span)
    edit = shifts_file.edit(
        text, name, schedule, found.shifts, span, shifts_file.CalendarFeed(found.name)
    )
    after = plan.parse(edit.text, name).plan
    for hours in range(0, 90 * 24, 3):
        at = start + timedelta(hours=hours)
        assert set(on_call(after, schedule, at).people) == set(
            on_call(made, schedule, at).people
        ), at
