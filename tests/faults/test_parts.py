"""What stands around the control layer fails: Asterisk, database, disk, trunk, clock, network."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from pbx.carrier.handset import answers, never_answers, refuses
from pbx.demo.scenes import BACK_LINE, MAIN, patient, physician
from pbx.demo.stage import MOBILES, TONES, staged
from pbx.home import Home
from tests.faults.conftest import Saw
from tests.faults.line import DEADLINE, Line, line_up
from tests.support.office_up import ROOT, until

pytestmark = pytest.mark.long
RTP_TIMEOUT_S = 60


def asterisk_pid(home: Home) -> int:
    """Read the process id of the office's Asterisk."""
    return int((home.asterisk / "run" / "asterisk.pid").read_text())


async def reaches(line: Line, caller: str) -> None:
    """Call the back line; a physician is reached."""
    line.answered()
    call = await line.dials(BACK_LINE, patient(at_most=8), caller)
    await line.rings()
    await call.ended(DEADLINE)
    assert line.reached(call)


async def test_asterisk_stands_still(saw: Saw) -> None:
    """Row 9: half-open, the manager's connection is dropped and made anew; nothing is replayed."""
    async with line_up() as line:
        pid = asterisk_pid(line.up.home)
        connected = line.up.told("ami.connected")
        os.kill(pid, signal.SIGSTOP)
        await until(lambda: line.up.told("ami.lost") > 0)
        os.kill(pid, signal.SIGCONT)
        await until(lambda: line.up.told("ami.connected") > connected)
        await reaches(line, "+19175550161")
        (row,) = await line.holds()
        assert row.outcome == "connected"
        saw("reconnected by itself; the next call was logged")


async def test_a_wrong_manager_password(saw: Saw) -> None:
    """Row 10: the control layer ends with a sentence; patients are answered all the same."""
    async with line_up() as line:
        conf = line.up.home.asterisk / "etc" / "manager.conf"
        text = conf.read_text()
        conf.write_text(re.sub(r"^secret *= *.*$", "secret = changed", text, flags=re.MULTILINE))
        await line.console("manager reload")
        line.kill()
        await until(lambda: line.up.told("password") > 0)
        await reaches(line, "+19175550161")
        assert line.up.process.returncode is None
        conf.write_text(text)
        await line.console("manager reload")
        served = line.up.told("daemon.serving")
        await until(lambda: line.up.told("daemon.serving") > served)
        (row,) = await line.holds()
        assert row.outcome == "connected"
        saw("said in the log what is wrong; the standby rang the physician")


async def test_the_database_is_locked(saw: Saw) -> None:
    """Row 11: somebody holds it for a whole call; what happened is written later, once."""
    async with line_up() as line:
        await reaches(line, "+19175550161")
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
        with closing(sqlite3.connect(line.up.home.database)) as reader:
            (count,) = reader.execute("SELECT count(*) FROM call").fetchone()
        assert count == len(rows)
        saw("rang as before; the call was written when the lock was gone", line.waited_s[-1])


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
        filler.unlink()
        (row,) = await line.holds()
        assert row.outcome in {"connected", "interrupted"}
        saw(f"rang as before; logged as {row.outcome} when there was room", line.waited_s[-1])


async def test_the_database_is_corrupt(saw: Saw) -> None:
    """Row 13: it is set aside, never deleted; the line goes on with a new one."""
    async with line_up() as line:
        await reaches(line, "+19175550161")
        await line.holds()
        with line.nobody_restarts():
            line.kill()
            for name in ("-wal", "-shm"):
                Path(f"{line.up.home.database}{name}").unlink(missing_ok=True)
            with line.up.home.database.open("r+b") as file:
                file.write(os.urandom(40_000))
        served = line.up.told("daemon.serving")
        await until(lambda: line.up.told("daemon.serving") > served)
        aside = [one.name for one in line.up.home.folder.iterdir() if "corrupt" in one.name]
        assert aside, sorted(one.name for one in line.up.home.folder.iterdir())
        line.calls.clear()
        await reaches(line, "+19175550162")
        (row,) = await line.holds()
        assert row.outcome == "connected"
        saw("set aside; the next call was answered and logged")


async def test_a_million_calls_are_logged(saw: Saw) -> None:
    """Row 14: the time of a route does not depend on what was logged."""
    async with line_up(closed=True) as line:
        agi = line.up.home.recall_ports().agi
        before = [await _route(agi, f"b{number}") for number in range(200)]
        line.kill()
        with line.nobody_restarts():
            await asyncio.to_thread(_seed, line.up.home.database, 1_000_000)
        served = line.up.told("daemon.serving")
        await until(lambda: line.up.told("daemon.serving") > served)
        after = [await _route(agi, f"a{number}") for number in range(200)]
        ratio = sorted(after)[-2] / sorted(before)[-2]
        assert ratio < 5, (sorted(before)[-5:], sorted(after)[-5:])  # a scan would be hundreds
        saw(f"p99 of a route: {ratio:.1f} times that of an empty log")


async def _route(port: int, unique: str) -> float:
    """Ask the control layer as Asterisk does; return how many seconds the verdict took."""
    fields = {"network": "yes", "uniqueid": unique, "callerid": "9175550100", "arg_1": "1"}
    fields |= {"network_script": "route", "arg_2": MAIN, "arg_3": "arrived"}
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = time.monotonic()
    writer.write("".join(f"agi_{key}: {value}\n" for key, value in fields.items()).encode() + b"\n")
    answer = await reader.readline()
    took = time.monotonic() - began
    writer.close()
    assert b"OL_VERDICT" in answer or b"MULTISET" in answer, answer
    return took


def _seed(database: Path, count: int) -> None:
    """Write so many old calls."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute(
            """
            INSERT INTO call (id, started_at, ended_at, line, did, caller, urgency, outcome, plan)
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
            SELECT 'old' || i, strftime('%Y-%m-%dT%H:%M:%S', '2020-01-01', i || ' minutes')
                   || '.000000Z', strftime('%Y-%m-%dT%H:%M:%S', '2020-01-01', i || ' minutes')
                   || '.000000Z', 'main', ?, '+1917' || (5000000 + i), 'routine', 'message', 'a'
            FROM n
            """,
            (count, MAIN),
        )


async def test_the_trunk_is_silent(saw: Saw) -> None:
    """Row 18: not even a provisional answer; each step ends at its second timeout."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.2", 0))
        port = mute.getsockname()[1]
        async with line_up(
            edit=lambda text: re.sub(r"^port = \d+$", f"port = {port}", text, flags=re.MULTILINE)
        ) as line:
            began = time.monotonic()
            call = await line.dials(BACK_LINE, patient(at_most=60))
            await call.ended(DEADLINE)
            (row,) = await line.holds()
            assert (row.outcome, row.message is not None) == ("message", True)
            took = time.monotonic() - began
            saw(f"every step was skipped after 4 s; a message was taken, {took:.0f} s in all")


async def test_nobody_is_on_call(saw: Saw) -> None:
    """Row 26: such a file is refused; if it runs all the same, everyone rings."""

    def nobody(text: str) -> str:
        return text.replace('since = "2026-01-05"', 'since = "2035-01-01"')

    with tempfile.TemporaryDirectory() as name:
        config = Path(name) / "office.toml"
        config.write_text(nobody((ROOT / "config/office.toml").read_text()))
        words = ["-m", "cli", "--config", str(config), "--home", name, "check"]
        done = await asyncio.create_subprocess_exec(
            sys.executable, *words, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL
        )
        assert await done.wait() == 1
    async with line_up(edit=nobody) as line:
        for number in MOBILES.values():
            line.up.carrier.answers(number, refuses(486))
        call = await line.dials(BACK_LINE, patient(at_most=30))
        for number in MOBILES.values():
            await line.rings(number)
        await line.up.carrier.hang_up(call)
        await call.ended(DEADLINE)
        saw("check exits 1; at run time all three physicians rang", max(line.waited_s))


@pytest.mark.parametrize("at", ["2026-11-01 01:59", "2027-03-14 01:59"])
async def test_the_clock_jumps(saw: Saw, at: str) -> None:
    """Row 28: an hour is gone or comes twice in mid-ladder; the steps keep their order."""
    with tempfile.TemporaryDirectory(prefix="officeline-fault-") as name:
        async with staged(Path(name), ROOT / "config/office.toml", at) as stage:
            first, second = stage.person("oncall"), stage.person("backup")
            stage.carrier.answers(MOBILES[first], never_answers())
            stage.carrier.answers(MOBILES[second], physician(second))
            caller = "+19175550161"
            call = await stage.carrier.dials(BACK_LINE, caller=caller, script=patient())
            await stage.carrier.rings(MOBILES[first], DEADLINE)
            stage.clock.set(stage.clock.now() + timedelta(hours=1))
            await stage.carrier.rings(MOBILES[second], DEADLINE)
            await call.ended(DEADLINE)
            history = await stage.finished(caller)
            assert [leg.person for leg in history.legs] == [first, second]
            assert history.call.outcome == "connected"
            saw(f"{at[:10]}: on call, then backup, as before")


async def test_asterisk_is_killed(saw: Saw) -> None:
    """Row 35: it is started again; the call counts as interrupted, and its message escalates."""
    async with line_up() as line:
        for number in MOBILES.values():
            line.up.carrier.answers(number, never_answers())
        call = await line.dials(BACK_LINE, patient(at_most=10))
        await line.rings()
        connected = line.up.told("ami.connected")
        os.kill(asterisk_pid(line.up.home), signal.SIGKILL)
        line.answered()
        await until(lambda: line.up.told("ami.connected") > connected)
        again = await line.rings()  # the relay, about the message of a call that nobody saw end
        await asyncio.gather(again.ended(DEADLINE), line.up.carrier.hang_up(call))
        await call.ended(DEADLINE)
        (row,) = await line.holds()
        assert (row.outcome, row.message is not None) == ("interrupted", True)
        await reaches(line, "+19175550162")
        saw("started again; interrupted, and the relay called about it")


async def test_the_callers_network_vanishes(saw: Saw) -> None:
    """Row 36: no packet comes any more, and no BYE: the call ends at the RTP timeout."""
    async with line_up() as line:
        for person, number in MOBILES.items():
            script = answers(after=1, press="1", tone=TONES[person], talk=2)
            line.up.carrier.answers(number, script)
        await line.dials(BACK_LINE, patient(at_most=80))
        await (await line.rings()).answered(DEADLINE)
        await asyncio.sleep(3)
        network = line.up.carrier.pid
        assert network
        os.kill(network, signal.SIGSTOP)
        began = time.monotonic()
        try:
            async with asyncio.timeout(RTP_TIMEOUT_S + 30):
                while "0 active channels" not in await line.console("core show channels"):
                    await asyncio.sleep(0.5)
        finally:
            os.kill(network, signal.SIGCONT)
        took = time.monotonic() - began
        saw(f"the channels were gone after {took:.0f} s")
