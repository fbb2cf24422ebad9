"""What stands around the control layer fails: Asterisk, trunk, clock, network."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import pytest

from pbx.config.home import Home
from pbx.db import follow_ups
from pbx.db.database import open_database
from pbx.demo.carrier.handset import Handset, PhoneCall, answers, refuses
from pbx.demo.scenes import BACK_LINE, patient, physician
from pbx.demo.stage import MOBILES, TONES, staged
from tests.conftest import Saw
from tests.faults.line import Line, line_up
from tests.faults.oracle import DEADLINE, dialed_nobody_else, invited
from tests.support.office_up import ROOT, until
from tests.support.stages import did_not_ring, never_answers

pytestmark = pytest.mark.long
RTP_TIMEOUT_S = 60
CALL_ID = re.compile(r"^Call-ID: *(\S+)", re.MULTILINE)


def asterisk_pid(home: Home) -> int:
    """Read the process id of the office's Asterisk."""
    return int((home.asterisk / "run" / "asterisk.pid").read_text())


async def test_asterisk_stands_still(saw: Saw) -> None:
    """Row 9: half-open, the manager's connection is dropped and made anew; nothing is replayed."""
    async with line_up() as line:
        pid = asterisk_pid(line.up.home)
        connected = line.up.reported("ami.connected")
        os.kill(pid, signal.SIGSTOP)
        await until(lambda: line.up.reported("ami.lost") > 0)
        os.kill(pid, signal.SIGCONT)
        await until(lambda: line.up.reported("ami.connected") > connected)
        await line.reaches("+19175550161")
        (row,) = await line.holds()
        assert row.outcome == "connected"
        saw("reconnected by itself, and the next call was logged")


async def test_asterisk_stands_still_while_the_follow_up_calls(saw: Saw) -> None:
    """Row 9: the call that was asked for and not answered is made, once, and no other with it."""
    async with line_up() as line:
        await asyncio.to_thread(line.leave_message, due_in_s=2)
        for number in MOBILES.values():
            line.up.carrier.answers(number, never_answers())
        pid, connected = asterisk_pid(line.up.home), line.up.reported("ami.connected")
        os.kill(pid, signal.SIGSTOP)
        await until(lambda: line.up.reported("ami.lost") > 0)
        assert await asyncio.to_thread(attempts, line) == [None]  # it was asked for before
        os.kill(pid, signal.SIGCONT)
        await until(lambda: line.up.reported("ami.connected") > connected)
        phone = await line.rings()
        await phone.ended(DEADLINE)
        async with asyncio.timeout(DEADLINE):
            while await asyncio.to_thread(attempts, line) == [None]:
                await asyncio.sleep(0.1)
        assert await asyncio.to_thread(attempts, line) == ["no answer"]
        assert invited(line.up.carrier) == [phone.number]
        await line.holds()
        saw("connection lost while a call was requested: the mobile rang once")


async def test_a_kicked_connection_while_the_follow_up_calls(saw: Saw) -> None:
    """Row 9: the mobile rings on, is not called again, and what comes of it is written."""
    async with line_up() as line:
        for number in MOBILES.values():
            line.up.carrier.answers(number, never_answers())
        await asyncio.to_thread(line.leave_message, due_in_s=0)
        phone = await line.rings()
        connected = line.up.reported("ami.connected")
        sessions = (await line.console("manager show connected")).splitlines()
        (descriptor,) = [one.split()[4] for one in sessions if one.startswith("  officeline")]
        await line.console(f"manager kick session {descriptor}")
        await until(lambda: line.up.reported("ami.connected") > connected)
        await phone.ended(DEADLINE)
        async with asyncio.timeout(DEADLINE):
            while await asyncio.to_thread(attempts, line) == [None]:
                await asyncio.sleep(0.1)
        assert await asyncio.to_thread(attempts, line) == ["no answer"]
        assert invited(line.up.carrier) == [phone.number]
        await line.holds()
        saw("disconnected while a mobile rang: it continued to ring, only once")


def attempts(line: Line) -> list[str | None]:
    """List what came of the follow-up's calls about that message; blocking."""
    engine = open_database(line.up.home.database)
    try:
        return [one.result for one in follow_ups.attempts(engine, "left")]
    finally:
        engine.dispose()


async def test_a_wrong_manager_password(saw: Saw) -> None:
    """Row 10: the control layer ends with a sentence; patients are answered all the same."""
    async with line_up() as line:
        conf = line.up.home.asterisk / "etc" / "manager.conf"
        text = conf.read_text()
        conf.write_text(re.sub(r"^secret *= *.*$", "secret = changed", text, flags=re.MULTILINE))
        await line.console("manager reload")
        line.kill()
        await until(lambda: line.up.reported("password") > 0)
        await line.reaches("+19175550161")
        assert line.up.process.returncode is None
        conf.write_text(text)
        await line.console("manager reload")
        served = line.up.reported("daemon.serving")
        await until(lambda: line.up.reported("daemon.serving") > served)
        (row,) = await line.holds()
        assert row.outcome == "connected"
        saw("the log named the mistake; the standby rang the physician")


async def test_the_trunk_is_silent(saw: Saw) -> None:
    """Row 18: not even a provisional answer; each step ends at its second timeout."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mute:
        mute.bind(("127.0.0.2", 0))
        port = mute.getsockname()[1]
        async with line_up(
            edit=lambda text: re.sub(r"^port = \d+$", f"port = {port}", text, flags=re.MULTILINE)
        ) as line:
            first: dict[str, float] = {}
            listens = asyncio.create_task(hears(mute, first))
            call = await line.dials(BACK_LINE, patient(at_most=60))
            await call.ended(DEADLINE)
            listens.cancel()
            (row,) = await line.holds()
            assert (row.outcome, row.message is not None) == ("message", True)
            oncall, backup, *_ = first.values()
            saw("each step was skipped, and a message was taken", backup - oncall)


async def hears(mute: socket.socket, first: dict[str, float]) -> None:
    """Answer nothing; note when each call's first INVITE came, in seconds."""
    mute.setblocking(False)
    while True:
        data = await asyncio.get_running_loop().sock_recv(mute, 65535)
        if data.startswith(b"INVITE ") and (known := CALL_ID.search(data.decode())):
            first.setdefault(known[1], time.monotonic())


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
        (row,) = await line.holds()
        assert (row.outcome, row.message is not None) == ("message", True)
        saw("`check` exited 1; during the call all three physicians rang", max(line.waited_s))


@pytest.mark.parametrize(
    ("at", "hours"), [("2026-11-01 01:59", 1), ("2027-03-14 01:59", 1), ("2026-11-28 02:10", -1)]
)
async def test_the_clock_jumps(saw: Saw, at: str, hours: int) -> None:
    """Row 28: an hour is gone or comes twice in mid-escalation; the steps keep their order."""
    with tempfile.TemporaryDirectory(prefix="officeline-fault-") as name:
        async with staged(Path(name), ROOT / "config/office.toml", at) as stage:
            first, second = stage.person("oncall"), stage.person("backup")
            stage.carrier.answers(MOBILES[first], never_answers())
            stage.carrier.answers(MOBILES[second], physician(second))
            caller = "+19175550161"
            call = await stage.carrier.dials(BACK_LINE, caller=caller, script=patient())
            await stage.carrier.rings(MOBILES[first], DEADLINE)
            assert did_not_ring(stage.carrier, MOBILES[second])
            stage.clock.set(stage.clock.now() + timedelta(hours=hours))
            await stage.carrier.rings(MOBILES[second], DEADLINE)
            await call.ended(DEADLINE)
            history = await stage.finished(caller)
            assert {leg.person for leg in history.legs} == {first, second}
            assert (history.call.outcome, history.call.person) == ("connected", second)
            dialed_nobody_else(stage.carrier)
            saw(f"{at[:10]}, {hours:+} h: person on call, then backup, as before")


async def test_the_clock_is_set_back(saw: Saw) -> None:
    """Row 28: by an hour, while a message waits for its next call, which comes when it was due."""
    async with line_up(edit=retries) as line:
        first = await followed_up(line)
        line.fault.write_text("clock -3600")
        again = await line.rings(first.number)
        await again.ended(DEADLINE)
        line.fault.unlink()
        await line.holds()
        waited = (again.rang_at or 0) - (first.rang_at or 0)
        saw("set back by an hour: the follow-up's next call came on time", waited)


def retries(text: str) -> str:
    """Let the follow-up call again after 20 s."""
    return text.replace('cut_off = "1s"', 'cut_off = "1s", retry = "20s"')


async def declines(phone: Handset) -> None:
    """Pick up and hang up: nobody else is called at once."""
    await phone.ring(0.2)
    await phone.answer()
    await phone.hang_up()


async def followed_up(line: Line) -> PhoneCall:
    """Leave an urgent message that all decline; return the follow-up's first call about it."""
    for number in MOBILES.values():
        line.up.carrier.answers(number, declines)
    call = await line.dials(BACK_LINE, patient())
    first = await line.rings()
    await line.rings(*(set(MOBILES.values()) - {first.number}))
    await line.up.carrier.hang_up(call)
    follow_up = await line.rings(first.number)
    await asyncio.gather(call.ended(DEADLINE), follow_up.ended(DEADLINE))
    return follow_up


async def test_asterisk_is_killed(saw: Saw) -> None:
    """Row 35: it is started again; the call counts as interrupted, and its message escalates."""
    async with line_up() as line:
        for number in MOBILES.values():
            line.up.carrier.answers(number, never_answers())
        call = await line.dials(BACK_LINE, patient(at_most=10))
        await line.rings()
        connected = line.up.reported("ami.connected")
        os.kill(asterisk_pid(line.up.home), signal.SIGKILL)
        line.answered()
        await until(lambda: line.up.reported("ami.connected") > connected)
        again = await line.rings()  # the follow-up, about the message of a call that nobody saw end
        await asyncio.gather(again.ended(DEADLINE), line.up.carrier.hang_up(call))
        await call.ended(DEADLINE)
        (row,) = await line.holds()
        assert (row.outcome, row.message is not None) == ("interrupted", True)
        await line.reaches("+19175550162")
        saw("restarted; the call was logged as interrupted, and the follow-up called about it")


async def test_the_callers_network_vanishes(saw: Saw) -> None:
    """Row 36: no packet comes any more, and no BYE: the call ends at the RTP timeout."""
    async with line_up() as line:
        for person, number in MOBILES.items():
            script = answers(after=1, press="1", tone=TONES[person], talk=2)
            line.up.carrier.answers(number, script)
        call = await line.dials(BACK_LINE, patient(at_most=80))
        await (await line.rings()).answered(DEADLINE)
        await line.accepted(call)
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
        call.has_ended()  # the network, which stood still, lost sight of its own
        (row,) = await line.holds()
        assert row.outcome == "connected"
        saw("the channels ended; logged as connected", took)
