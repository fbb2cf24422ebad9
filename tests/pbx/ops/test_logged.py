"""Where the logs of a home are, and what their lines tell of numbers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pbx.base.errors import EngineError
from pbx.config.home import Home
from pbx.ops import logged
from tests.pbx.service.test_only_one import HOLDS, ROOT, Begin, begin, home

__all__ = ["begin", "home"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("call=1795456091.0 to +12125550142", "call=1795456091.0 to …0142"),
        ("PJSIP/12125550142@trunk", "PJSIP/…0142@trunk"),
        ("(212) 555-0142 and 212-555-0143", "…0142 and …0143"),
        ("[2026-11-28 13:00:32.429] NOTICE[20901]", "[2026-11-28 13:00:32.429] NOTICE[20901]"),
        ("timestamp=2026-11-28T13:00:32.429037Z", "timestamp=2026-11-28T13:00:32.429037Z"),
        ("sip:911@127.0.0.1:5060", "sip:911@127.0.0.1:5060"),
        ("\x1b[31mred", "\N{REPLACEMENT CHARACTER}[31mred"),
    ],
)
def test_a_line_shows_no_whole_number(text: str, shown: str) -> None:
    """Ids of calls, times and addresses stay; what a terminal would obey goes."""
    assert logged.masked(text) == shown


def test_nothing_was_written(home: Home) -> None:
    """Neither a file nor a journal; nothing is made."""
    assert logged.places(home) == logged.Places((), journal=False)
    assert list(home.folder.iterdir()) == []


def test_what_keeps_nothing_is_named(home: Home) -> None:
    """A pipe or a terminal: the reader learns where the control layer's log is."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(home.folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        found = logged.places(home)
        assert found.files == ()
        assert found.note.startswith("The control layer writes to pipe:[")
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def journalctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a journalctl before any other that answers with what it was asked."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "journalctl"
    program.write_text('#!/bin/sh\necho "timestamp=2026-11-28T13:00:32Z event=$*"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return program


def test_under_systemd_it_is_the_journal(home: Home, begin: Begin, journalctl: Path) -> None:
    """Of both units; a journal that may not be read is a sentence."""
    begin("serve", env={"NOTIFY_SOCKET": "/run/systemd/notify"})
    found = logged.places(home)
    assert found == logged.Places((), journal=True)
    (line,) = logged.lines(found, None, 5)
    assert line.text.endswith(
        "event=--quiet --output=cat --unit=officeline --unit=officeline-asterisk --lines=5"
    )
    journalctl.write_text("#!/bin/sh\necho No permission. >&2\nexit 1\n")
    with pytest.raises(EngineError, match=r"cannot be read \(No permission.\); try with sudo"):
        logged.lines(found, None, 5)


def test_units_that_do_not_run_have_a_journal(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of this home, and of no other."""
    unit = tmp_path / "officeline.service"
    monkeypatch.setattr(logged, "UNIT_FILE", unit)
    unit.write_text(f"ExecStart=officeline --config x --home {home.folder} serve\n")
    assert logged.places(home).journal
    unit.write_text(f"ExecStart=officeline --config x --home {home.folder}2 serve\n")
    assert not logged.places(home).journal
