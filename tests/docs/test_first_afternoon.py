"""The first afternoon of somebody who has nothing yet: every command, in one folder."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from pbx.asterisk.engine import runtime
from routing import clocks
from tests.support import started

ROOT = Path(__file__).parents[2]
FLAGS = (
    "--preset", "solo", "--name", "Elm Street Medicine", "--timezone", "America/Chicago",
    "--number", "312-555-0100", "--physician", "kim=Dr. Jo Kim", "--mobiles", "--no-call",
)  # fmt: skip
MOBILES = "kim=312 555 0171\nanswering=312 555 0172\n"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """Begin in an empty folder that Asterisk's user can enter; end with a practice in it."""
    with tempfile.TemporaryDirectory(prefix="officeline-afternoon-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        run(folder, "init", *FLAGS, given=MOBILES)
        yield folder


def run(folder: Path, *words: str, given: str = "") -> str:
    """Give a command in the folder; it ends well."""
    done = started.officeline(*words, cwd=folder, given=given)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def shown(folder: Path, *words: str) -> Any:
    """Give a command that answers in one document."""
    return json.loads(run(folder, *words, "--json"))


def test_the_practice_is_good(place: Path) -> None:
    """Nothing is found, and every call of a year ends at a human."""
    assert shown(place, "check") == {"ok": True, "findings": []}
    assert shown(place, "prove")["holds"]
    assert shown(place, "oncall", "now")["schedules"][0]["oncall"] == "kim"
    kind = shown(
        place, "explain", "--did", "+13125550100", "--at", "2026-11-28 02:10", "--press", "1"
    )
    assert kind["decision"]["kind"] == "escalation"


def test_nobody_is_left_without_a_pin(place: Path) -> None:
    """`init` ends with the commands, and the doctor is content with the people after them."""

    def people() -> dict[str, Any]:
        done = started.officeline("doctor", "--json", cwd=place)
        (found,) = [one for one in json.loads(done.stdout)["checks"] if one["name"] == "people"]
        return dict(found)

    reported = run(place, "init", "--yes", "--no-call")
    commands = re.findall(r"^  officeline (people pin \w+)$", reported, re.MULTILINE)
    assert sorted(commands) == ["people pin answering", "people pin kim"]
    assert "no PIN for answering, kim" in people()["detail"]
    assert people()["fix"] == f"'officeline {commands[0]}'."
    for count, command in enumerate(commands):
        run(place, *command.split(), "--stdin", given=f"47291{count}\n")
    assert people()["ok"]
    assert "people pin" not in run(place, "init", "--yes", "--no-call")


def test_a_week_of_calls_can_be_read(place: Path) -> None:
    """Calls, messages and reports agree; both ledgers hold the same, and no number is whole.

    The last whole week, which `report week` shows without being asked for another, is among them.
    """
    home = place / "week"
    reported = run(place, "--home", str(home), "demo", "--days", "7")
    count = int(reported.split(maxsplit=1)[0])
    assert 150 < count < 900
    for line in re.findall(r"^  officeline (.*)$", reported, re.MULTILINE):
        assert "+1" not in run(place, *shlex.split(line))
    here = ("--home", str(home))
    here = ("--home", str(home))
    assert f"--home {home} report week\n" in reported
    first = clocks.read_date(" ".join(reported.split()[3:7]))
    week = run(place, *here, "report", "week")
    figures = shown(place, *here, "report", "week")
    monday = date.fromisoformat(figures["from"])
    days = [first + timedelta(days=count) for count in range((date.today() - first).days + 1)]  # noqa: DTZ011  # a day more is no harm
    assert (monday.weekday(), figures["to"]) == (0, str(monday + timedelta(days=7)))
    assert set(days) >= {monday + timedelta(days=count) for count in range(7)}
    assert len(days) >= 8
    assert re.search(r"acknowledged within 30 min +[1-9][\d.]* % +[1-9]", week), week
    accounts = [shown(place, *here, "reconcile", "--day", str(day)) for day in days]
    assert [one["unaccounted"] for one in accounts] == [[]] * len(days)
    assert sum(one["placed"] for one in accounts) == count
    by_day = {str(day): one["placed"] for day, one in zip(days, accounts, strict=True)}
    assert all(by_day[str(monday + timedelta(days=one))] for one in range(7))
    morning = shown(place, *here, "report", "morning")
    assert morning["reconcile"]["unaccounted"] == []
    assert shown(place, *here, "audit", "verify")["ok"]


def test_made_up_calls_never_get_into_an_office(place: Path) -> None:
    """A home with a database in it is refused, and the practice's own is left alone."""
    done = started.officeline("--home", str(place / "var"), "demo", "--days", "1", cwd=place)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "give an empty folder" in done.stderr
    assert shown(place, "calls", "list") == {"calls": []}


@pytest.mark.skipif(runtime.find_asterisk() is None, reason="there is no Asterisk on this machine")
def test_the_line_comes_up(place: Path) -> None:
    """What was applied runs, and ends at Ctrl-C without anything left."""
    run(place, "apply")
    up = subprocess.Popen(
        [sys.executable, "-m", "cli", "up"],
        cwd=place,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        assert up.stdout is not None
        assert "answers on" in up.stdout.readline()
        for _ in range(300):
            if (place / "var/daemon.json").exists():
                break
            time.sleep(0.1)
        assert shown(place, "history")["plans"][0]["running"]
    finally:
        up.send_signal(signal.SIGINT)
        out, _ = up.communicate(timeout=60)
    assert up.returncode == 0
    assert "The line of Elm Street Medicine is down" in out
