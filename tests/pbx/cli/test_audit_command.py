"""`officeline audit`, as an auditor and as a script meet it."""

from __future__ import annotations

import csv
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli import app
from pbx.base.errors import OfficeLineError
from pbx.config.home import Home
from pbx.db import audit
from pbx.db.database import open_database

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "config" / "office.toml"
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Make a home with three rows."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    engine = open_database(Home(home).database)
    audit.record(engine, "plan.applied", by="amy", now=NOW, about=1, detail={"reason": "storm"})
    later = NOW + timedelta(days=1)
    audit.record(engine, "numbers.revealed", by="bob", now=later, detail={"command": "calls list"})
    audit.record(engine, "plan.applied", by="bob", now=later, about=2)
    engine.dispose()
    return home


def officeline(home: Path, *words: str) -> Result:
    """Run `officeline audit ...` on a home of the example practice."""
    return CliRunner().invoke(app, ["--config", str(EXAMPLE), "--home", str(home), "audit", *words])


def document(result: Result) -> Any:
    """Read the one JSON document on stdout."""
    assert result.stderr == ""
    return json.loads(result.stdout)


def test_a_list_says_who_did_what(home: Path) -> None:
    """All of it, or by time, who and what."""
    rows = document(officeline(home, "list", "--json"))["entries"]
    assert [(row["seq"], row["who"], row["what"], row["about"]) for row in rows] == [
        (1, "amy", "plan.applied", "1"),
        (2, "bob", "numbers.revealed", ""),
        (3, "bob", "plan.applied", "2"),
    ]
    assert rows[0]["at"] == "2026-11-27T07:00:00-05:00"
    some = officeline(home, "list", "--who", "bob", "--what", "plan", "--from", "2026-11-28")
    assert "plan.applied" in some.stdout
    assert "amy" not in some.stdout
    assert officeline(home, "list", "--to", "2026-01-01").stdout == "No actions were recorded.\n"


def test_a_whole_chain_holds_and_a_gap_is_exit_1(home: Path) -> None:
    """The head that is printed is the one that is asked for later."""
    head = officeline(home, "head").stdout.strip()
    held = officeline(home, "verify", "--head", head, "--json")
    whole = {"ok": True, "entries": 3, "head": head, "broken_at": None}
    assert (held.exit_code, document(held)) == (0, whole)
    with closing(sqlite3.connect(Home(home).database)) as other:
        other.execute("DROP TRIGGER audit_never_deleted")
        other.execute("DELETE FROM audit WHERE seq = 3")
        other.commit()
    cut = officeline(home, "verify", "--head", head)
    assert (cut.exit_code, "its end was removed" in cut.stdout) == (1, True)
    with closing(sqlite3.connect(Home(home).database)) as other:
        other.execute("DROP TRIGGER audit_never_changed")
        other.execute("UPDATE audit SET who = 'amy' WHERE seq = 2")
        other.commit()
    changed = officeline(home, "verify", "--json")
    assert (changed.exit_code, document(changed)["broken_at"]) == (1, 2)


def test_before_there_is_a_database(tmp_path: Path) -> None:
    """Nothing was done; but a head that was kept says that something was."""
    home = tmp_path / "none"
    assert document(officeline(home, "list", "--json")) == {"entries": []}
    assert officeline(home, "head").stdout.strip() == audit.GENESIS
    assert document(officeline(home, "verify", "--json"))["ok"]
    assert officeline(home, "verify", "--head", "a" * 64).exit_code == 1
    assert not home.exists()


def test_a_head_that_is_none_is_refused(home: Path) -> None:
    """In one sentence."""
    assert isinstance(officeline(home, "verify", "--head", "abc").exception, OfficeLineError)


@pytest.mark.parametrize("name", ["audit.csv", "audit.jsonl"])
def test_an_export_is_a_row_itself(home: Path, tmp_path: Path, name: str) -> None:
    """It holds what there was before it, for its owner alone, and overwrites nothing."""
    file = tmp_path / name
    assert officeline(home, "export", str(file)).exit_code == 0
    if name.endswith("csv"):
        rows = [
            {**row, "detail": json.loads(row["detail"])}
            for row in csv.DictReader(file.read_text().splitlines())
        ]
    else:
        rows = [json.loads(line) for line in file.read_text().splitlines()]
    reported = [(row["what"], row["detail"]) for row in rows]
    assert reported[:2] == [
        ("plan.applied", {"reason": "storm"}),
        ("numbers.revealed", {"command": "calls list"}),
    ]
    assert file.stat().st_mode & 0o777 == 0o600
    last = document(officeline(home, "list", "--json"))["entries"][-1]
    assert (last["what"], last["detail"]) == ("audit.exported", {"count": 3})
    assert isinstance(officeline(home, "export", str(file)).exception, OfficeLineError)
