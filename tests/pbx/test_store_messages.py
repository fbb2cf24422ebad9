"""Messages: durable before anything else, once, and never less urgent."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from pbx.errors import OfficeLineError
from pbx.store import messages, records
from pbx.store.calls import list_calls
from pbx.store.database import open_database, writing
from pbx.store.writer import LogWriter

ROOT = Path(__file__).parents[2]
T0 = datetime(2026, 11, 28, 7, 10, tzinfo=UTC)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Open a database."""
    engine = open_database(tmp_path / "officeline.db")
    yield engine
    engine.dispose()


def leave(
    engine: Engine,
    message_id: str = "m1",
    *,
    after_s: float = 0,
    urgency: str = "urgent",
    callback_number: str | None = "+12125550142",
) -> None:
    """Open a message."""
    messages.open_message(
        engine,
        message_id=message_id,
        call="c1",
        at=T0 + timedelta(seconds=after_s),
        urgency=urgency,
        callback_number=callback_number,
        recording="messages/c1.wav",
    )


def test_a_message_survives_our_death(tmp_path: Path) -> None:
    """Killed the moment open_message returned, the process leaves the message behind."""
    script = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from pbx.store import messages
from pbx.store.database import open_database
engine = open_database(Path(sys.argv[1]))
messages.open_message(engine, message_id="m1", call="c1", at=datetime.now(UTC), urgency="urgent",
                      callback_number=None, recording=None)
os.kill(os.getpid(), signal.SIGKILL)
"""
    path = tmp_path / "officeline.db"
    done = subprocess.run([sys.executable, "-c", script, str(path)], check=False, cwd=ROOT)
    assert done.returncode == -signal.SIGKILL
    engine = open_database(path)
    assert [message.id for message in messages.list_open(engine)] == ["m1"]
    engine.dispose()


def test_two_processes_write_side_by_side(engine: Engine, tmp_path: Path) -> None:
    """Another process's messages and our log wait for each other, and none is lost."""
    script = """
import itertools, select, sys
from datetime import UTC, datetime
from pathlib import Path
from pbx.store import messages
from pbx.store.database import open_database
engine = open_database(Path(sys.argv[1]))
for number in itertools.count():
    messages.open_message(engine, message_id=str(number), call="c1", at=datetime.now(UTC),
                          urgency="urgent", callback_number=None, recording=None)
    if number == 0:
        print("ready", flush=True)
    if select.select([sys.stdin], [], [], 0)[0]:
        break
print(number + 1)
"""
    path = tmp_path / "officeline.db"
    writer = LogWriter(lambda: open_database(path))
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        writer.start()
        for number in range(3000):
            writer.put(records.CallStarted(f"k{number}", T0, "main", "", None, "a"))
        assert writer.flush(30)
        left, _ = other.communicate(timeout=30)  # closes its stdin
        assert other.returncode == 0
    writer.close()
    assert len(list_calls(engine, limit=5000)) == 3000
    assert len(messages.list_open(engine)) == int(left)


def test_a_message_is_read_as_it_was_left(engine: Engine) -> None:
    """Its time comes back in UTC, wherever it was told."""
    zone = timezone(timedelta(hours=-5))
    messages.open_message(
        engine,
        message_id="m1",
        call="c1",
        at=T0.astimezone(zone),
        urgency="routine",
        callback_number="+12125550142",
        recording="messages/c1.wav",
    )
    assert messages.get(engine, "m1") == messages.MessageRow(
        id="m1",
        call="c1",
        opened_at=T0,
        state="open",
        urgency="routine",
        callback_number="+12125550142",
        recording="messages/c1.wav",
        flags=(),
    )
    assert messages.get(engine, "m2") is None


def test_opened_twice_it_is_one_message(engine: Engine) -> None:
    """A second opening adds what was missing, and takes nothing away."""
    leave(engine, urgency="routine", callback_number=None)
    leave(engine, after_s=9, urgency="urgent", callback_number="+12125550142")
    leave(engine, after_s=20, urgency="routine", callback_number="+12125550199")
    (found,) = messages.list_open(engine)
    assert (found.opened_at, found.urgency, found.callback_number) == (
        T0,
        "urgent",
        "+12125550142",
    )


def test_open_messages_come_oldest_first_without_closed_ones(engine: Engine) -> None:
    """Delivered and acknowledged messages are still somebody's."""
    for number, state in enumerate(["open", "closed", "acknowledged", "delivered", "called back"]):
        leave(engine, state, after_s=-number)
        with writing(engine) as connection:
            connection.execute(text("UPDATE message SET state = id"))
    found = [message.id for message in messages.list_open(engine)]
    assert found == ["called back", "delivered", "acknowledged", "open"]


def test_a_recording_can_come_later(engine: Engine) -> None:
    """The place of the recording is replaced; an unknown message is ignored."""
    leave(engine)
    messages.attach_recording(engine, "m1", "messages/other.wav")
    messages.attach_recording(engine, "unknown", "messages/other.wav")
    found = messages.get(engine, "m1")
    assert found is not None
    assert found.recording == "messages/other.wav"


def test_a_message_that_cannot_be_written_is_an_error(engine: Engine, tmp_path: Path) -> None:
    """A locked database is told in time for the call to go on, as both kinds of error."""
    with closing(sqlite3.connect(tmp_path / "officeline.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(messages.NotDurableError) as caught:
            leave(engine)
    assert isinstance(caught.value, OSError)
    assert isinstance(caught.value, OfficeLineError)
    assert str(caught.value).startswith("A message could not be written to ")
    leave(engine)
    assert messages.get(engine, "m1") is not None


def test_an_error_holds_no_number(engine: Engine) -> None:
    """What is logged of a refused row is not the row."""
    with pytest.raises(messages.NotDurableError) as caught:
        leave(engine, urgency=None)  # type: ignore[arg-type]  # no column takes it
    assert "NOT NULL" in str(caught.value.__cause__)
    assert "5550142" not in str(caught.value.__cause__)


def test_a_damaged_database_is_an_error_not_a_crash(engine: Engine, tmp_path: Path) -> None:
    """Pages overwritten under our feet are reported in the same way."""
    leave(engine)
    engine.dispose()  # the last connection moves everything out of the WAL
    path = tmp_path / "officeline.db"
    with path.open("r+b") as file:
        file.seek(0)
        file.write(b"\xff" * Path(path).stat().st_size)
    with pytest.raises(messages.NotDurableError):
        leave(engine, "m2")
