"""`officeline hours close`, `reopen`, `changes`, `cancel`: a snowstorm as the office lives it."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli import app
from pbx.base.errors import OfficeLineError

ROOT = Path(__file__).parents[3]
ALWAYS = (
    (ROOT / "config/office.toml")
    .read_text(encoding="utf-8")
    .replace(
        'mon-thu = ["08:30-12:00", "13:00-17:00"]\nfri = ["08:30-12:00"]', 'daily = ["00:00-24:00"]'
    )
)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Write the file of a practice that never closes, with a lab that never opens."""
    assert "daily" in ALWAYS
    (tmp_path / "office.toml").write_text(f"{ALWAYS}\n[office_hours.lab]\n", encoding="utf-8")
    return tmp_path


def officeline(place: Path, *words: str) -> Result:
    """Run `officeline hours ...`; errors for people are in `exception`."""
    where = ["--config", str(place / "office.toml"), "--home", str(place / "home")]
    return CliRunner().invoke(app, [*where, "hours", *words])


def said(place: Path, *words: str) -> str:
    """Run a command that ends well and return what it printed."""
    result = officeline(place, *words)
    assert result.exit_code == 0, result.exception
    return result.stdout


def states(place: Path, *words: str) -> dict[str, str]:
    """Read the state of all office hours."""
    found = json.loads(said(place, "now", *words, "--json"))
    return {one["office_hours"]: one["state"] for one in found["office_hours"]}


def listed(place: Path) -> Any:
    """Read the changes to come."""
    return json.loads(said(place, "changes", "--json"))["changes"]


def test_a_storm_closes_the_office_until_midnight(place: Path) -> None:
    """Closed at once, with the reason, until the day ends; reopened when the storm is over."""
    reported = said(place, "close", "--reason", "storm")
    closed = r"^Lakeside Internal Medicine \(office\) is now closed until .*: storm\.$"
    assert re.search(closed, reported, re.MULTILINE)
    assert f"No control layer is running in {place / 'home'}" in reported
    assert states(place) == {"office": "closed", "lab": "closed"}
    (change,) = listed(place)
    end = datetime.fromisoformat(change["to"])
    assert (end.hour, end.minute) == (0, 0)
    assert (change["state"], change["office_hours"], change["reason"]) == ("closed", None, "storm")
    assert states(place, "--at", (end + timedelta(minutes=1)).isoformat())["office"] == "open"
    assert "Lakeside Internal Medicine (office) is now open" in said(place, "reopen")
    assert states(place) == {"office": "open", "lab": "closed"}
    assert listed(place) == []


def test_one_schedule_opens_for_an_evening(place: Path) -> None:
    """A flu clinic: the lab alone, between two times; canceled by its number."""
    words = ("--from", "tomorrow 18:00", "--until", "tomorrow 21:00", "--office-hours", "lab")
    said(place, "reopen", *words, "--reason", "flu clinic", "--by", "amy")
    assert states(place, "--at", "tomorrow 19:00") == {"office": "open", "lab": "open"}
    assert states(place, "--at", "tomorrow 21:00")["lab"] == "closed"
    (change,) = listed(place)
    assert "flu clinic" in said(place, "cancel", str(change["id"]))
    assert states(place, "--at", "tomorrow 19:00")["lab"] == "closed"


def test_a_reason_is_one_line_without_a_number(place: Path) -> None:
    """It is told to whoever asks, and stands in the reasons of calls."""
    said(place, "close", "--reason", "snow,\ncall 212 555 0199\x1b[31m")
    assert [one["reason"] for one in listed(place)] == ["snow, call …0199[31m"]


def test_reopening_leaves_other_schedules_and_days(place: Path) -> None:
    """Only the closings that hold now, and of the office hours that is named."""
    said(place, "close", "--office-hours", "office")
    said(place, "close", "--from", "tomorrow 08:00", "--until", "tomorrow 12:00")
    said(place, "reopen", "--office-hours", "lab")
    assert states(place)["office"] == "closed"
    said(place, "reopen")
    assert states(place)["office"] == "open"
    assert [one["office_hours"] for one in listed(place)] == [None]
    assert states(place, "--at", "tomorrow 09:00")["office"] == "closed"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("close", "--until", "yesterday 10:00"), "give a later --until"),
        (("close", "--from", "tomorrow 12:00", "--until", "tomorrow 11:00"), "later --until"),
        (("close", "--office-hours", "kitchen"), "There are no office hours 'kitchen'"),
        (("close", "--until", "late"), "'late' is not a time"),
        (("close", "--until", "5"), "'5' may be 5 AM or 5 PM"),
        (("close", "--reason", "x" * 201), "give it with --reason"),
        (("cancel", "7"), "7"),
    ],
)
def test_what_cannot_be_changed(place: Path, words: tuple[str, ...], sentence: str) -> None:
    """One sentence, and nothing is changed."""
    result = officeline(place, *words)
    assert isinstance(result.exception, OfficeLineError)
    assert sentence in str(result.exception)
    assert listed(place) == []


def test_the_hours_are_those_of_the_plan_that_runs(place: Path) -> None:
    """An edited file that nobody applied changes nothing, and what reads it says so."""
    where = ["--config", str(place / "office.toml"), "--home", str(place / "home")]
    assert CliRunner().invoke(app, [*where, "apply"]).exit_code == 0
    text = (place / "office.toml").read_text(encoding="utf-8")
    edited = text.replace('daily = ["00:00-24:00"]', "")
    (place / "office.toml").write_text(edited, encoding="utf-8")
    assert states(place)["office"] == "open"
    explain = [*where, "explain", "--did", "+12125550101", "--json"]
    reported = CliRunner().invoke(app, explain)
    assert json.loads(reported.stdout)["hours"] == "open"
    assert "the configuration file differs" in reported.stderr
    reported = CliRunner().invoke(app, [*explain, "--against", str(place / "office.toml")])
    assert json.loads(reported.stdout)["hours"] == "closed"
    assert "differs from the running plan" in reported.stderr
