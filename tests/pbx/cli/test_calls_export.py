"""`officeline calls export`: every call once, masked unless somebody answers for it."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from pbx.base.errors import OfficeLineError
from pbx.cli.calls import calls
from pbx.cli.shared.context import Context
from pbx.config.home import Home
from pbx.db import audit
from pbx.db.database import open_database
from tests.support.ledgers import Reported, write_log

ROOT = Path(__file__).parents[3]
T0 = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)  # 01:30 in New York, an hour before it comes again
LOG = [
    Reported("1.2", T0 + timedelta(hours=1), "abandoned", caller=None),
    Reported("1.1", T0),
    Reported("1.3", T0 + timedelta(hours=2), None),
]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Make a home with three calls, written in another order than they came."""
    write_log(tmp_path, LOG)
    return tmp_path


def export(home: Path, *words: str) -> Result:
    """Run `officeline calls export ...`."""
    root = typer.Typer()

    @root.callback()
    def options(context: typer.Context) -> None:
        context.obj = Context(ROOT / "config" / "office.toml", home)

    root.add_typer(calls.app, name="calls")
    return CliRunner().invoke(root, ["calls", "export", *words])


def entries(home: Path, what: str) -> list[audit.AuditEntry]:
    """Read what the audit holds of a deed."""
    engine = open_database(Home(home).database)
    found = audit.entries(engine, what=what)
    engine.dispose()
    return found


def test_a_table_has_every_call_in_its_order(home: Path) -> None:
    """The earliest first, on the office's clock, and the numbers masked."""
    result = export(home)
    assert result.exit_code == 0
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [one["id"] for one in rows] == ["1.1", "1.2", "1.3"]
    assert [one["started_at"] for one in rows[:2]] == [
        "2026-11-01T01:30:00-04:00",
        "2026-11-01T01:30:00-05:00",
    ]
    assert (rows[0]["from"], rows[0]["did"], rows[0]["ring_s"]) == ("…0142", "…0100", "10.0")
    assert (rows[1]["from"], rows[2]["outcome"]) == ("", "")
    assert "555" not in result.output


def test_lines_are_what_show_prints(home: Path) -> None:
    """The same names, one document a line."""
    found = [json.loads(line) for line in export(home, "--format", "jsonl").stdout.splitlines()]
    assert [one["id"] for one in found] == ["1.1", "1.2", "1.3"]
    assert found[1]["from"] is None
    assert list(found[0]) == next(csv.reader(io.StringIO(export(home).stdout)))


def test_times_and_outcomes_choose(home: Path) -> None:
    """As in `calls list`."""
    words = ("--since", "2026-11-01T05:31:00Z", "--until", "2026-11-01T07:30:00Z")
    assert export(home, *words, "--format", "jsonl").stdout.count("\n") == 1
    assert "1.1" in export(home, "--outcome", "connected").stdout.splitlines()[1]


def test_every_export_is_in_the_audit(home: Path) -> None:
    """With how many calls there were, which were asked for, and whether the numbers were whole."""
    assert "+12125550142" in export(home, "--reveal", "--outcome", "connected").stdout
    export(home, "--format", "jsonl")
    first, second = entries(home, "calls.exported")
    assert first.detail == {"calls": 1, "format": "csv", "outcome": "connected", "reveal": True}
    assert second.detail == {"calls": 3, "format": "jsonl", "reveal": False}


def test_what_cannot_be_written_down_does_not_leave(home: Path) -> None:
    """Nothing is told while somebody else holds the database."""
    with closing(sqlite3.connect(Home(home).database)) as other:
        other.execute("BEGIN EXCLUSIVE")
        result = export(home)
    assert isinstance(result.exception, OfficeLineError)
    assert result.stdout == ""


def test_a_file_is_new_and_for_our_eyes(home: Path) -> None:
    """One that already exists stays as it is."""
    path = home / "calls.csv"
    result = export(home, "--to", str(path))
    assert (result.stdout, result.stderr) == ("", f"3 calls were written to {path}.\n")
    assert path.stat().st_mode & 0o077 == 0
    assert path.read_text(encoding="utf-8").count("\n") == 4
    again = export(home, "--to", str(path), "--outcome", "connected")
    assert isinstance(again.exception, OfficeLineError)
    assert path.read_text(encoding="utf-8").count("\n") == 4
