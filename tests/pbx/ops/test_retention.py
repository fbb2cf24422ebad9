"""What is old goes, what is open or held stays, and the audit tells how much went."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import Engine, text
from typer.testing import CliRunner, Result

from cli import app
from pbx.base.errors import OfficeLineError
from pbx.calls.record import cdr_forgotten
from pbx.calls.record.cdr import read_cdr
from pbx.calls.record.reconcile import cdr_path
from pbx.config.home import Home
from pbx.db import audit, retention
from pbx.db.calls import get_call, list_calls
from pbx.db.database import open_database, writing
from pbx.db.inbox import add_note, items
from pbx.db.messages import MessageRow
from pbx.db.tables import utc_text
from pbx.ops.retention import before
from tests.support.ledgers import Reported, cdr_lines, write_cdr, write_log

ROOT = Path(__file__).parents[3]
EXAMPLE = (ROOT / "config" / "office.toml").read_text("utf-8")
NOW = datetime.now(UTC)
OLD, NEW = NOW - timedelta(days=7 * 365), NOW - timedelta(days=30)
CLOSED = Reported("1400000000.1", OLD, "message", "routine", has_message=True)
OPEN = Reported("1400000001.1", OLD, "message", has_message=True, caller="+12125550171")
HELD = Reported("1400000002.1", OLD, "message", has_message=True, caller="+12125550172")
PLAIN = Reported("1400000003.1", OLD)
JOINED = Reported("1400000004.1", OLD, "message", joined=OPEN.id)
RUNS = Reported("1400000005.1", OLD, None)
FRESH = Reported("1700000000.1", NEW, "message", has_message=True, caller="+12125550173")
HELD_CALL = Reported("1400000006.1", OLD, "message", joined=CLOSED.id)
ALL = (CLOSED, OPEN, HELD, PLAIN, JOINED, RUNS, FRESH)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Make an office with calls and messages, old and new, whose closed ones are as old."""
    (tmp_path / "office.toml").write_text(EXAMPLE)
    home = Home(tmp_path / "home")
    home.messages.mkdir(parents=True)
    write_log(home.folder, ALL)
    write_cdr(home.folder, (line for call in ALL for line in cdr_lines(call)))
    for call in ALL:
        if call.has_message:
            (home.messages / f"{call.id}.wav").write_bytes(b"RIFF")
    engine = open_database(home.database)
    for call in (CLOSED, HELD, FRESH):
        close(engine, call.id, call.at)
    engine.dispose()
    assert officeline(tmp_path, "hold", "add", HELD.id, "--reason", "lawyer").exit_code == 0
    return tmp_path


@pytest.fixture
def engine(place: Path) -> Iterator[Engine]:
    """Open the office's database."""
    engine = open_database(Home(place / "home").database)
    yield engine
    engine.dispose()


def close(engine: Engine, message: str, at: datetime) -> None:
    """Close a message at once."""
    row = {"at": utc_text(at), "id": message}
    with writing(engine) as connection:
        connection.execute(
            text(
                "UPDATE message SET state = 'closed', closed_at = :at, due_at = NULL WHERE id = :id"
            ),
            row,
        )


def officeline(place: Path, *words: str, typed: str = "") -> Result:
    """Run a command on this office."""
    where = ["--config", str(place / "office.toml"), "--home", str(place / "home")]
    return CliRunner().invoke(app, [*where, *words], input=typed)


def document(done: Result) -> Any:
    """Read the one document on stdout."""
    assert done.exit_code == 0, done.exception
    return json.loads(done.stdout)


def calls(engine: Engine) -> set[str]:
    """Name the calls that there are."""
    return {one.id for one in list_calls(engine, limit=100)}


def files(place: Path) -> set[str]:
    """Name the recordings that there are."""
    return {path.stem for path in (place / "home" / "messages").iterdir()}


def test_what_is_old_goes_and_all_else_stays(place: Path, engine: Engine) -> None:
    """Open and held messages with their calls stay, and what goes on, and what is new."""
    counts = {"recordings": 1, "messages": 1, "calls": 2, "placed": 0, "copies": 0, "records": 4}
    before_, seen = (calls(engine), files(place)), audit.verify(engine).entries
    dry = document(officeline(place, "retention", "--dry-run", "--json"))
    assert (dry["deleted"], dry | counts) == (False, dry)
    assert ((calls(engine), files(place)), audit.verify(engine).entries) == (before_, seen)
    done = document(officeline(place, "retention", "--yes", "--json"))
    assert (done["deleted"], done | counts) == (True, done)
    assert calls(engine) == before_[0] - {CLOSED.id, PLAIN.id}
    assert files(place) == before_[1] - {CLOSED.id}
    records = {row.call for row in read_cdr(cdr_path(Home(place / "home")))}
    assert records == calls(engine)
    history = get_call(engine, HELD.id)
    assert history is not None
    assert history.message is not None
    with engine.connect() as connection:
        for table in ("leg", "decision", "event"):
            left = set(connection.execute(text(f"SELECT call FROM {table}")).scalars())  # noqa: S608  # our names
            assert left <= calls(engine)
    (row,) = audit.entries(engine, what="retention")
    assert counts.items() <= row.detail.items()
    assert audit.verify(engine).ok
    again = officeline(place, "retention")
    assert again.stdout.startswith(
        "Lakeside Internal Medicine: 0 calls (0 of Asterisk's own records), 0 calls to patients, "
    )
    assert len(audit.entries(engine, what="retention")) == 1


def test_what_another_message_has_stays(place: Path, engine: Engine) -> None:
    """A call is in an old message and, with what it said later, in one that is open."""
    with writing(engine) as connection:
        row = {"id": OPEN.id, "recording": f"messages/{CLOSED.id}.wav"}
        connection.execute(text("UPDATE message SET recording = :recording WHERE id = :id"), row)
    document(officeline(place, "retention", "--yes", "--json"))
    assert CLOSED.id in files(place)


def test_calls_to_patients_go_with_the_calls_time(place: Path, engine: Engine) -> None:
    """They hold patients' numbers; those that go on, are held or belong to a message that stays."""
    stay = {
        "new": (NEW, None, "talked"),
        "goes-on": (OLD, None, None),
        "of-open": (OLD, OPEN.id, "not reached"),
        "of-held": (OLD, HELD.id, "talked"),
    }
    rows = {"old": (OLD, None, "talked"), "of-closed": (OLD, CLOSED.id, "talked"), **stay}
    with writing(engine) as connection:
        for call, (at, message, result) in rows.items():
            row = {"call": call, "at": utc_text(at), "message": message, "result": result}
            connection.execute(
                text(
                    "INSERT INTO outbound_call (person, number, message, by, asked_at, state, call,"
                    " result) VALUES ('lee', '+12125550142', :message, '', :at, '', :call, :result)"
                ),
                row,
            )
    assert document(officeline(place, "retention", "--dry-run", "--json"))["placed"] == 2
    assert document(officeline(place, "retention", "--yes", "--json"))["placed"] == 2
    with engine.connect() as connection:
        left = set(connection.execute(text("SELECT call FROM outbound_call")).scalars())
    assert left == stay.keys()
    (entry,) = audit.entries(engine, what="retention")
    assert entry.detail["placed"] == 2


def test_copies_of_before_an_upgrade_go_after_a_month(place: Path) -> None:
    """They hold what was deleted since; a younger one is a way back."""
    home = place / "home"
    names = ("officeline.db.before-20200101-000000", "officeline.db.before-20260101-000000")
    for name, age in zip(names, (31, 29), strict=True):
        (home / name).touch()
        at = (NOW - timedelta(days=age)).timestamp()
        os.utime(home / name, (at, at))
    assert document(officeline(place, "retention", "--yes", "--json"))["copies"] == 1
    assert [(home / name).exists() for name in names] == [False, True]


def test_it_asks_first(place: Path, engine: Engine) -> None:
    """No, and nothing went."""
    assert officeline(place, "retention", typed="n\n").exit_code == 1
    assert len(calls(engine)) == len(ALL)
    assert officeline(place, "retention", typed="y\n").exit_code == 0
    assert len(calls(engine)) == len(ALL) - 2


def test_recordings_may_go_before_their_calls(place: Path, engine: Engine) -> None:
    """The message stays, and says in its history that they went; dictated notes go with them."""
    (place / "office.toml").write_text(EXAMPLE + '\n[retention]\nrecordings = "10 days"\n')
    note = place / "home" / "messages" / "note-9.1-2.wav"
    note.write_bytes(b"RIFF")
    add_note(engine, FRESH.id, f"dictated: messages/{note.name}", "lee", NEW)
    done = document(officeline(place, "retention", "--yes", "--json"))
    assert (done["recordings"], done["messages"], done["calls"]) == (3, 1, 2)
    assert files(place) == {OPEN.id, HELD.id}
    shown = document(officeline(place, "inbox", "show", FRESH.id, "--json"))
    assert retention.DELETED in [one["what"] for one in shown["events"]]


def test_calls_wait_for_recordings_that_are_kept_longer(place: Path, engine: Engine) -> None:
    """Or nobody would know whose they are."""
    (place / "office.toml").write_text(EXAMPLE + '\n[retention]\nrecordings = "20 years"\n')
    done = document(officeline(place, "retention", "--yes", "--json"))
    assert (done["recordings"], done["messages"], done["calls"]) == (0, 0, 1)
    assert PLAIN.id not in calls(engine)
    assert CLOSED.id in calls(engine)


def test_a_file_that_no_message_names_goes_by_its_age(place: Path) -> None:
    """Unless its call is held."""
    messages = place / "home" / "messages"
    for name in ("failsafe-1.1", f"failsafe-{HELD.id}", "failsafe-2.2"):
        (messages / f"{name}.wav").write_bytes(b"RIFF")
        at = (NEW if name.endswith("2.2") else OLD).timestamp()
        os.utime(messages / f"{name}.wav", (at, at))
    assert document(officeline(place, "retention", "--yes", "--json"))["recordings"] == 2
    assert {"failsafe-2.2", f"failsafe-{HELD.id}"} <= files(place)
    assert "failsafe-1.1" not in files(place)


def test_holding_a_call_holds_its_message(place: Path, engine: Engine) -> None:
    """And the first call of that message, too; lifted, all of them may go."""
    write_log(place / "home", [HELD_CALL])
    close(engine, CLOSED.id, CLOSED.at)
    assert officeline(place, "hold", "add", HELD_CALL.id, "--reason", "court").exit_code == 0
    done = document(officeline(place, "retention", "--yes", "--json"))
    assert (done["recordings"], done["messages"], done["calls"]) == (0, 0, 1)
    assert {CLOSED.id, HELD_CALL.id} <= calls(engine)
    assert officeline(place, "hold", "lift", HELD_CALL.id, "--reason", "settled").exit_code == 0
    done = document(officeline(place, "retention", "--yes", "--json"))
    assert (done["recordings"], done["messages"], done["calls"]) == (1, 1, 2)
    reported = [(one.what, one.about) for one in audit.entries(engine, what="hold")]
    assert reported == [
        ("hold.added", HELD.id),
        ("hold.added", HELD_CALL.id),
        ("hold.lifted", HELD_CALL.id),
    ]


def test_a_hold_that_comes_in_between_is_kept(place: Path, engine: Engine) -> None:
    """Between the look and the deed."""
    old = retention.old_messages(engine, NOW), retention.old_calls(engine, NOW, NOW)
    assert CLOSED.id in old[0]
    assert CLOSED.id in old[1]
    officeline(place, "hold", "add", CLOSED.id, "--reason", "court")
    assert CLOSED.id not in retention.note_recordings_gone(engine, old[0], NOW, NOW)
    retention.delete_calls(engine, old[1], NOW, NOW)
    retention.delete_messages(engine, old[0], NOW)
    history = get_call(engine, CLOSED.id)
    assert history is not None
    assert history.message is not None


def test_holds_are_listed_and_refused(place: Path) -> None:
    """Twice the same, one that is none, and one of nothing."""
    (one,) = document(officeline(place, "hold", "list", "--json"))["holds"]
    assert (one["target"], one["reason"], one["lifted_at"]) == (HELD.id, "lawyer", None)
    for words in (("add", HELD.id), ("add", "nothing"), ("lift", PLAIN.id)):
        done = officeline(place, "hold", *words, "--reason", "x")
        assert isinstance(done.exception, OfficeLineError), words
    officeline(place, "hold", "lift", HELD.id, "--reason", "x")
    assert officeline(place, "hold", "list").stdout == "There are no holds.\n"
    assert HELD.id in officeline(place, "hold", "list", "--all").stdout


def test_years_are_the_calendars(place: Path) -> None:
    """The 29th of February has no anniversary in most years; what is not a time is refused."""
    leap = datetime(2028, 2, 29, 12, tzinfo=UTC)
    assert before("6 years", leap) == datetime(2022, 2, 28, 12, tzinfo=UTC)
    assert before("90 days", leap) == leap - timedelta(days=90)
    (place / "office.toml").write_text(EXAMPLE + '\n[retention]\ncalls = "soon"\n')
    assert isinstance(officeline(place, "retention", "--yes").exception, OfficeLineError)


def test_a_link_that_the_log_lost_is_not_needed(place: Path, engine: Engine) -> None:
    """A message is durable before the log hears of its call: either of the two names the other."""
    with closing(sqlite3.connect(place / "home" / "officeline.db")) as other:
        other.execute("UPDATE call SET message = NULL")
        other.execute("UPDATE message SET id = 'm-held' WHERE id = ?", (HELD.id,))
        other.commit()
    done = document(officeline(place, "retention", "--yes", "--json"))
    assert (done["messages"], done["calls"]) == (1, 3)  # the joined one is bound to nothing now
    assert {OPEN.id, HELD.id} <= calls(engine)
    assert "m-held" in [one.id for one in every_message(engine)]


def every_message(engine: Engine) -> list[MessageRow]:
    """Read every message."""
    return [one.message for one in items(engine, closed=True)]


def test_a_record_that_asterisk_writes_meanwhile_is_kept(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the file that it opened before we replaced it, or half of one at the end."""
    path = cdr_path(Home(place / "home"))
    (first, second) = cdr_lines(FRESH)
    half = len(first) // 2
    asterisk = path.open("ab", buffering=0)
    asterisk.write(first[:half].encode())
    mode = path.stat().st_mode

    def writes(seconds: float) -> None:
        assert seconds > 0
        asterisk.write((first[half:] + second).encode())
        asterisk.close()

    monkeypatch.setattr(cdr_forgotten, "time", SimpleNamespace(sleep=writes))
    before_ = len(list(read_cdr(path)))
    gone = cdr_forgotten.forget(path, NOW - timedelta(days=365), {OPEN.id})
    assert gone == 2 * len([call for call in ALL if call.at == OLD and call is not OPEN])
    assert len(list(read_cdr(path))) == before_ - gone + 2
    assert path.read_text().endswith(first + second)
    assert path.stat().st_mode == mode
    assert not list(path.parent.glob(".*"))
