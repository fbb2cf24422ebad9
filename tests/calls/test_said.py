"""What is said is so: the plan's own times, the back line's words, a recording that is gone."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from pbx.config.home import Home
from pbx.demo.carrier import audio
from pbx.demo.carrier.handset import Handset, refuses
from pbx.demo.scenes import BACK_LINE, MAIN, SATURDAY, patient
from pbx.demo.stage import MOBILES, Stage, staged
from tests.calls.test_follow_up import PIN, with_pin
from tests.calls.test_outbound import LIVE
from tests.support.offices import changed
from tests.support.stages import never_answers, restart_daemon

pytestmark = pytest.mark.asyncio(loop_scope="session")

DEADLINE = 60.0
# Hz, in the place of these sentences
TONES = {
    "whisper-urgent": 600.0,
    "leave-message": 1900.0,
    "greeting-any": 800.0,
    "whisper-backline": 1100.0,
    "leave-message-backline": 1200.0,
    "leave-message-urgent": 1300.0,
    "if-worse": 1400.0,
    "number-40": 1500.0,
    "digit-5": 1600.0,
    "number-20": 1700.0,
    "message-gone": 1800.0,
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def practice() -> AsyncIterator[Stage]:
    """Start a practice with other times than the usual, whose escalation policy is short."""
    escalation = """follow_up = { breach = "45m", callback = "20m" }
live = [{ try = "oncall", ring = 6 }]"""
    with tempfile.TemporaryDirectory(prefix="officeline-said-") as name:
        folder = Path(name)
        own = Home(folder / "office").recordings
        own.mkdir(parents=True)
        for prompt, frequency in TONES.items():
            audio.write_tone(own / f"{prompt}.wav", frequency, 1)
        (folder / "office.toml").write_text(changed((LIVE, escalation)))
        async with staged(folder, folder / "office.toml", SATURDAY) as stage:
            for mobile in MOBILES.values():
                stage.carrier.answers(mobile, never_answers())
            yield stage


def said(recording: Path | None) -> set[str]:
    """Name the sentences that a phone heard."""
    assert recording is not None
    heard = audio.read(recording)
    return {prompt for prompt, hertz in TONES.items() if audio.tone_seconds(heard, hertz) > 0.6}


async def test_a_patient_is_promised_what_the_plan_promises(practice: Stage, caller: str) -> None:
    """Forty-five minutes, not thirty; the physician who takes it has twenty."""
    practice.set_time(SATURDAY)
    person = practice.person("oncall")
    await asyncio.to_thread(with_pin, practice, person)
    rung = 0

    async def takes_it(phone: Handset) -> None:
        nonlocal rung
        rung += 1
        if rung == 1:  # while the patient waits
            await phone.reject(486)
            return
        await phone.ring(1)
        await phone.answer()
        for keys in ("1", PIN, "2"):
            await phone.wait(1.5)
            await phone.press(keys)
        await phone.wait(10)
        await phone.press("2")  # the first one is lost where it came before the menu
        await phone.wait_hangup()

    practice.carrier.answers(MOBILES[person], takes_it)
    script = patient(press="1", tells=True, at_most=30)
    call = await practice.carrier.dials(MAIN, caller=caller, script=script)
    await practice.carrier.rings(MOBILES[person], DEADLINE)
    await call.ended(DEADLINE)
    assert {"number-40", "digit-5", "if-worse"} <= said(call.heard)
    mobile = await practice.carrier.rings(MOBILES[person], DEADLINE)
    await mobile.ended(DEADLINE)
    practice.carrier.answers(MOBILES[person], never_answers())
    assert "number-20" in said(mobile.heard)


async def test_a_hospital_hears_the_back_lines_words(practice: Stage, caller: str) -> None:
    """No 911 and no patients' words; the physician hears who calls before they press 1."""
    practice.set_time(SATURDAY)
    person = practice.person("oncall")

    async def listens(phone: Handset) -> None:
        await phone.ring(0.5)
        await phone.answer()
        await phone.wait_hangup()

    practice.carrier.answers(MOBILES[person], listens)
    call = await practice.carrier.dials(BACK_LINE, caller=caller, script=patient(at_most=40))
    mobile = await practice.carrier.rings(MOBILES[person], DEADLINE)
    await asyncio.gather(call.ended(DEADLINE), mobile.ended(DEADLINE))
    practice.carrier.answers(MOBILES[person], never_answers())
    assert "whisper-backline" in said(mobile.heard)
    heard = said(call.heard)
    assert {"leave-message-backline", "number-40", "digit-5"} <= heard
    assert not {"leave-message-urgent", "if-worse"} & heard


@pytest.mark.long
@pytest.mark.parametrize("left", [None, b""])
async def test_a_recording_that_is_gone_is_said_to_be(
    practice: Stage, caller: str, left: bytes | None
) -> None:
    """The words were there; the physician is not told that there were none."""
    practice.set_time(SATURDAY)
    person = practice.person("backup")
    code = await asyncio.to_thread(with_pin, practice, person)
    script = patient(press="1", tells=True, at_most=0)
    call = await practice.carrier.dials(MAIN, caller=caller, script=script)
    await call.ended(DEADLINE)
    message = (await practice.finished(caller)).message
    assert message is not None
    assert message.recording is not None
    recording = practice.home.folder / message.recording
    recording.unlink()
    if left is not None:
        recording.write_bytes(left)

    async def calls_in(phone: Handset) -> None:
        await phone.wait(1.5)
        await phone.press("*")
        await phone.wait(1.5)
        await phone.press(code + PIN)
        await phone.wait(10)
        await phone.hang_up()

    physician = await practice.carrier.dials(MAIN, caller="+19175559997", script=calls_in)
    await physician.ended(DEADLINE)
    assert "message-gone" in said(physician.heard)


@pytest.mark.long
@pytest.mark.parametrize(
    ("did", "hears", "never", "whispered"),
    [
        (
            BACK_LINE,
            {"leave-message-backline"},
            {"greeting-any", "if-worse", "leave-message", "leave-message-urgent"},
            "whisper-backline",
        ),
        (
            MAIN,
            {"greeting-any", "if-worse", "leave-message"},
            {"leave-message-backline", "leave-message-urgent"},
            "whisper-urgent",
        ),
    ],
)
async def test_the_failsafe_says_what_the_line_says(
    practice: Stage, did: str, hears: set[str], never: set[str], whispered: str
) -> None:
    """A hospital hears its own words; and a patient, whom nobody asks, is told to say a number."""
    practice.set_time(SATURDAY)
    standby = practice.home.standby_script.read_text()
    practice.home.standby_script.write_text("#!/bin/sh\nexit 1\n")
    person = practice.person("oncall")

    async def listens(phone: Handset) -> None:
        await phone.ring(0.5)
        await phone.answer()
        await phone.wait_hangup()

    for one, number in MOBILES.items():
        practice.carrier.answers(number, listens if one == person else refuses(486))
    await practice.stop_daemon()
    try:
        call = await practice.carrier.dials(did, caller=None, script=patient(at_most=40))
        mobile = await practice.carrier.rings(MOBILES[person], DEADLINE)
        await mobile.ended(DEADLINE)
        practice.carrier.answers(MOBILES[person], refuses(486))
        await call.ended(DEADLINE)
    finally:
        practice.home.standby_script.write_text(standby)
        await restart_daemon(practice)
    assert whispered in said(mobile.heard)
    heard = said(call.heard)
    assert hears <= heard
    assert not never & heard
