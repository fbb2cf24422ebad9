"""`officeline oncall export`: each change of the schedule makes its events newer."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from typer.testing import CliRunner

from pbx.cli.oncall import oncall
from pbx.cli.shared.context import Context
from pbx.config.home import Home
from pbx.config.plan import parse
from pbx.db.database import open_database
from pbx.db.plans import apply_text

ROOT = Path(__file__).parents[3]
EXAMPLE = (ROOT / "config" / "office.toml").read_text(encoding="utf-8")
NOW = datetime(2026, 11, 28, 15, tzinfo=UTC)


@pytest.fixture
def place(tmp_path: Path) -> Context:
    """Make a place with the example's file."""
    (tmp_path / "office.toml").write_text(EXAMPLE, encoding="utf-8")
    return Context(tmp_path / "office.toml", tmp_path / "home")


def run(place: Context, at: datetime, *words: str) -> str:
    """Run a command of `officeline oncall` at a time."""
    with time_machine.travel(at, tick=False):
        done = CliRunner().invoke(oncall.app, list(words), obj=place)
    assert done.exit_code == 0, done.exception
    return done.stdout


def stamps(text: str) -> set[tuple[str, str, str]]:
    """List what the events say of their version: all say the same."""
    found = [re.findall(rf"^{name}:(\S+)", text, re.MULTILINE)
             for name in ("SEQUENCE", "DTSTAMP", "LAST-MODIFIED")]  # fmt: skip
    assert text.count("BEGIN:VEVENT") == len(found[0]) > 1
    return set(zip(*found, strict=True))


def test_each_change_makes_the_events_newer(place: Context) -> None:
    """A plan that goes live, an override, its end; exporting again changes nothing."""
    place.home.mkdir()
    engine = open_database(Home(place.home).database)
    hash_ = parse(EXAMPLE, place.config).plan.hash
    apply_text(engine, EXAMPLE, hash_, by="amy", now=NOW - timedelta(days=1))
    first = run(place, NOW, "export", "--schedule", "doctors")
    assert stamps(first) == {("1", "20261127T150000Z", "20261127T150000Z")}
    assert run(place, NOW + timedelta(hours=2), "export", "--schedule", "doctors") == first
    run(place, NOW, "take", "lee")
    taken = run(place, NOW, "export")
    assert stamps(taken) == {("2", "20261128T150000Z", "20261128T150000Z")}
    run(place, NOW + timedelta(hours=1), "cancel", "1")
    after = run(place, NOW + timedelta(hours=1), "export")
    assert stamps(after) == {("3", "20261128T160000Z", "20261128T160000Z")}


def test_a_file_that_never_went_live(place: Context) -> None:
    """Its own time is when it was last changed."""
    text = run(place, NOW, "export")
    at = datetime.fromtimestamp(place.config.stat().st_mtime, UTC)
    assert stamps(text) == {("0", f"{at:%Y%m%dT%H%M%SZ}", f"{at:%Y%m%dT%H%M%SZ}")}
