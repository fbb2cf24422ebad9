"""The database is locked, full, read-only, damaged or huge: nobody waits, and nothing is lost."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from dialplan import names
from pbx.calls.record.spool import Spool
from pbx.config.home import Home
from pbx.db.damage import aside_of
from pbx.demo.scenes import BACK_LINE, MAIN, patient
from pbx.ops.doctor import examine
from tests.conftest import Saw
from tests.faults.line import Line, line_up, read_only
from tests.faults.oracle import DEADLINE
from tests.support.office_up import until

pytestmark = pytest.mark.long
WARM_UP, ROUTES = 20, 400


async def test_the_database_is_locked(saw: Saw) -> None:
    """Row 11: somebody holds it for a whole call; what happened is written later, once."""
    async with line_up() as line:
        await line.reaches("+19175550161")
        (free,) = line.waited_s
        with closing(sqlite3.connect(line.up.home.database, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            line.answered()
            call = await line.dials(BACK_LINE, patient(at_most=8), "+19175550162")
            await line.rings()
            await call.ended(DEADLINE)
            assert line.reached(call)
            other.execute("ROLLBACK")
        rows = await line.holds()
        assert [row.outcome for row in rows] == ["connected", "connected"]
        assert calls_in(line.up.home.database) == len(rows)
        saw("the phone rang; the call was logged after the lock ended", line.waited_s[-1] - free)


async def test_the_disk_is_full(saw: Saw) -> None:
    """Row 12: not a byte can be written; the physician rings all the same, and it is told."""
    async with line_up(disk_mb=96) as line:
        filler = line.up.home.folder / "filler"
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(65536))
        line.answered()
        call = await line.dials(BACK_LINE, patient(at_most=8))
        await line.rings()
        await call.ended(DEADLINE)
        assert line.reached(call)
        await until(lambda: line.up.reported("calllog.refused") == 1)
        assert "disk" in await asyncio.to_thread(troubles, line.up.home)
        filler.unlink()
        (row,) = await line.holds()
        assert row.outcome in {"connected", "interrupted"}
        saw(f"rang as before; logged as {row.outcome} after space was freed", line.waited_s[-1])


async def test_the_database_is_read_only(saw: Saw) -> None:
    """Row 13: not even root can write it; what happened waits on the disk, and is told."""
    async with line_up() as line:
        home = line.up.home
        await line.reaches("+19175550161")
        await line.holds()
        with read_only(home.database):
            await line.reaches("+19175550162")
            await until(lambda: bool(Spool(home.spool).waiting()))
            assert line.up.reported("calllog.refused") == 1
            assert "cannot be written (" in await asyncio.to_thread(database_check, home)
        rows = await line.holds()
        assert [row.outcome for row in rows] == ["connected", "connected"]
        await until(lambda: not Spool(home.spool).waiting())
        assert await asyncio.to_thread(database_check, home) == "none was damaged"
        waited = line.waited_s[-1]
        await line.reaches("+19175550163")
        rows = await line.holds()
        assert [row.outcome for row in rows] == ["connected"] * 3
        assert line.up.reported("calllog.takes_again") == 1
        assert calls_in(home.database) == len(rows)
        saw("read-only: kept in the spool, reported, and imported once afterward", waited)


async def test_a_start_with_a_read_only_database(saw: Saw) -> None:
    """Row 13: the control layer says why it cannot start, tries again, and the standby answers."""
    async with line_up() as line:
        home = line.up.home
        await line.reaches("+19175550161")
        await line.holds()
        with read_only(home.database):
            line.kill()
            await until(lambda: line.up.reported("cannot be written (") > 1)
            await line.reaches("+19175550162")
            assert "cannot be written (" in await asyncio.to_thread(database_check, home)
            await line.up.ends()
            await line.up.starts()
            refused = line.up.reported("cannot be written (")
            await until(lambda: line.up.reported("cannot be written (") > refused)
            await line.reaches("+19175550163")
        served = line.up.reported("daemon.serving")
        await until(lambda: line.up.reported("daemon.serving") > served)
        rows = await line.holds()
        assert [row.outcome for row in rows] == ["connected"] * 3
        assert calls_in(home.database) == len(rows)
        saw(
            "at a start: the standby rang the physician, and the call was imported once",
            line.waited_s[-1],
        )


def database_check(home: Home) -> str:
    """Say what `doctor` finds of the database; blocking."""
    checks = examine(home.folder.parent / "office.toml", home.folder)
    return next(one.detail for one in checks if one.name == "database")


def troubles(home: Home) -> list[str]:
    """Name what `doctor` finds wrong; blocking."""
    checks = examine(home.folder.parent / "office.toml", home.folder)
    return [one.name for one in checks if not one.ok]


def calls_in(database: Path) -> int:
    """Count the calls in the log."""
    with closing(sqlite3.connect(database)) as reader:
        (count,) = reader.execute("SELECT count(*) FROM call").fetchone()
    return int(count)


async def test_the_database_is_corrupt(saw: Saw) -> None:
    """Row 13: it is set aside as it was, never deleted; the line goes on with a new one."""
    async with line_up() as line:
        home = line.up.home
        await line.reaches("+19175550161")
        await line.holds()
        with line.nobody_restarts():
            line.kill()
            checkpoint(home.database)
            with home.database.open("r+b") as file:
                file.write(os.urandom(40_000))
            damaged = home.database.read_bytes()
        assert await set_aside(line) == damaged
        line.calls.clear()
        await line.reaches("+19175550162")
        (row,) = await line.holds()
        assert row.outcome == "connected"
        saw("the file was renamed and kept; the next call was answered and logged")


async def test_the_database_is_damaged_in_use(saw: Saw) -> None:
    """Row 13: pages go bad under a running control layer: as 11, and open messages stay open."""
    async with line_up() as line:
        home = line.up.home
        await line.reaches("+19175550161")
        await line.holds()
        checkpoint(home.database)
        garbage = overwrite(home.database, "leg")
        await asyncio.to_thread(line.leave_message, due_in_s=3600)  # what others cached is void
        await line.reaches("+19175550162")
        waited = line.waited_s[-1]
        await until(lambda: line.up.reported("calllog.refused") == 1)
        line.kill()
        assert garbage in await set_aside(line)
        await line.reaches("+19175550163")
        rows = await line.holds()
        assert [row.outcome for row in rows] == ["connected"] * 3
        assert [one.id for one in await asyncio.to_thread(line.open_messages)] == ["left"]
        saw(
            "while in use: calls went to the spool, and the file was renamed at the restart; the "
            "open message is still open",
            waited,
        )


def checkpoint(database: Path) -> None:
    """Bring everything into the one file."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def overwrite(database: Path, table: str) -> bytes:
    """Damage the first page of a table; return what stands there now."""
    ask = "SELECT rootpage, page_size FROM sqlite_schema, pragma_page_size WHERE name = ?"
    with closing(sqlite3.connect(database)) as connection:
        page, size = connection.execute(ask, (table,)).fetchone()
    garbage = os.urandom(size)
    with database.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(garbage)
    return garbage


async def set_aside(line: Line) -> bytes:
    """Wait for the next start, and read what it set aside."""
    served = line.up.reported("daemon.serving")
    await until(lambda: line.up.reported("daemon.serving") > served)
    (name,) = aside_of(line.up.home.database)
    return (line.up.home.folder / name).read_bytes()


async def test_a_million_calls_are_logged(saw: Saw) -> None:
    """Row 14: the time of a route does not depend on what was logged.

    Two lines are asked by turns, so that the machine's moods are both lines'.
    """
    async with line_up(closed=True) as empty, line_up(closed=True) as full:
        full.kill()
        with full.nobody_restarts():
            await asyncio.to_thread(_seed, full.up.home.database, 1_000_000)
        served = full.up.reported("daemon.serving")
        await until(lambda: full.up.reported("daemon.serving") > served)
        agis = [line.up.home.recall_ports().agi for line in (empty, full)]
        for kind in (names.ARRIVED, names.KEYED):  # a verdict alone, and one with a message
            took: tuple[list[float], list[float]] = ([], [])
            for number in range(WARM_UP + ROUTES):
                for agi, seconds in zip(agis, took, strict=True):
                    seconds.append(await _route(agi, f"{kind[0]}.{number}", kind))
            before, after = (sorted(seconds[WARM_UP:]) for seconds in took)
            p50, p99 = (after[at] / before[at] for at in (ROUTES // 2, ROUTES * 99 // 100))
            assert p50 < 2, (p50, p99)  # a look through the log would be hundreds
            saw(
                f"{kind}: p50 {p50:.2f} and p99 {p99:.2f} times that of an empty log "
                f"({before[ROUTES // 2] * 1e3:.1f} ms)"
            )


async def _route(port: int, unique: str, event: str) -> float:
    """Ask the control layer as Asterisk does; return how many seconds the verdict took."""
    fields = {"network": "yes", "uniqueid": unique, "callerid": "9175550100", "arg_1": "1"}
    fields |= {"network_script": "route", "arg_2": MAIN, "arg_3": event}
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = time.monotonic()
    writer.write("".join(f"agi_{key}: {value}\n" for key, value in fields.items()).encode() + b"\n")
    answer = await reader.readline()
    took = time.monotonic() - began
    writer.close()
    assert b"OL_VERDICT" in answer or b"MULTISET" in answer, answer
    return took


def _seed(database: Path, count: int) -> None:
    """Write so many old calls, each third with a message."""
    at = "strftime('%Y-%m-%dT%H:%M:%S', '2020-01-01', i || ' minutes') || '.000000Z'"
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)"
    calls = f"""
        INSERT INTO call (id, started_at, ended_at, line, did, caller, urgency, outcome, plan)
        {numbers} SELECT 'old' || i, {at}, {at}, 'main', :did, '+1917' || (5000000 + i),
                         'urgent', 'message', 'a' FROM n
    """  # noqa: S608  # our own constants
    inbox = f"""
        INSERT INTO message (id, call, opened_at, state, urgency, callback_number, flags)
        {numbers} SELECT 'old' || i, 'old' || i, {at}, 'closed', 'urgent',
                         '+1917' || (5000000 + i), '[]' FROM n WHERE i % 3 = 0
    """  # noqa: S608  # our own constants
    events = f"""
        INSERT INTO message_event (message, at, what, detail)
        {numbers} SELECT 'old' || i, {at}, 'opened', '{{}}' FROM n WHERE i % 3 = 0
    """  # noqa: S608  # our own constants
    with closing(sqlite3.connect(database)) as connection, connection:
        for statement in (calls, inbox, events):
            connection.execute(statement, {"count": count, "did": MAIN})
