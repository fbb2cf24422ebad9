"""The line survives its control layer: killed, hung or mute, a process of Asterisk's decides."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from dialplan import names
from pbx.calls.record.spool import Fact, Spool, read
from pbx.db import messages
from pbx.db.calls import History, get_call, list_calls
from pbx.db.database import open_database
from pbx.demo.carrier import audio
from pbx.demo.carrier.handset import Handset, refuses
from pbx.demo.scenes import BACK_LINE, MAIN, patient, physician
from pbx.demo.stage import MOBILES, PATIENT_TONE, TONES
from tests.support.office_up import DEADLINE, Up, office_up, until

pytestmark = pytest.mark.long


@asynccontextmanager
async def office(*, closed: bool = False) -> AsyncIterator[Up]:
    """Run an office of its own, whose standby has what it needs."""
    with tempfile.TemporaryDirectory(prefix="officeline-standby-") as name:
        async with office_up(Path(name), closed=closed) as up:
            await up.prepared()
            yield up


@contextmanager
def nobody_restarts(up: Up) -> Iterator[None]:
    """Hold the supervisor, so that it cannot bring the control layer back."""
    os.kill(up.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(up.process.pid, signal.SIGCONT)


def spooled(up: Up) -> list[Fact]:
    """Read what the standby left."""
    found = [read(path) for path in Spool(up.home.spool).waiting()]
    return [fact for fact in found if fact is not None]


def verbs(up: Up) -> list[str]:
    """Name the standby's verdicts."""
    return [fact.verdict.verb for fact in spooled(up) if fact.verdict is not None]


def everybody_answers(up: Up) -> None:
    """Have each physician pick up and press 1."""
    for person, number in MOBILES.items():
        up.carrier.answers(number, physician(person, talk=6))


def logged(up: Up, caller: str) -> History | None:
    """Read the newest call of a caller from the database."""
    engine = open_database(up.home.database)
    try:
        rows = [row for row in list_calls(engine) if row.caller == caller]
        return get_call(engine, rows[0].id) if rows else None
    finally:
        engine.dispose()


async def accounted(up: Up, caller: str) -> History:
    """Wait until the call of a caller has its outcome and nothing waits in the spool."""
    async with asyncio.timeout(DEADLINE):
        while True:
            found = await asyncio.to_thread(logged, up, caller)
            if found is not None and found.call.outcome and not spooled(up):
                return found
            await asyncio.sleep(0.2)


async def test_dead_before_the_call_the_standby_serves_all_of_it() -> None:
    """Menu, callback number, words and escalation, without a control layer; a human is reached."""
    async with office(closed=True) as up:
        everybody_answers(up)
        with nobody_restarts(up):
            os.kill(up.daemon_pid(), signal.SIGKILL)
            call = await up.carrier.dials(
                MAIN, caller="+19175550181", script=patient(press="1", tells=True, at_most=40)
            )
            await call.ended(DEADLINE)
            assert [one for one in MOBILES if call.heard_tone(TONES[one])]
            assert verbs(up) == [names.MENU, names.NUMBER, names.REASON, names.ESCALATION]
        history = await accounted(up, "+19175550181")
        person = next(one for one in MOBILES if call.heard_tone(TONES[one]))
        assert (history.call.outcome, history.call.person) == ("connected", person)
        assert [one.kind for one in history.decisions] == ["menu", "escalation"]
        assert history.message is not None
        assert history.message.state in {"acknowledged", "closed"}
        words = audio.read(up.home.folder / str(history.message.recording))
        assert audio.tone_seconds(words, PATIENT_TONE) > 1


async def test_a_hung_one_is_left_by_the_watchdog() -> None:
    """A control layer that is stopped costs the caller some seconds; row 4 judges how many."""
    async with office() as up:
        everybody_answers(up)
        os.kill(up.daemon_pid(), signal.SIGSTOP)
        began = time.monotonic()
        call = await up.carrier.dials(BACK_LINE, caller="+19175550182", script=patient())
        waits = [asyncio.create_task(up.carrier.rings(one, DEADLINE)) for one in MOBILES.values()]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        waited = time.monotonic() - began
        for one in waits:
            one.cancel()
        await call.ended(DEADLINE)
        assert verbs(up)[0] == names.ESCALATION
        assert waited > 3.5


async def test_who_hangs_up_before_the_standby_speaks_is_written_down() -> None:
    """Nothing was answered yet, and nobody of ours listens: a hospital's call stays a matter."""
    async with office() as up:
        with nobody_restarts(up):
            os.kill(up.daemon_pid(), signal.SIGKILL)
            call = await up.carrier.dials(BACK_LINE, caller="+19175550191", script=patient())
            await asyncio.sleep(0.06)  # the standby's interpreter starts
            await up.carrier.hang_up(call)
            await call.ended(DEADLINE)
        history = await accounted(up, "+19175550191")
        assert (history.call.outcome, history.message is not None) == ("message", True)


async def test_who_hangs_up_on_a_hung_control_layer_is_written_down() -> None:
    """It wakes, and nobody waits for its verdict: the log has the call, and the matter is open."""
    async with office() as up:
        pid = up.daemon_pid()
        os.kill(pid, signal.SIGSTOP)
        call = await up.carrier.dials(BACK_LINE, caller="+19175550192", script=patient())
        await asyncio.sleep(1)
        await up.carrier.hang_up(call)
        await call.ended(DEADLINE)
        os.kill(pid, signal.SIGCONT)
        history = await accounted(up, "+19175550192")
        assert (history.call.outcome, history.message is not None) == ("message", True)


async def test_killed_in_mid_question_the_call_goes_on_where_it_was() -> None:
    """The daemon asked for the number and dies; the standby takes the words and calls."""
    async with office(closed=True) as up:
        everybody_answers(up)
        pid = up.daemon_pid()

        async def cut_off(phone: Handset) -> None:
            await phone.wait(1.5)
            await phone.press("1")
            await phone.wait(1.5)
            os.kill(pid, signal.SIGKILL)
            await phone.press("#")
            await phone.wait(4.5)
            await phone.press("#")
            await phone.tone(PATIENT_TONE, 40)

        with nobody_restarts(up):
            call = await up.carrier.dials(MAIN, caller="+19175550183", script=cut_off)
            await call.ended(DEADLINE)
            assert [one for one in MOBILES if call.heard_tone(TONES[one])]
            assert verbs(up) == [names.REASON, names.ESCALATION]


async def test_without_a_standby_the_failsafe_rings() -> None:
    """Both are broken: Asterisk alone calls whom the last heartbeat left."""
    async with office() as up:
        everybody_answers(up)
        up.home.standby_script.write_text("#!/bin/sh\nexit 1\n")
        with nobody_restarts(up):
            os.kill(up.daemon_pid(), signal.SIGKILL)
            call = await up.carrier.dials(
                BACK_LINE, caller="+19175550184", script=patient(press="1")
            )
            await call.ended(DEADLINE)
            assert [one for one in MOBILES if call.heard_tone(TONES[one])]
            assert spooled(up) == []
        history = await accounted(up, "+19175550184")
        assert history.call.outcome == "connected"


async def test_who_hung_up_on_the_standby_is_called_back() -> None:
    """Killed over and over while it takes in what was left, it opens one message, which rings."""
    async with office(closed=True) as up:
        rang: asyncio.Queue[str] = asyncio.Queue()

        async def notes(phone: Handset) -> None:
            rang.put_nowait(phone.call.number)
            await phone.ring(600)

        async def hangs_up(phone: Handset) -> None:
            await phone.wait(1.5)
            await phone.press("1")
            await phone.wait(1)

        for number in MOBILES.values():
            up.carrier.answers(number, notes)
        with nobody_restarts(up):
            os.kill(up.daemon_pid(), signal.SIGKILL)
            call = await up.carrier.dials(MAIN, caller="+19175550185", script=hangs_up)
            await call.ended(DEADLINE)
            kept = [(path, path.read_bytes()) for path in Spool(up.home.spool).waiting()]
            assert verbs(up) == [names.MENU, names.NUMBER]
        await until(lambda: not spooled(up))
        os.kill(up.daemon_pid(), signal.SIGKILL)
        for path, data in kept:  # as if it had died before it forgot them
            path.write_bytes(data)
        history = await accounted(up, "+19175550185")
        assert await asyncio.wait_for(rang.get(), DEADLINE) in MOBILES.values()
        assert history.call.outcome == "message"
        assert history.message is not None
        assert (history.message.state, history.message.urgency) == ("open", "urgent")
        assert [one.what for one in history.events].count("turn") == 2
        assert len(await asyncio.to_thread(every_message, up)) == 1


def every_message(up: Up) -> list[messages.MessageRow]:
    """Read all messages that are not closed."""
    engine = open_database(up.home.database)
    try:
        return messages.list_open(engine)
    finally:
        engine.dispose()


async def test_what_a_caller_reported_the_failsafe_is_an_urgent_message() -> None:
    """Nobody decides and nobody picks up: what was recorded is in the inbox after the restart."""
    async with office() as up:
        for number in MOBILES.values():
            up.carrier.answers(number, refuses(486))
        up.home.standby_script.write_text("#!/bin/sh\nexit 1\n")

        async def tells(phone: Handset) -> None:
            await phone.wait(16)  # the greeting, and that nobody is there
            await phone.tone(PATIENT_TONE, 20)

        with nobody_restarts(up):
            os.kill(up.daemon_pid(), signal.SIGKILL)
            call = await up.carrier.dials(MAIN, caller="+19175550186", script=tells)
            await call.ended(DEADLINE)
        history = await accounted(up, "+19175550186")
        assert history.call.outcome == "failsafe"
        message = history.message
        assert message is not None
        assert (message.urgency, message.callback_number) == ("urgent", "+19175550186")
        assert str(message.recording).startswith("messages/failsafe-")
        words = audio.read(up.home.folder / str(message.recording))
        assert audio.tone_seconds(words, PATIENT_TONE) > 1


async def test_what_the_standby_reads_holds_no_secret() -> None:
    """The numbers to dial are there; no token, password or hash is, and nobody else may read."""
    async with office() as up:
        secrets = (up.home.folder / "secrets.json").read_text()
        files = [one for one in up.home.standby.iterdir() if one.is_file()]
        text = "".join(one.read_text() for one in files)
        held = [one for one in secrets.replace('"', " ").split() if len(one) > 20]
        assert held
        assert not [one for one in held if one in text]
        assert MOBILES["lee"] in text
        assert not [one for one in files if one.stat().st_mode & 0o007]
