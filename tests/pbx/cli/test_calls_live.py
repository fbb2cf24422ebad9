"""`officeline calls live`: on a real terminal, into a pipe, and as JSON."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dialplan import names
from pbx.config.home import Home
from pbx.config.plan import parse
from pbx.db import follow_ups, message_progress, records
from pbx.db.database import open_database
from pbx.db.writer import LogWriter
from pbx.service.heartbeat_file import HeartbeatFile
from routing.follow_up import FollowUpStage, Todo
from tests.support import started
from tests.support.ledgers import Reported, write_log

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "config" / "office.toml"
PLAN = parse(EXAMPLE.read_text("utf-8"), EXAMPLE).plan
COMMAND = [sys.executable, "-m", "cli", "--config", str(EXAMPLE)]
DEADLINE_S = 20.0
ROWS, COLUMNS = 24, 80


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Make a home with two calls under way, one that is over, and two urgent messages."""
    now = datetime.now(UTC)
    ago = {minutes: now - timedelta(minutes=minutes) for minutes in (1, 2, 3, 12, 42)}
    calls = [
        Reported("1.1", ago[2], None, legs=("lee", "osei")),
        Reported("1.2", ago[1], None, urgency="routine", legs=(), caller=None),
        Reported("1.3", ago[3]),
        Reported("1.4", ago[12], "message", has_message=True, caller="+12125550143"),
        Reported("1.5", ago[42], "message", has_message=True, caller="+12125550144"),
    ]
    write_log(tmp_path, calls)
    tell(
        tmp_path,
        records.LegEnded("1.1", "1.11", ago[1], "declined"),
        records.EventNoted("1.1", ago[2], "turn", {"event": "arrived", "verb": names.ESCALATION}),
        records.EventNoted("1.2", ago[1], "turn", {"event": "arrived", "verb": names.MENU}),
    )
    engine = open_database(Home(tmp_path).database)
    view = next(one for one in message_progress.due_messages(engine, now, 9) if one.id == "1.4")
    todo = Todo("ring", FollowUpStage.ON_CALL, {"lee": "mobile"})
    follow_ups.begin_round(engine, view, todo, ["lee"], at=now, due_at=now)
    engine.dispose()
    return tmp_path


def tell(home: Path, *what: records.Record) -> None:
    """Write records as the daemon does."""
    writer = LogWriter(lambda: open_database(Home(home).database))
    for record in what:
        writer.put(record)
    writer.start()
    writer.close()


def once(home: Path, *words: str) -> str:
    """Run the command to its end and return what it printed."""
    where = ("--config", str(EXAMPLE), "--home", str(home))
    done = started.officeline(*where, "calls", "live", *words)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_one_state_as_a_document(home: Path) -> None:
    """Where each call is and who rings; how long each promise holds; that nothing of ours runs."""
    found: Any = json.loads(once(home, "--json"))
    first, second = found["calls"]
    assert (first["id"], first["from"], first["urgency"]) == ("1.1", "…0142", "urgent")
    assert (first["step"], first["ringing"]) == ("waits for a person", ["osei"])
    assert (second["from"], second["step"], second["ringing"]) == (None, "hears the menu", [])
    assert found["asterisk"] == {"answers": False}
    assert found["daemon"] == {"runs": False, "heartbeat_at": None, "heartbeat_came": None}
    assert [one["schedule"] for one in found["oncall"]] == ["doctors"]
    assert len(found["oncall"][0]["oncall"]) == 1
    older, newer = found["messages"]
    assert (older["id"], older["breached"], older["calling"]) == ("1.5", True, [])
    assert (newer["id"], newer["breached"], newer["calling"]) == ("1.4", False, ["lee"])
    opened, promised = (datetime.fromisoformat(newer[key]) for key in ("opened_at", "promised_by"))
    assert promised - opened == timedelta(minutes=30)


def test_who_accepted_talks_and_nobody_rings(home: Path) -> None:
    """Even where a leg is still said to ring."""
    tell(home, records.LegAcknowledged("1.1", "1.12", "osei", datetime.now(UTC)))
    first = json.loads(once(home, "--json"))["calls"][0]
    assert (first["step"], first["person"], first["ringing"]) == ("talks with osei", "osei", [])


def test_into_a_pipe_it_is_one_state_of_eighty_columns(home: Path) -> None:
    """Without a terminal there are no keys; every number is masked."""
    reported = once(home)
    dead = (
        "Nothing is running. CALLERS REACH NOTHING, and nobody is called. "
        "Start it with 'officeline up'."
    )
    assert dead in " ".join(reported.split())
    assert re.search(r"2:\d\d +…0142 +main +waits for a person, urgent +osei", reported)
    assert re.search(r"1\.4 +open +…0143 +12:\d\d +17:\d\d left +lee", reported)
    assert re.search(r"1\.5 +open +…0144 +42:\d\d +BROKEN 12:\d\d ago", reported)
    assert max(len(line) for line in reported.splitlines()) <= COLUMNS
    assert "555" not in reported


def test_a_daemon_that_lives_says_when_asterisk_answered(home: Path) -> None:
    """And when it did not."""
    heartbeat_file = HeartbeatFile(Home(home))
    heartbeat_file.open()
    heartbeat_file.beat(datetime.now(UTC) - timedelta(seconds=15), came=True)
    assert re.search(r"The control layer is running; Asterisk answered 0:[1-5]\d ago", once(home))
    heartbeat_file.beat(datetime.now(UTC), came=False)
    reported = " ".join(once(home).split())
    dead = r"Asterisk does not answer. CALLERS REACH NOTHING. The last heartbeat came 0:[1-5]\d ago"
    assert re.search(dead, reported)
    heartbeat_file.close()


class Terminal:
    """A command on a terminal of its own, with what it has written so far."""

    def __init__(self, home: Path) -> None:
        self.ours, self.theirs = pty.openpty()
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.before = termios.tcgetattr(self.theirs)
        self.written = ""
        self.process = subprocess.Popen(
            [*COMMAND, "--home", str(home), "calls", "live"],
            cwd=ROOT,
            env={**os.environ, "TERM": "xterm-256color"},
            stdin=self.theirs,
            stdout=self.theirs,
            stderr=self.theirs,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509  # no threads here
        )

    def shows(self, pattern: str) -> None:
        """Wait until something is written from now on."""
        self.written = ""
        self._until(lambda: re.search(pattern, self.written) is not None, pattern)

    def press(self, keys: str) -> None:
        """Press keys."""
        os.write(self.ours, keys.encode())

    def ends(self) -> int:
        """Wait for the end and return the exit code; the terminal must be as it was."""
        self._until(lambda: self.process.poll() is not None, "the end")
        self._read(0.2)
        assert termios.tcgetattr(self.theirs) == self.before
        assert self.written.rfind("\x1b[?1049l") > self.written.rfind("\x1b[?1049h")
        assert self.written.rfind("\x1b[?25h") > self.written.rfind("\x1b[?25l")
        return self.process.returncode

    def _until(self, holds: Any, what: str) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not holds():
            assert time.monotonic() < deadline, f"{what} in {self.written!r}"
            self._read(0.1)

    def _read(self, seconds: float) -> None:
        while select.select([self.ours], [], [], seconds)[0]:
            self.written += os.read(self.ours, 65536).decode(errors="replace")
            seconds = 0.0

    def close(self) -> None:
        """Leave nothing behind."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()
        os.close(self.ours)
        os.close(self.theirs)


@pytest.fixture
def terminal(home: Path) -> Iterator[Terminal]:
    """Open the command on a terminal of 80 columns."""
    found = Terminal(home)
    yield found
    found.close()


def test_it_follows_what_happens_until_q(terminal: Terminal, home: Path) -> None:
    """A call that comes is there within seconds, and one that ends is gone."""
    terminal.shows(r"Calls \(2\)")
    now = datetime.now(UTC)
    tell(home, records.CallStarted("1.9", now, "backline", "+12125550101", "+12125550177", "abc"))
    terminal.shows(r"Calls \(3\)")
    terminal.shows(r"…0177 +backline")
    tell(home, *(records.CallEnded(call, now, "abandoned") for call in ("1.1", "1.2", "1.9")))
    terminal.shows("Nobody is on the line")
    terminal.press("q")
    assert terminal.ends() == 0


@pytest.mark.parametrize(
    ("how", "code"), [("\x03", 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"]
)
def test_however_it_ends_the_terminal_is_as_it_was(
    terminal: Terminal, how: str | signal.Signals, code: int
) -> None:
    """No traceback, the cursor back, and lines as before."""
    terminal.shows("q quits")
    if isinstance(how, str):
        terminal.press(how)
    else:
        terminal.process.send_signal(how)
    assert terminal.ends() == code
    assert "Traceback" not in terminal.written


def test_what_is_longer_than_the_screen_is_scrolled(terminal: Terminal, home: Path) -> None:
    """By arrows and by letters, and back to the top."""
    terminal.shows("q quits")
    now = datetime.now(UTC)
    tell(
        home,
        *(
            records.CallStarted(f"2.{number:02}", now, f"line{number:02}", "", None, "abc")
            for number in range(30)
        ),
    )
    terminal.shows(r"Calls \(32\)")
    terminal.press("jjj\x1b[B" + "j" * 20)
    terminal.shows("line29")
    assert "Calls (32)" not in terminal.written.rpartition("\x1b[H")[2]
    terminal.press("g")
    terminal.shows(r"Calls \(32\)")
    terminal.press("q")
    assert terminal.ends() == 0
