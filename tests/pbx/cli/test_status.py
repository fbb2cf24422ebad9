"""`officeline status` and `--version`: what runs, and what it is."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pbx.config.home import Home
from tests.support.ledgers import Reported, write_log
from tests.support.offices import ROOT
from tests.support.started import officeline as said


def test_nothing_runs(tmp_path: Path) -> None:
    """Exit 1, in sentences and as JSON, and no home is made."""
    home = tmp_path / "home"
    given = ("--config", str(ROOT / "config" / "office.toml"), "--home", str(home))
    done = said(*given, "status")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("Asterisk is not running.\nThe control layer is not running.\n")
    done = said(*given, "status", "--json")
    assert done.returncode == 1
    reported = json.loads(done.stdout)
    assert (reported["ok"], reported["asterisk"], reported["control_layer"]) == (
        False,
        False,
        False,
    )
    assert (reported["control_layer_since"], reported["trunk"], reported["calls"]) == (
        None,
        None,
        0,
    )
    assert reported["messages"] == {"open": 0, "urgent": 0}
    assert not home.exists()


def test_the_version() -> None:
    """One line, without any office."""
    done = said("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("OfficeLine ")


def test_what_was_left_to_do_is_counted(tmp_path: Path) -> None:
    """Calls and messages, also while nothing runs; a database that cannot be read is told."""
    at = datetime.now(UTC) - timedelta(minutes=9)
    write_log(
        tmp_path,
        [
            Reported("1.1", at, None),
            Reported("1.2", at, "message", has_message=True),
            Reported("1.3", at, "message", has_message=True, caller="+12125550144"),
        ],
    )
    given = ("--config", str(ROOT / "config" / "office.toml"), "--home", str(tmp_path))
    assert (
        "1 call is under way, and 2 messages are open (2 urgent).\n"
        in said(*given, "status").stdout
    )
    reported = json.loads(said(*given, "status", "--json").stdout)
    assert (reported["calls"], reported["messages"]) == (1, {"open": 2, "urgent": 2})
    Home(tmp_path).database.write_bytes(b"x" * 9000)
    done = said(*given, "status")
    assert (done.returncode, done.stderr) == (1, "")
    assert "Calls and messages cannot be read: " in done.stdout
