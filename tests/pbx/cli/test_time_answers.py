"""Times in every command that takes one: read as people write them, or refused, all as it was."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from pbx.base import when
from tests.support import started
from tests.support.offices import EXAMPLE

ROOT = Path(__file__).parents[3]
OVERRIDE = ("oncall", "override", "--schedule", "doctors", "--add", "lee", "--reason", "x")
EXPLAIN = ("explain", "--did", "+12125550100")


def officeline(place: Path, *words: str) -> tuple[int, str, str]:
    """Give a command as a process; return its exit code, what it printed and what it said."""
    (place / "office.toml").write_text(EXAMPLE, encoding="utf-8")
    where = ("--config", str(place / "office.toml"), "--home", str(place / "home"))
    done = started.officeline(*where, *words)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("words", "text", "why"),
    [
        (("hours", "close", "--until"), "5", ": '5' may be 5 AM or 5 PM"),
        (("hours", "now", "--at"), "13/12/2026", ": there is no month 13"),
        (("oncall", "take", "osei", "--to"), "5:30", ": '5:30' may be 5:30 AM or 5:30 PM"),
        (("oncall", "now", "--at"), "T 5pm", ": 't' may be Tuesday or Thursday"),
        ((*OVERRIDE, "--to", "+2d", "--from"), "11/30/26", ": a date needs its year"),
        ((*EXPLAIN, "--at"), "tomorrow midnight", ": midnight may be the start or the end"),
        (("prove", "--to"), "next friday", ": 'next friday' may mean this week or next week"),
        (("simulate", "--from"), "2/30/2026", ": day is out of range for month"),
        (
            ("oncall", "list", "--to", "+2d", "--from"),
            "Mon, Nov 24, 2026",
            ": November 24, 2026 is a Tuesday",
        ),
        (("oncall", "export", "--to"), "25:00", ""),
        (("audit", "list", "--from"), "teatime", ""),
    ],
)
def test_a_time_that_is_not_clear_changes_nothing(
    tmp_path: Path, words: tuple[str, ...], text: str, why: str
) -> None:
    """Exit 2, one sentence with the reason and the forms that are read, and no database."""
    code, printed, said = officeline(tmp_path, *words, text)
    assert (code, printed) == (2, "")
    sentence = f"'{text}' is not a time{why}"
    assert sentence in said, said
    assert said.endswith(f"; write it as {when.FORMS}.\n")
    assert said.count("\n") == 1
    assert [one.name for one in tmp_path.iterdir()] == ["office.toml"]


def test_a_time_of_the_us_is_read_by_a_command(tmp_path: Path) -> None:
    """As the clock of the office has it."""
    code, printed, _ = officeline(tmp_path, "hours", "now", "--at", "11/30/2026 2:10 PM", "--json")
    assert code == 0
    found = json.loads(printed)
    assert found["at"] == "2026-11-30T14:10:00-05:00"
    assert found["office_hours"][0]["state"] == "open"
    assert datetime.fromisoformat(found["office_hours"][0]["until"]).hour == 17
