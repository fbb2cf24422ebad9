"""Which processes `officeline stop` may end: a person's on this home, never systemd's."""

from __future__ import annotations

import os
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pbx.base.errors import EngineError
from pbx.cli.shared.context import whoever
from pbx.config.home import Home
from pbx.db import audit
from pbx.db.database import open_database
from pbx.service import ending
from tests.pbx.service.test_only_one import Begin, begin, home
from tests.support import started
from tests.support.offices import ROOT

__all__ = ["begin", "home"]


def test_nothing_runs(home: Home) -> None:
    """No lock, and one that nobody holds."""
    for _ in range(2):
        with ending.running_parts(home) as found:
            assert found == []
        home.running.touch()
        home.serving.touch()


@pytest.mark.parametrize("env", [{}, {"SYSTEMD_EXEC_PID": "1", "INVOCATION_ID": "f" * 32}])
def test_a_person_began_it(home: Home, begin: Begin, env: dict[str, str]) -> None:
    """Also in a desktop's terminal, which systemd began: it ends, and is waited for."""
    process = begin("serve", env={"NOTIFY_SOCKET": str(home.watchdog), **env})
    with ending.running_parts(home) as found:
        assert [(part.pid, part.what) for part in found] == [(process.pid, "The control layer")]
        ending.end_processes(found)
    assert process.wait() < 0
    with ending.running_parts(home) as found:
        assert found == []


def stop(home: Home, *words: str) -> started.Done:
    """Give the command on this home."""
    named = ("--config", str(ROOT / "config" / "office.toml"), "--home", str(home.folder))
    return started.officeline(*named, "stop", *words)


def test_who_stopped_it_is_written_down_first(home: Home, begin: Begin) -> None:
    """Where that cannot be, nothing is stopped unless it is meant all the same."""
    open_database(home.database).dispose()
    process = begin("serve", env={"NOTIFY_SOCKET": str(home.watchdog)})
    with closing(sqlite3.connect(home.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        done = stop(home)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
        assert done.stderr.endswith("give --yes to stop it anyway.\n")
        assert "cannot record in the audit who stops the line (" in done.stderr
        assert process.poll() is None
        done = stop(home, "--yes")
        assert done.stderr.startswith("This stop is not in the audit: ")
        assert done.returncode == 0
    assert process.wait() < 0
    begin("serve", env={"NOTIFY_SOCKET": str(home.watchdog)})
    done = stop(home)
    assert (done.returncode, done.stderr) == (0, "")
    engine = open_database(home.database)
    (row,) = audit.entries(engine)
    engine.dispose()
    assert (row.what, row.who, row.about) == ("office.stopped", whoever(), "")


def test_systemd_runs_it(home: Home, begin: Begin) -> None:
    """It would start it again: refused, with the words for it, and nothing is ended."""
    process = begin("serve", env={"NOTIFY_SOCKET": "/run/systemd/notify"})
    with (
        pytest.raises(EngineError, match=r"systemctl stop ") as refused,
        ending.running_parts(home),
    ):
        pass
    assert str(refused.value).startswith(f"systemd runs the office on {home.folder}, and would")
    assert process.poll() is None


@pytest.mark.parametrize("unit", ["officeline", "officeline-asterisk"])
def test_a_unit_of_ours_is_known_by_its_group(
    home: Home, monkeypatch: pytest.MonkeyPatch, unit: str
) -> None:
    """Which everybody can read, while its environment is the office's user's."""
    reported = f"0::/system.slice/{unit}.service\n"
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: reported)
    assert ending.unit_of(os.getpid(), home) == unit


def test_a_number_that_means_another_here(home: Home, begin: Begin) -> None:
    """The holder of the lock is in another container, where it has the number of one of ours."""
    process = begin("serve")
    home.serving.write_text(str(os.getppid()).ljust(20))
    said = "The control layer on .* runs where this command cannot see it"
    with pytest.raises(EngineError, match=said), ending.running_parts(home):
        pass
    assert process.poll() is None


def test_one_that_does_not_end(home: Home, begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named, and how to end it."""
    monkeypatch.setattr(ending, "GONE_S", 0.1)
    process = begin("serve", "deaf", env={"NOTIFY_SOCKET": ""})
    said = re.escape(f"(process {process.pid}) has not ended")
    with ending.running_parts(home) as found, pytest.raises(EngineError, match=said):
        ending.end_processes(found)
    assert process.poll() is None
