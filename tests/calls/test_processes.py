"""`officeline up` as an administrator runs it: real processes, killed and ended."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pbx.asterisk.engine.ports import is_free
from pbx.db import messages
from pbx.db.calls import list_calls
from pbx.db.database import open_database
from pbx.demo.carrier.handset import Handset, answers
from pbx.demo.scenes import BACK_LINE, MAIN, patient, physician
from pbx.demo.stage import MOBILES, PATIENT_TONE, TONES
from pbx.ops.doctor import examine
from pbx.ops.security.asked import console
from pbx.ops.trunk import registration
from tests.support.office_up import DEADLINE, ROOT, Up, office_up, reach_somebody, until


@pytest.mark.long
async def test_a_dead_control_layer_still_rings_a_human() -> None:
    """Hung or killed, the caller reaches the physician on call; one Ctrl-C ends everything."""
    with tempfile.TemporaryDirectory(prefix="officeline-up-") as name:
        async with office_up(Path(name)) as up:
            routed = await reach_somebody(up, BACK_LINE)
            os.kill(up.daemon_pid(), signal.SIGSTOP)  # nobody can restart it while we call
            hung = await reach_somebody(up, BACK_LINE)
            await until(lambda: up.reported("daemon.serving") == 2)  # killed, for it had no beat
            assert up.reported("daemon.hung") == 1
            os.kill(up.daemon_pid(), signal.SIGKILL)
            dead = await reach_somebody(up, BACK_LINE)
            assert hung == dead == routed
            await until(lambda: up.reported("daemon.serving") == 3)  # brought back by `up`
            assert await reach_somebody(up, BACK_LINE) == routed
            up.process.send_signal(signal.SIGINT)
            assert await asyncio.wait_for(up.process.wait(), DEADLINE) == 0
            assert up.processes() == []
            assert is_free(up.sip)


@pytest.mark.long
async def test_killed_in_mid_escalation_the_patient_still_reaches_a_human() -> None:
    """The first mobile rings, the control layer dies, nobody picks up: the next step follows."""
    with tempfile.TemporaryDirectory(prefix="officeline-up-") as name:
        async with office_up(Path(name)) as up:
            first: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            pid = up.daemon_pid()

            async def dies_with_us(phone: Handset) -> None:
                os.kill(up.process.pid, signal.SIGSTOP)  # the supervisor must not bring it back
                os.kill(pid, signal.SIGKILL)
                if not first.done():
                    first.set_result(phone.call.number)
                await phone.reject(486)

            for number in MOBILES.values():
                up.carrier.answers(number, dies_with_us)
            call = await up.carrier.dials(
                BACK_LINE, caller="+19175550198", script=patient(press="1")
            )
            busy = await asyncio.wait_for(first, DEADLINE)
            for person, number in MOBILES.items():
                up.carrier.answers(number, physician(person, talk=4))
            await call.ended(DEADLINE)
            os.kill(up.process.pid, signal.SIGCONT)
            reached = [name for name in MOBILES if call.heard_tone(TONES[name])]
            assert len(reached) == 1
            assert MOBILES[reached[0]] != busy


@pytest.mark.long
async def test_replaced_in_mid_call_nobody_is_dropped() -> None:
    """As after an upgrade: two talk, a third is rung for, and another control layer takes over."""
    with tempfile.TemporaryDirectory(prefix="officeline-up-") as name:
        async with office_up(Path(name)) as up:
            for person, number in MOBILES.items():
                talks = answers(after=0.5, press="1", tone=TONES[person], talk=50)
                up.carrier.answers(number, talks)
            talking = await up.carrier.dials(
                BACK_LINE, caller="+19175550191", script=patient(at_most=45)
            )
            await until(lambda: talking.answered_at is not None)
            await asyncio.sleep(5)  # pressed and connected
            old = up.daemon_pid()

            async def waits_for_the_new_one(phone: Handset) -> None:
                for person, number in MOBILES.items():
                    up.carrier.answers(number, physician(person, talk=4))
                os.kill(old, signal.SIGTERM)
                await until(lambda: up.reported("daemon.serving") == 2)
                await phone.reject(486)

            for number in MOBILES.values():
                up.carrier.answers(number, waits_for_the_new_one)
            rung_for = await up.carrier.dials(
                BACK_LINE, caller="+19175550192", script=patient(press="1")
            )
            await rung_for.ended(DEADLINE)
            assert up.daemon_pid() != old
            assert talking.ended_at is None
            await talking.ended(DEADLINE)
            for call in (rung_for, talking):
                assert [one for one in MOBILES if call.heard_tone(TONES[one])]
            await until(lambda: outcomes(up) == ["connected", "connected"])


def outcomes(up: Up) -> list[str | None]:
    """List how the calls of the log ended."""
    engine = open_database(up.home.database)
    try:
        return [call.outcome for call in list_calls(engine)]
    finally:
        engine.dispose()


@pytest.mark.parametrize(
    "number", [pytest.param(signal.SIGINT, marks=pytest.mark.long), signal.SIGTERM]
)
async def test_who_ends_the_line_is_reported_what_waits(number: signal.Signals) -> None:
    """Urgent messages that call nobody from now on are counted aloud, and in the log."""
    with tempfile.TemporaryDirectory(prefix="officeline-up-") as name:
        async with office_up(Path(name)) as up:
            leave_messages(up, urgent=2)
            up.process.send_signal(number)
            assert await asyncio.wait_for(up.process.wait(), DEADLINE) == 0
            assert up.reported(
                "2 urgent messages are open, and nobody is called about them until 'officeline up' "
                "runs again; 'officeline inbox list' shows them."
            )
            text = up.output.read_text()
            assert re.search(r'line\.down.* waiting=2 why="nobody is called', text)
            assert re.search(r"daemon\.ended_by_signal .*waiting=2 ", text)


def leave_messages(up: Up, *, urgent: int) -> None:
    """Open urgent messages whose calls are due in an hour, and a routine one."""
    engine, at = open_database(up.home.database), datetime.now(UTC)
    for count in range(urgent + 1):
        messages.open_message(
            engine,
            message_id=f"left{count}",
            call=f"left{count}",
            at=at,
            urgency="urgent" if count < urgent else "routine",
            callback_number=f"+1917555016{count}",
            recording=None,
            due_at=at + timedelta(hours=1),
        )
    engine.dispose()


@pytest.mark.long
async def test_two_offices_do_not_collide() -> None:
    """Two homes on one machine run side by side; a second `up` on one home is refused."""
    with tempfile.TemporaryDirectory(prefix="officeline-up-") as name:
        folders = [Path(name) / "one", Path(name) / "two"]
        Path(name).chmod(0o755)
        for folder in folders:
            folder.mkdir()
        async with office_up(folders[0]) as one, office_up(folders[1]) as two:
            assert one.home.recall_ports() != two.home.recall_ports()
            words = ["-m", "cli", "--config", str(folders[0] / "office.toml")]
            words += ["--home", str(one.home.folder), "up"]
            third = await asyncio.create_subprocess_exec(
                sys.executable, *words, stderr=asyncio.subprocess.PIPE, cwd=ROOT
            )
            _, said = await asyncio.wait_for(third.communicate(), DEADLINE)
            assert third.returncode == 2
            assert "already running" in said.decode()
            assert await reach_somebody(two, BACK_LINE)


async def test_a_trunk_by_registration_carries_calls_both_ways() -> None:
    """The office registers with its password, which is never shown; then calls go both ways."""
    with tempfile.TemporaryDirectory(prefix="officeline-up-") as name:
        async with office_up(Path(name), ("100100_office", "a-made-up-password")) as up:

            def registered() -> list[str]:
                messages = [message.text for message in up.carrier.messages()]
                return [text for text in messages if text.startswith("REGISTER")]

            await until(lambda: any("Authorization:" in text for text in registered()))
            assert not any("a-made-up-password" in text for text in registered())
            async with asyncio.timeout(DEADLINE):
                ask = console(up.home)
                while await asyncio.to_thread(registration, ask) != "Registered":
                    await asyncio.sleep(0.1)
            checks = await asyncio.to_thread(examine, Path(name) / "office.toml", up.home.folder)
            trunk = next(one.detail for one in checks if one.name == "trunk")
            assert "has accepted our registration" in trunk
            assert await reach_somebody(up, BACK_LINE)


async def test_killed_while_a_caller_says_what_is_wrong_a_human_still_rings() -> None:
    """The message is on the disk, nobody was called yet, and Asterisk alone calls somebody."""
    with tempfile.TemporaryDirectory(prefix="officeline-up-") as name:
        async with office_up(Path(name), closed=True) as up:
            for person, number in MOBILES.items():
                up.carrier.answers(number, physician(person, talk=4))
            pid = up.daemon_pid()

            async def cut_off(phone: Handset) -> None:
                for key in ("1", "#"):  # urgent, and the number that is shown
                    await phone.wait(1.5)
                    await phone.press(key)
                await phone.wait(5)
                os.kill(up.process.pid, signal.SIGSTOP)  # the supervisor must not bring it back
                os.kill(pid, signal.SIGKILL)
                await phone.press("#")
                await phone.tone(PATIENT_TONE, 60)

            call = await up.carrier.dials(MAIN, caller="+19175550197", script=cut_off)
            await call.ended(DEADLINE)
            os.kill(up.process.pid, signal.SIGCONT)
            assert [one for one in MOBILES if call.heard_tone(TONES[one])]


@pytest.mark.long
async def test_killed_while_the_follow_up_rings_it_rings_again() -> None:
    """A caller hung up and left a message; the attempt that a kill cut off is made anew."""
    with tempfile.TemporaryDirectory(prefix="officeline-up-") as name:
        async with office_up(Path(name), closed=True) as up:
            rang: asyncio.Queue[str] = asyncio.Queue()

            async def notes(phone: Handset) -> None:
                rang.put_nowait(phone.call.number)
                await phone.ring(600)

            for number in MOBILES.values():
                up.carrier.answers(number, notes)

            async def hangs_up(phone: Handset) -> None:
                await phone.wait(1.5)
                await phone.press("1")
                await phone.wait(1)

            call = await up.carrier.dials(MAIN, caller="+19175550196", script=hangs_up)
            await call.ended(DEADLINE)
            first = await asyncio.wait_for(rang.get(), DEADLINE)
            os.kill(up.daemon_pid(), signal.SIGKILL)
            assert await asyncio.wait_for(rang.get(), DEADLINE) == first
