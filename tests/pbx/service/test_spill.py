"""A database that is locked, full or damaged: no caller waits for it, and nothing is lost by it."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, event
from structlog.testing import capture_logs

from dialplan import names
from pbx.asterisk.engine.runtime import ServiceUser
from pbx.base.clock import DemoClock
from pbx.calls.live import LivePlan
from pbx.calls.recent import RecentCallers
from pbx.calls.record.spool import Fact, Spool, read
from pbx.calls.standby.keeper import PlanShelf, StandBy
from pbx.config.home import Home
from pbx.config.secrets import Secrets
from pbx.db import messages, records
from pbx.db.calls import get_call
from pbx.db.changes import add_override, list_overrides
from pbx.db.damage import ASIDE, set_aside
from pbx.db.database import open_database
from pbx.db.overlay import applied_texts
from pbx.db.plans import apply_text
from pbx.db.writer import LogWriter
from pbx.ops.doctor import examine
from pbx.service.recovery import recover
from routing.model import Override
from tests.support.ami_peer import until
from tests.support.daemons import DAY, OFFICE, PATIENT, ROOT, asked, parsed, serving

TEXT = (ROOT / "config" / "office.toml").read_text()
NIGHT_TEXT = re.sub(r"^(mon-thu|fri) = \[.*\]$", "", TEXT, flags=re.MULTILINE)  # always closed
START = records.CallStarted("1.1", DAY, "main", OFFICE, PATIENT, "a")
ENDED = records.CallEnded("1.1", DAY + timedelta(seconds=9), "abandoned")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home of our own user's."""
    found = Home(tmp_path / "home")
    found.prepare(ServiceUser(None, 0, 0))
    return found


def spilling(home: Home) -> Callable[[Sequence[records.Record]], None]:
    """Spill as the daemon does."""
    return lambda batch: Spool(home.spool).put(Fact(batch[0].call, DAY, tuple(batch)))


async def test_a_locked_database_delays_no_caller_and_gets_the_message_later(home: Home) -> None:
    """The verdict comes in time, with the message on the disk; it is in the inbox once."""
    async with serving(home, NIGHT_TEXT) as (daemon, port):
        with closing(sqlite3.connect(home.database, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            began = time.monotonic()
            answer = await asked(port, "1.1", event=names.PRESSED)
            assert time.monotonic() - began < 1.5
            assert f"{names.VERB}={names.NUMBER}" in answer
            assert any(read(path).draft for path in Spool(home.spool).waiting())  # type: ignore[union-attr]  # all are facts
            assert daemon.writer.flush(10)
            other.execute("ROLLBACK")
        await until(lambda: not Spool(home.spool).waiting())
        daemon.recorder.settle()
        assert daemon.writer.flush(10)
        engine = open_database(home.database)
        (message,) = messages.list_open(engine)
        history = get_call(engine, "1.1")
        engine.dispose()
    assert (message.id, message.urgency, message.callback_number) == ("1.1", "urgent", PATIENT)
    assert history is not None
    assert [one.what for one in history.events] == ["turn"]


def full(path: Path) -> Engine:
    """Open a database that cannot grow by one page."""
    engine = open_database(path)

    @event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _record: object) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages}")

    return engine


def test_what_a_full_disk_does_not_take_is_spilled(home: Home) -> None:
    """Each record is in the database or in the spool, and none is given up."""
    writer = LogWriter(lambda: full(home.database), spill=spilling(home))
    wanted = [
        records.EventNoted(f"1.{number}", DAY, "turn", {"verb": "x" * 200}) for number in range(900)
    ]
    for record in wanted:
        writer.put(record)
    writer.start()
    writer.close()
    facts = [read(path) for path in Spool(home.spool).waiting()]
    assert facts
    spilled = {one.call for fact in facts if fact is not None for one in fact.records}
    engine = open_database(home.database)
    missing = [one.call for one in wanted if one.call not in spilled]
    assert all(get_call(engine, call) is not None for call in missing)
    engine.dispose()


def test_a_database_that_takes_nothing_is_reported_once(home: Home) -> None:
    """An error in the log, however many records come; the doctor says so; and when it is over."""
    engine = open_database(home.database)
    config = home.folder.parent / "office.toml"
    with capture_logs() as reported:
        writer = LogWriter(lambda: open_database(home.database), spill=spilling(home))
        writer.start()
        with closing(sqlite3.connect(home.database, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            for record in (START, ENDED):
                writer.put(record)
                assert writer.flush(10)
            (found,) = [one for one in examine(config, home.folder) if one.name == "database"]
            assert not found.ok
            assert "is locked by another program" in found.detail
            assert found.detail.endswith("records waiting to be imported: 2")
            other.execute("ROLLBACK")
        writer.put(START)
        assert writer.flush(10)
        writer.close()
    engine.dispose()
    wanted = ("calllog.refused", "calllog.takes_again")
    said = [(one["event"], one["log_level"]) for one in reported if one["event"] in wanted]
    assert said == [("calllog.refused", "error"), ("calllog.takes_again", "info")]


def test_a_database_found_damaged_is_reported(home: Home) -> None:
    """Records go to the spool meanwhile."""
    open_database(home.database).dispose()
    spoil(home.database, 4096)
    writer = LogWriter(lambda: open_database(home.database), spill=spilling(home))
    writer.start()
    writer.put(START)
    assert writer.flush(10)
    writer.close()
    assert writer.damaged
    assert len(Spool(home.spool).waiting()) == 1


def spoil(database: Path, first: int) -> None:
    """Overwrite a database from a byte on."""
    for part in ("-wal", "-shm"):
        Path(f"{database}{part}").unlink(missing_ok=True)
    with database.open("r+b") as file:
        file.seek(first)
        file.write(b"\xa5" * (database.stat().st_size - first))


@pytest.mark.parametrize("first", [0, 4096])
def test_a_damaged_database_is_set_aside_and_the_plan_goes_on(home: Home, first: int) -> None:
    """Renamed and never deleted; the new one has the plan and what lay over it."""
    engine = open_database(home.database)
    configuration = parsed(TEXT)
    apply_text(engine, TEXT, configuration.plan.hash, by="amy", now=DAY)
    end = DAY + timedelta(days=1)
    shift = Override(0, "doctors", "add", "lee", None, DAY, end, "ill")
    add_override(engine, shift, by="amy", now=DAY)
    engine.dispose()
    live = LivePlan(configuration.plan, Secrets(), home)
    live.open()
    clock = DemoClock(DAY)
    StandBy(PlanShelf(home), live, RecentCallers(), clock).write()
    live.close()
    assert recover(home, clock) is None
    spoil(home.database, first)
    before = home.database.read_bytes()
    aside = recover(home, clock)
    assert aside is not None
    assert aside.read_bytes() == before
    (applied,) = applied_texts(home.database)
    assert applied.text == TEXT
    engine = open_database(home.database)
    (made,) = list_overrides(engine)
    engine.dispose()
    assert (made.change.person, made.change.end) == ("lee", end)
    reported = {one.name: one for one in examine(home.folder / "office.toml", home.folder)}[
        "database"
    ]
    assert (reported.ok, ASIDE in reported.detail) == (False, True)


def test_a_database_in_use_is_not_set_aside(home: Home) -> None:
    """Locked is not damaged, and neither is one that is not there."""
    assert set_aside(home.database) is None
    engine = open_database(home.database)
    with closing(sqlite3.connect(home.database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert set_aside(home.database) is None
    engine.dispose()
