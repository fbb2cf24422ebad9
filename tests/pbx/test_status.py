"""`officeline status` and `--version`: what runs, and what it is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.support.offices import ROOT


def said(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    command = [sys.executable, "-m", "cli", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def test_nothing_runs(tmp_path: Path) -> None:
    """Exit 1, in sentences and as JSON, and no home is made."""
    home = tmp_path / "home"
    given = ("--config", str(ROOT / "config" / "office.toml"), "--home", str(home))
    done = said(*given, "status")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("Asterisk does not run.\nThe control layer does not run.\n")
    done = said(*given, "status", "--json")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert (told["ok"], told["asterisk"], told["control_layer"]) == (False, False, False)
    assert not home.exists()


def test_the_version() -> None:
    """One line, without any office."""
    done = said("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("OfficeLine ")
