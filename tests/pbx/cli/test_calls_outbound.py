"""`officeline calls outbound`: what was placed to patients, by whom, and what came of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli import app
from pbx.config.home import Home
from pbx.db import audit, outbound
from pbx.db.database import open_database
from pbx.db.outbound import OutboundRequest, Since

ROOT = Path(__file__).parents[3]
PATIENT = "+12125550142"
T0 = datetime(2026, 11, 28, 7, 10, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Make a home with one call that was talked, of a message, and a later one that was refused."""
    engine = open_database(Home(tmp_path).database)
    wanted = OutboundRequest("lee", PATIENT, "leg-1", message="m-1")
    outbound.place_outbound(engine, wanted, Since(T0, timedelta(hours=1)), lambda *_: None, T0)
    outbound.answered(engine, "leg-1", T0 + timedelta(seconds=5))
    outbound.note_ended(engine, "leg-1", None, T0 + timedelta(seconds=65))
    at = T0 + timedelta(days=1)
    request = outbound.ask(engine, "osei", PATIENT, by="amy", at=at)
    outbound.note_refused(engine, request, "it is abroad", at)
    engine.dispose()
    return tmp_path


def officeline(home: Path, *words: str) -> Result:
    """Run `officeline calls outbound ...` on a home of the example practice."""
    where = ["--config", str(ROOT / "config" / "office.toml"), "--home", str(home)]
    return CliRunner().invoke(app, [*where, "calls", "outbound", *words])


def test_each_call_says_who_whom_and_what_came_of_it(home: Path) -> None:
    """The latest first, its patient's number masked."""
    done = officeline(home, "--json")
    assert done.exit_code == 0, done.exception
    refused, talked = json.loads(done.stdout)["calls"]
    assert (refused["person"], refused["by"], refused["placed_at"]) == ("osei", "amy", None)
    assert refused["result"] == "refused: it is abroad"
    assert talked == {
        "id": 1,
        "asked_at": "2026-11-28T02:10:00-05:00",
        "person": "lee",
        "to": "…0142",
        "message": "m-1",
        "by": None,
        "call": "leg-1",
        "placed_at": "2026-11-28T02:10:00-05:00",
        "answered_at": "2026-11-28T02:10:05-05:00",
        "ended_at": "2026-11-28T02:11:05-05:00",
        "state": "connected",
        "result": "talked",
    }


def test_a_table_for_people(home: Path) -> None:
    """With how long they talked; no number is whole."""
    reported = officeline(home).stdout
    assert "60 s" in reported
    assert "refused: it is abroad" in reported
    assert PATIENT not in reported
    assert officeline(home, "--since", "2027-01-01").stdout == "No calls.\n"


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        (["--since", "2026-11-28 12:00"], [2]),
        (["--until", "2026-11-28 12:00"], [1]),
        (["--limit", "1"], [2]),
        ([], [2, 1]),
    ],
)
def test_a_part_of_them(home: Path, words: list[str], ids: list[int]) -> None:
    """A span, or so many."""
    found = json.loads(officeline(home, *words, "--json").stdout)["calls"]
    assert [one["id"] for one in found] == ids


def test_a_whole_number_is_audited(home: Path) -> None:
    """Who asks to see it is written down."""
    assert PATIENT in officeline(home, "--reveal").stdout
    engine = open_database(Home(home).database)
    (row,) = audit.entries(engine, what="numbers.revealed")
    engine.dispose()
    assert row.detail["command"] == "calls outbound"
