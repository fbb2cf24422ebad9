"""The control layer wired together: asked as Asterisk asks, while its database changes."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import sys
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from dialplan import names
from pbx.asterisk.engine.ports import PortBlock
from pbx.calls.callflow import CallFlow
from pbx.calls.conversation import CallState, Question
from pbx.calls.recent import RecentCallers
from pbx.calls.standby.cache import CachedPlans
from pbx.config import secrets
from pbx.config.home import Home
from pbx.config.patients_file import PatientEntry
from pbx.config.secrets import Secrets
from pbx.db import changes, messages, records
from pbx.db.calls import get_call
from pbx.db.database import open_database, reading
from pbx.db.overlay import applied_texts
from pbx.db.patients import put_patients
from pbx.db.plans import apply_text
from pbx.db.tables import Call
from pbx.db.writer import LogWriter
from routing.model import HoursChange, Override, Patient
from tests.support.ami_peer import DEADLINE, SECRET, Peer, listening, until
from tests.support.daemons import (
    DAY,
    OFFICE,
    PATIENT,
    ROOT,
    SECRETS,
    asked,
    asterisk,
    parsed,
    serving,
)

LATER = DAY + timedelta(hours=6)
# A third call within the hour goes to the physician; the front desk answers the others.
TEXT = (
    (ROOT / "config" / "office.toml")
    .read_text()
    .replace(
        "[[rules]]\n",
        """[[rules]]
name = "third call in an hour"
when = { repeat = "3 in 60m" }
do = { escalation = "urgent" }

[[rules]]
""",
        1,
    )
)


async def test_a_plan_that_is_applied_decides_the_next_call_and_not_those_under_way(
    tmp_path: Path,
) -> None:
    """The front desk rings longer for the next call; who was there before ends as begun."""
    home = Home(tmp_path)
    first, longer = parsed(TEXT), TEXT.replace("for = 15", "for = 33")
    wanted = parsed(longer).plan.hash
    async with serving(home, TEXT) as (daemon, port):
        assert f"{names.RING}=15" in await asked(port, "1.1")
        engine = open_database(home.database)
        apply_text(engine, longer, wanted, by="amy", now=DAY)
        await until(lambda: daemon.plans.plan.hash == wanted)
        assert f"{names.RING}=33" in await asked(port, "1.2", "+12125550143")
        state = f":::{first.plan.hash}"  # not a state, and so a new call
        assert f"{names.RING}=33" in await asked(port, "1.3", "+12125550144", state=state)
        state = CallState(plan=first.plan.hash).encode()
        assert f"{names.RING}=15" in await asked(port, "1.4", "+12125550145", state=state)
        daemon.recorder.settle()
        assert daemon.writer.flush(10)
        known = [get_call(engine, call) for call in ("1.1", "1.2", "1.4")]
        engine.dispose()
    hashes = [one.call.plan for one in known if one is not None]
    assert hashes == [first.plan.hash, wanted, first.plan.hash]


async def test_a_call_ends_as_it_began_whoever_answers(tmp_path: Path) -> None:
    """The office opens, the caller's flag and the on-call person change, and we start anew."""
    home = Home(tmp_path)
    text = TEXT.replace(
        "[[rules]]\n",
        """[[rules]]
name = "some are heard at once"
when = { flag = "frail, at home", hours = "closed", urgency = "urgent" }
do = { escalation = "urgent" }

[[rules]]
""",
        1,
    ).replace('when = { hours = "closed", urgency = "urgent" }', 'when = { caller = "unknown" }')
    held = replace(SECRETS, mobiles={**SECRETS.mobiles, "patel": "+12125550113"})
    secrets.write(tmp_path, held)
    first, late = Override(0, "doctors", "replace", "osei", None, DAY, LATER), LATER
    engine = open_database(home.database)
    known = Patient("p1", "Ann", "lee", frozenset({"frail, at home"}))
    lists(engine, known)
    changes.add_override(engine, first, by="amy", now=DAY)
    closed = changes.add_hours_change(
        engine, HoursChange(0, "closed", DAY, late, "snow"), by="amy", now=DAY
    )
    async with serving(home, text, held) as (daemon, port):
        menu = state_of(await asked(port, "1.1"))
        number = state_of(await asked(port, "1.1", event="pressed", detail="1", state=menu))
        changes.cancel_hours_change(engine, closed.id, by="amy", now=DAY)
        other = Override(0, "doctors", "replace", "patel", None, DAY, LATER)
        changes.add_override(engine, other, by="amy", now=DAY)
        lists(engine, replace(known, panel=None, flags=frozenset()))
        await until(lambda: len(daemon.plans.plan.overrides) == 2)
        again = await asked(port, "1.2", "+12125550149")
        assert "desk1" in again, "the next call is answered by the desk"
        pressed = await asked(port, "1.1", event="pressed", detail="1", state=menu)
        assert state_of(pressed) == number
    engine.dispose()
    cached = CachedPlans(home.standby, PATIENT)
    flow = CallFlow(cached, RecentCallers(), physicians_menu=False)
    question = Question("1.1", "1.1", "2", OFFICE, names.PRESSED, "1", menu, PATIENT)
    assert flow.answer(question, LATER).state.encode() == number
    async with serving(home, text, held) as (_, port):
        assert state_of(await asked(port, "1.1", event="pressed", detail="1", state=menu)) == number
        climbing = replace(CallState.decode(number), saved="yes").encode()
        rung = await asked(port, "1.1", event="rang", detail="NOANSWER", state=climbing)
        assert f"{names.DIAL}=Local/osei@leg" in rung


def lists(engine: Engine, patient: Patient) -> None:
    """Put the patient into the directory."""
    entries = [PatientEntry(2, patient, (PATIENT,))]
    put_patients(engine, entries, refused=False, partial=False, by="amy", now=DAY)


def state_of(answer: str) -> str:
    """Read the call's memory out of an answer."""
    found = re.search(rf'{names.STATE}=([^",]*)', answer)
    assert found is not None, answer
    return found[1]


@pytest.mark.parametrize(
    ("ago", "again"), [(timedelta(minutes=20), True), (timedelta(hours=2), False)]
)
async def test_who_called_before_a_restart_is_remembered(
    tmp_path: Path, ago: timedelta, *, again: bool
) -> None:
    """The third call within the hour reaches the physician, whoever restarted what in between."""
    home = Home(tmp_path)
    writer = LogWriter(lambda: open_database(home.database))
    writer.start()
    for number in range(2):
        at = DAY - ago + timedelta(seconds=number)
        writer.put(records.CallStarted(f"0.{number}", at, "main", OFFICE, PATIENT, "old"))
    writer.put(records.CallStarted("0.9", DAY - ago, "main", OFFICE, None, "old"))
    writer.close()
    async with serving(home, TEXT) as (daemon, port):
        answer = await asked(port, "1.1")
        other = await asked(port, "1.2", "+12125550143")
        daemon.recorder.settle()
        assert daemon.writer.flush(10)
        engine = open_database(home.database)
        with reading(engine) as session:
            call = session.get(Call, "1.1")
        engine.dispose()
    assert call is not None
    assert call.decision == ("escalation" if again else "ring")
    assert ("osei" in answer) == again
    assert "desk1" in other


async def test_a_locked_database_delays_no_event_about_another_call(tmp_path: Path) -> None:
    """A physician's call that failed is known at once while ends of others wait for the disk."""
    home, dialed = Home(tmp_path), asyncio.Queue[tuple[Peer, dict[str, str]]]()
    engine = open_database(home.database)
    messages.open_message(
        engine, message_id="0.1", call="0.1", at=DAY, urgency="urgent", callback_number=PATIENT,
        recording="0.1.wav", escalation="urgent", owner="frontdesk", due_at=None,
    )  # fmt: skip
    engine.dispose()

    def hears(peer: Peer, action: dict[str, str]) -> None:
        if action.get("ChannelId"):
            dialed.put_nowait((peer, action))

    async with serving(home, TEXT, hears=hears) as (daemon, _):
        peer, call = await asyncio.wait_for(dialed.get(), DEADLINE)
        with closing(sqlite3.connect(home.database, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            for number in range(20):  # each waits two seconds for the lock
                word = (f"UserEvent: {names.USER_EVENT}", f"What: {names.FAILSAFE_ENTERED}")
                own = (f"Token: {SECRETS.token}", f"Call: 9.{number}", "CallerIDNum: +12125550199")
                await peer.say("Event: UserEvent", *word, *own)
                await peer.say("Event: Hangup", f"Uniqueid: 9.{number}", f"Linkedid: 9.{number}")
                await peer.say("Event: Hangup", f"Uniqueid: {names.FOLLOW_UP_CALL}{number}")
            assert not daemon.calls_nobody
            failed = ("Response: Failure", "Reason: 5", f"Uniqueid: {call['ChannelId']}")
            await peer.say("Event: OriginateResponse", *failed)
            await until(lambda: daemon.calls_nobody)


async def served(home: Home, config: Path) -> tuple[int, str]:
    """Run `serve` as a process until it serves, then end it; return its exit code and words."""
    words = ["-m", "cli", "--config", str(config), "--home", str(home.folder), "serve"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words, cwd=ROOT, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    said = ""
    async with asyncio.timeout(60):
        while line := (await process.stderr.readline()).decode():
            said += line
            if "daemon.serving" in line:
                process.terminate()
        return await process.wait(), said


async def test_the_last_good_plan_runs_while_the_file_is_broken(tmp_path: Path) -> None:
    """The first start applies the file; later the applied plan runs, and a broken file is told."""
    home, config = Home(tmp_path), tmp_path / "office.toml"
    block = PortBlock.take()
    named = f"[network]\nami_port = {block.ports.ami}\nagi_port = {block.ports.agi}"
    text = TEXT.replace("[network]", named)
    secrets.write(home.folder, Secrets(manager=SECRET))
    config.write_text("[office]\n")
    try:
        async with listening(asterisk, port=block.ports.ami):
            code, said = await served(home, config)
            assert (code, "Traceback" in said, home.database.exists()) == (2, False, False)
            config.write_text(text)
            assert (await served(home, config))[0] == 0
            (first,) = applied_texts(home.database, 9)
            assert first.text == text
            config.write_text("[office]\n")
            code, said = await served(home, config)
    finally:
        block.release()
    assert code == 0
    assert "level=error event=plan.broken" in said
    assert f"event=daemon.serving plan={first.hash}" in said
    assert applied_texts(home.database, 9) == [first]
