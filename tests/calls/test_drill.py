"""The drill of the failsafe, on a running office."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from pbx.asterisk.engine import runtime
from pbx.asterisk.speech.likeness import ALIKE, likeness
from pbx.asterisk.speech.prompts import sounds_folder
from pbx.asterisk.speech.soundfile import read_sound
from pbx.db import messages
from pbx.db.calls import list_calls
from pbx.db.database import open_database
from pbx.demo.carrier import audio
from pbx.demo.carrier.handset import answers, refuses
from pbx.demo.scenes import BACK_LINE, patient
from pbx.demo.stage import MOBILES, PATIENT_TONE, TONES
from tests.support.office_up import ROOT, Up, office_up
from tests.support.stages import did_not_ring


async def said(*words: str, keys: bytes | None = None) -> tuple[int, str]:
    """Run a process, with this on its standard input; return its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *words,
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    out, _ = await process.communicate(keys)
    return process.returncode or 0, out.decode()


async def drilled(up: Up, *options: str, keys: bytes | None = None) -> tuple[int, dict[str, Any]]:
    """Drill the failsafe."""
    where = ("--config", str(up.home.folder.parent / "office.toml"), "--home", str(up.home.folder))
    words = (*where, "drill", "failsafe", *options, "--json")
    code, text = await said(sys.executable, "-m", "cli", *words, keys=keys)
    return code, json.loads(text.strip() or "{}")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def up() -> AsyncIterator[Up]:
    """Run an office that a drill may ring."""
    with tempfile.TemporaryDirectory(prefix="officeline-drill-") as name:
        async with office_up(Path(name)) as running:
            await running.prepared()
            yield running


def kept(up: Up) -> tuple[int, list[Any], int, list[str]]:
    """Count calls, list messages, count legs, and name what was done with drills."""
    engine = open_database(up.home.database)
    try:
        with engine.connect() as connection:
            legs = connection.execute(text("SELECT count(*) FROM leg")).scalar_one()
            events = connection.execute(text("SELECT count(*) FROM event")).scalar_one()
            done = connection.execute(text("SELECT what FROM audit WHERE what LIKE 'drill.%'"))
            deeds = [row.what for row in done]
        return len(list_calls(engine)), messages.list_open(engine), legs + events, deeds
    finally:
        engine.dispose()


async def rung(up: Up) -> tuple[str, str]:
    """Wait until a mobile rings; return whose it is, and its number."""
    waits = {
        asyncio.create_task(up.carrier.rings(number, 60)): (person, number)
        for person, number in MOBILES.items()
    }
    done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    return waits[done.pop()]


async def no_channel_is_left(up: Up) -> None:
    """Wait until every call is over."""
    conf = str(up.home.asterisk / "etc" / "asterisk.conf")
    words = (*runtime.require().command, "-C", conf, "-rx", "core show channels")
    async with asyncio.timeout(60):
        while "0 active channels" not in (await said(*words))[1]:
            await asyncio.sleep(0.1)


@pytest.mark.long
async def test_a_drill_says_whom_the_failsafe_would_ring_and_rings_nobody() -> None:
    """Exit 1 as soon as what is kept for it is not the one in the secrets file."""
    with tempfile.TemporaryDirectory(prefix="officeline-drill-") as name:
        async with office_up(Path(name)) as up:
            await up.prepared()
            code, found = await drilled(up)
            assert (code, found["ok"], len(found["rings"])) == (0, True, 1), found
            (person,) = found["rings"]
            pid = up.daemon_pid()
            up.process.send_signal(signal.SIGSTOP)  # or its watchdog would end the next one
            os.kill(pid, signal.SIGSTOP)  # or the next heartbeat would fix it
            conf = str(up.home.asterisk / "etc" / "asterisk.conf")
            stale = f"database put officeline to/{person} PJSIP/none@trunk-out"
            await said(*runtime.require().command, "-C", conf, "-rx", stale)
            code, found = await drilled(up)
            os.kill(pid, signal.SIGCONT)
            up.process.send_signal(signal.SIGCONT)
            assert (code, found["ok"]) == (1, False)
            assert "not the one in the secrets file" in found["wrong"][0]
            assert all(did_not_ring(up.carrier, number) for number in MOBILES.values())
            assert not any("INVITE" in one.start for one in up.carrier.messages())


@pytest.mark.asyncio(loop_scope="session")
async def test_a_drill_that_rings_tells_who_accepted_and_connects_nobody(up: Up) -> None:
    """Whoever is on call is rung as in the night, presses 1, hears that it was a drill; no more."""
    for number in MOBILES.values():
        up.carrier.answers(number, answers(after=1, press="1"))
    calls, _, rows, deeds = kept(up)
    code, found = await drilled(up, "--ring", "--yes")
    assert (code, found["ok"]) == (0, True), found
    (person,) = found["rings"]
    assert found["accepted"] == person
    assert 1 <= found["accepted_s"] < 20
    phone = await up.carrier.rings(MOBILES[person])
    await phone.ended(60)
    assert phone.heard is not None
    sentence = read_sound(sounds_folder() / "en" / "drill-over.wav").samples
    assert likeness(audio.read(phone.heard), sentence) > ALIKE
    others = [number for one, number in MOBILES.items() if one != person]
    assert all(did_not_ring(up.carrier, number) for number in others)
    await no_channel_is_left(up)
    assert kept(up) == (calls, [], rows, [*deeds, "drill.ringing", "drill.failsafe"])


@pytest.mark.asyncio(loop_scope="session")
async def test_a_drill_that_nobody_accepts_fails(up: Up) -> None:
    """A failsafe whose people do not pick up is none."""
    for number in MOBILES.values():
        up.carrier.answers(number, refuses(486))
    code, found = await drilled(up, "--ring", "--yes")
    assert (code, found["ok"], found["accepted"]) == (1, False, None)
    assert "nobody pressed 1" in found["wrong"]
    await no_channel_is_left(up)


@pytest.mark.asyncio(loop_scope="session")
async def test_a_drill_asks_before_it_rings(up: Up) -> None:
    """Whoever says no has rung nobody."""
    for number in MOBILES.values():
        up.carrier.answers(number, refuses(486))
    assert (await drilled(up, "--ring", keys=b"n\n"))[0] == 1
    assert all(did_not_ring(up.carrier, number) for number in MOBILES.values())


@pytest.mark.long
@pytest.mark.asyncio(loop_scope="session")
async def test_a_patient_who_calls_during_a_drill_is_connected(up: Up) -> None:
    """The same phone rings for both; the patient speaks with the physician, the drill not."""
    for person, number in MOBILES.items():
        up.carrier.answers(number, answers(after=4, press="1", tone=TONES[person]))
    drill = asyncio.create_task(drilled(up, "--ring", "--yes"))
    person, number = await rung(up)
    call = await up.carrier.dials(BACK_LINE, caller="+19175550144", script=patient(at_most=12))
    phone = await up.carrier.rings(number, 60)
    code, found = await drill
    assert (code, found["accepted"]) == (0, person)
    await call.ended(60)
    await phone.ended(60)
    assert call.heard_tone(TONES[person])
    assert phone.heard_tone(PATIENT_TONE)
    await no_channel_is_left(up)
