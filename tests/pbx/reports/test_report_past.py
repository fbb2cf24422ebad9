"""An office that changed its hours and its schedule in mid-month: each moment by the plan of then.

The figures were worked out by hand. On Wednesday 18 November 2026 at 14:00 the second plan went
live: open from 7:00 to 15:00 without lunch, and patel and osei take turns, as lee has left the
schedule. In the first plan the week of 16 November is lee's.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from typer.testing import CliRunner, Result

from cli import app
from pbx.config.home import Home
from pbx.config.plan import parse
from pbx.db import changes, plans, records
from pbx.db.database import open_database
from pbx.db.writer import LogWriter
from routing.model import HoursChange, Override
from tests.support.ledgers import CALLER, MAIN, Reported, write_log

ROOT = Path(__file__).parents[3]
FIRST = (ROOT / "config" / "office.toml").read_text("utf-8")
SECOND = (
    FIRST.replace('mon-thu = ["08:30-12:00", "13:00-17:00"]', 'mon-thu = ["07:00-15:00"]')
    .replace('rotation = ["lee", "osei", "patel"]', 'rotation = ["patel", "osei"]')
    .replace('since = "2026-01-05"', 'since = "2026-11-16"')
    .replace('name = "Dr. Ana Lee"', 'name = "Dr. Ana Lee-Brown"')
    .replace("menu.night", "menu.evening")
    .replace('closed = "night"', 'closed = "evening"')
)
OLD, NEW = (parse(text, Path("office.toml")).plan for text in (FIRST, SECOND))


def at(text: str) -> datetime:
    """Read a day and a time of November 2026, of the office's clock."""
    day, _, clock = text.partition(" ")
    return datetime.fromisoformat(f"2026-11-{day}T{clock}").replace(tzinfo=OLD.office.zone)


APPLIED = at("18 14:00")
CALLS = {
    "17 12:30": "lee",  # lunch of the first plan
    "17 16:00": "lee",  # open, and closed in the second
    "18 12:30": "lee",  # lunch, still
    "18 13:30": "lee",  # open, half an hour before the change
    "18 14:30": "patel",  # open in both
    "18 16:00": "patel",  # closed already
    "19 07:30": "patel",  # open already
    "19 12:30": "patel",  # no lunch any more
}


def calls() -> list[Reported]:
    """Make the calls, each of which somebody accepted."""
    return [
        Reported(f"1795000000.{number}", at(time), urgency="routine", legs=(who,))
        for number, (time, who) in enumerate(CALLS.items())
    ]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Make an office with these calls; the first plan was applied on the third of the month."""
    write_log(tmp_path, calls())
    (tmp_path / "office.toml").write_text(SECOND, "utf-8")
    engine = open_database(Home(tmp_path).database)
    plans.apply_text(engine, FIRST, OLD.hash, by="amy", now=at("03 10:00"))
    plans.apply_text(engine, SECOND, NEW.hash, by="amy", now=APPLIED)
    engine.dispose()
    return tmp_path


def officeline(home: Path, *words: str) -> Result:
    """Run a command on the office as it is in December."""
    where = ("--config", str(home / "office.toml"), "--home", str(home))
    with time_machine.travel("2026-12-01T17:00:00+00:00", tick=False):
        return CliRunner().invoke(app, [*where, *words])


def document(home: Path, *words: str, said: str = "") -> Any:
    """Read the one JSON document on stdout; on stderr is nothing, or one sentence with `said`."""
    result = officeline(home, *words, "--json")
    assert result.exit_code == 0, result.exception
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == bool(said)
    return json.loads(result.stdout)


@pytest.mark.parametrize(("day", "offered"), [("17", 1), ("18", 2), ("19", 2)])
def test_a_day_has_the_hours_of_then(home: Path, day: str, offered: int) -> None:
    """The day before, the day after, and the day of the change, each part by its own plan."""
    found = document(home, "report", "day", "--date", f"2026-11-{day}")
    assert found["answer"]["offered"] == offered


def test_a_month_adds_both_up(home: Path) -> None:
    """It says which plan ran when, the first one from the beginning on; and so for people."""
    found = document(home, "report", "month", "--date", "2026-11-15")
    assert found["answer"]["offered"] == 5
    assert found["plans"] == [
        {
            "plan": OLD.hash,
            "from": "2026-11-01T00:00:00-04:00",
            "to": "2026-11-18T14:00:00-05:00",
            "assessed_by": OLD.hash,
        },
        {
            "plan": NEW.hash,
            "from": "2026-11-18T14:00:00-05:00",
            "to": "2026-12-01T00:00:00-05:00",
            "assessed_by": NEW.hash,
        },
    ]
    reported = " ".join(officeline(home, "report", "month", "--date", "2026-11-15").stdout.split())
    assert "The plan changed at Wed, Nov 18, 2026, 2:00 PM EST" in reported


def test_nights_and_hours_are_of_who_was_on_call_then(home: Path) -> None:
    """The week of the change is lee's up to its Wednesday, then patel's; the first day has 25 h."""
    found = document(home, "report", "oncall", "--date", "2026-11-15")
    people = {one["person"]: one for one in found["people"]}
    shown = {
        who: (one["nights"], one["weekends"], one["hours"], one["interruptions"])
        for who, one in people.items()
    }
    assert shown == {
        "lee": (3, 0, 87.0, 2),  # 1, 16, 17; 33 h and 54 h; both lunches
        "osei": (14, 2, 336.0, 0),  # 2 to 8, 23 to 29
        "patel": (13, 2, 298.0, 1),  # 9 to 15, 18 to 22, 30; 168 h, 114 h, 16 h
    }
    schedules = {one["person"]: (one["nights"], one["hours"]) for one in found["schedules"]}
    assert schedules == {"lee": (3, 87.0), "osei": (14, 336.0), "patel": (13, 298.0)}
    assert {(one["weekday"], one["clock"]): one["times"] for one in found["handoffs"]} == {
        ("mon", "08:00"): 5,
        ("wed", "14:00"): 1,
    }


@pytest.mark.parametrize(
    ("day", "start", "end"),
    [
        ("18", "17T17:00", "18T08:30"),
        ("19", "18T15:00", "19T07:00"),  # it closed by the second plan
    ],
)
def test_a_morning_has_the_night_of_then(home: Path, day: str, start: str, end: str) -> None:
    """From the closing to the opening that there really were."""
    found = document(home, "report", "morning", "--day", f"2026-11-{day}")
    assert found["from"] == f"2026-11-{start}:00-05:00"
    assert found["to"] == f"2026-11-{end}:00-05:00"


def test_a_change_counts_from_when_it_was_made_until_it_was_canceled(home: Path) -> None:
    """One was canceled too late to matter, one at once, one in mid-night, one made afterward."""
    made: list[tuple[str, str, str, str | None]] = [
        ("09 12:00", "10 08:00", "11 08:00", "20 12:00"),  # osei has all of this day
        ("09 12:00", "11 17:00", "12 08:00", "10 12:00"),  # and nothing of this
        ("09 12:00", "12 17:00", "13 08:00", "12 23:00"),  # six hours
        ("15 12:00", "13 17:00", "14 08:00", None),  # nothing: nobody knew of it
    ]
    engine = open_database(Home(home).database)
    for when, start, end, canceled in made:
        wanted = Override(0, "doctors", "replace", "osei", None, at(start), at(end))
        one = changes.add_override(engine, wanted, by="amy", now=at(when))
        if canceled is not None:
            changes.cancel_override(engine, one.id, by="amy", now=at(canceled))
    closing = HoursChange(0, "closed", at("17 15:45"), at("17 17:00"), "storm")
    one_ = changes.add_hours_change(engine, closing, by="amy", now=at("17 15:40"))
    changes.cancel_hours_change(engine, one_.id, by="amy", now=at("17 16:30"))
    engine.dispose()
    found = document(home, "report", "oncall", "--date", "2026-11-15")
    people = {one["person"]: (one["nights"], one["hours"]) for one in found["people"]}
    assert people == {"lee": (3, 87.0), "osei": (15, 366.0), "patel": (12, 268.0)}
    found = document(home, "report", "day", "--date", "2026-11-17")
    assert found["answer"]["offered"] == 0


def test_a_plan_that_cannot_be_read_is_stood_in_for(tmp_path: Path) -> None:
    """By the next one, with the same figures; one sentence and the JSON say so."""
    write_log(tmp_path, calls())
    (tmp_path / "office.toml").write_text(SECOND, "utf-8")
    engine = open_database(Home(tmp_path).database)
    for text, hash_, time in (
        ("[office]\nname = 1\n", "0dd0dd", "02 10:00"),
        (FIRST, OLD.hash, "18 09:00"),
        (SECOND, NEW.hash, "18 14:00"),
    ):
        plans.apply_text(engine, text, hash_, by="amy", now=at(time))
    engine.dispose()
    words = ("report", "oncall", "--date", "2026-11-15")
    found = document(tmp_path, *words, said="plan 0dd0dd")
    people = {one["person"]: (one["nights"], one["hours"]) for one in found["people"]}
    assert people == {"lee": (3, 87.0), "osei": (14, 336.0), "patel": (13, 298.0)}
    assert [(one["plan"], one["assessed_by"]) for one in found["plans"]] == [
        ("0dd0dd", OLD.hash),
        (OLD.hash, OLD.hash),
        (NEW.hash, NEW.hash),
    ]


def test_without_a_next_one_the_one_before_stands_in(home: Path) -> None:
    """The newest was applied by a later version, say, before a rollback of the program."""
    engine = open_database(Home(home).database)
    plans.apply_text(engine, "new = 1\n", "0dd0dd", by="amy", now=at("25 10:00"))
    engine.dispose()
    result = officeline(home, "report", "month", "--date", "2026-11-15", "--json")
    last = json.loads(result.stdout)["plans"][-1]
    assert (last["plan"], last["assessed_by"]) == ("0dd0dd", NEW.hash)
    assert "plan 0dd0dd" in result.stderr


@pytest.fixture
def decided(home: Path) -> Callable[[str, datetime, str, str, str], None]:
    """Give a way to log a call with its plan and its decision."""

    def log(call: str, began: datetime, hash_: str, kind: Any, target: str) -> None:
        writer = LogWriter(lambda: open_database(Home(home).database))
        writer.put(records.CallStarted(call, began, "main", MAIN, CALLER, hash_))
        kept = {
            "began": began.isoformat(), "presses": [], "earlier": [], "hours": "closed",
            "ring_s": 0, "first_s": 0, "say": [], "otherwise": None, "own": None,
            "oncall": {"doctors": ["lee"]}, "rings": ["lee"],
        }  # fmt: skip
        why = ("urgent at night", True, "it is closed, and urgent")
        writer.put(records.Decided(call, began, 1, kind, target, "urgent", (why,), kept))
        writer.start()
        writer.close()

    return log


def test_a_call_is_explained_by_the_plan_that_answered_it(
    home: Path, decided: Callable[[str, datetime, str, str, str], None]
) -> None:
    """With its names and menus; the second call began with the first plan, just as it changed."""
    decided("2.1", at("17 20:00"), OLD.hash, "menu", "night")
    decided("2.2", APPLIED + timedelta(seconds=0.1), OLD.hash, "escalation", "urgent")
    decided("2.3", at("18 20:00"), NEW.hash, "escalation", "urgent")
    decided("2.4", at("17 20:00"), "0dd0dd", "escalation", "urgent")
    assert "the menu night and can press 1, 2." in officeline(home, "explain", "2.1").stdout
    for call, name in (("2.2", "Lee"), ("2.3", "Lee-Brown"), ("2.4", "Lee")):
        assert f": Dr. Ana {name} is rung." in officeline(home, "explain", call).stdout, call
    assert document(home, "explain", "2.2")["plan"] == OLD.hash


def test_a_call_of_an_unreadable_plan_is_still_explained(
    home: Path, decided: Callable[[str, datetime, str, str, str], None]
) -> None:
    """Names are the nearest plan's, and a menu that it does not have has no keys."""
    engine = open_database(Home(home).database)
    plans.apply_text(engine, "new = 1\n", "0dd0dd", by="amy", now=at("25 10:00"))
    plans.apply_text(engine, SECOND, NEW.hash, by="amy", now=at("26 10:00"))
    engine.dispose()
    decided("2.1", at("25 20:00"), "0dd0dd", "menu", "night")
    reported = document(home, "explain", "2.1", said="cannot read plan 0dd0dd")
    assert (reported["plan"], reported["assessed_by"]) == ("0dd0dd", NEW.hash)
    assert "the caller hears the menu night." in officeline(home, "explain", "2.1").stdout
