"""A voicemail that answers a call back is no patient: only a talk, or the person's word, counts."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from pbx.config.home import Home
from pbx.db import outbound
from pbx.db.database import open_database
from pbx.demo.carrier import audio
from pbx.demo.carrier.handset import Handset, Script, answers, voicemail
from pbx.demo.scenes import SATURDAY
from pbx.demo.stage import MOBILES, PATIENT_TONE, Stage, staged
from tests.calls.test_follow_up import PIN, leaves_a_message, read, state_is, with_pin
from tests.support.offices import changed
from tests.support.stages import never_answers, restart_daemon

if TYPE_CHECKING:
    from pbx.db.messages import MessageRow
    from pbx.db.outbound_tables import OutboundCall

pytestmark = pytest.mark.asyncio(loop_scope="session")

DEADLINE = 60.0
CUT_OFF_S = 6.0
CALL_BACK = timedelta(minutes=20)
MAILBOX = 700.0  # Hz: what the voicemail says
ASKED, STAYS, DONE = 1100.0, 1300.0, 1500.0  # Hz, in the place of these sentences
SAID = {"patient-reached": ASKED, "message-not-reached": STAYS, "message-called-back": DONE}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def practice() -> AsyncIterator[Stage]:
    """Start a practice with its own cut-off, where nobody but the one on call ever answers."""
    follow_up = f'follow_up = {{ cut_off = "{CUT_OFF_S:g}s", callback = "20m" }}\n'
    with tempfile.TemporaryDirectory(prefix="officeline-voicemail-") as name:
        folder = Path(name)
        own = Home(folder / "office").recordings
        own.mkdir(parents=True)
        for prompt, frequency in SAID.items():
            audio.write_tone(own / f"{prompt}.wav", frequency, 1.5)
        (folder / "office.toml").write_text(changed(("live = [", f"{follow_up}live = [")))
        async with staged(folder, folder / "office.toml", SATURDAY) as stage:
            for mobile in MOBILES.values():
                stage.carrier.answers(mobile, never_answers())
            yield stage


def calls_back(*, stays: float, then: tuple[str, ...] = ()) -> Script:
    """Pick up, press 1, give the PIN, press 1 to call the patient, stay for some time, press keys.

    At the end the phone hangs up.
    """

    async def script(phone: Handset) -> None:
        await phone.ring(1)
        await phone.answer()
        for key in ("1", PIN, "1"):
            await phone.wait(1.5)
            await phone.press(key)
        await phone.wait(stays)
        for key in then:
            await phone.press(key)
            await phone.wait(3)
        await phone.hang_up()

    return script


async def called_back(
    stage: Stage, caller: str, physician: Script, answered: Script
) -> tuple[MessageRow, Path]:
    """Let the physician call back; return the message then, and what the physician heard."""
    stage.set_time(SATURDAY)
    person = stage.person("oncall")
    await asyncio.to_thread(with_pin, stage, person)
    stage.carrier.answers(MOBILES[person], physician)
    stage.carrier.answers(caller, answered)
    message = await leaves_a_message(stage, caller)
    mobile = await stage.carrier.rings(MOBILES[person], DEADLINE)
    phone = await stage.carrier.rings(caller, DEADLINE)
    await asyncio.gather(mobile.ended(DEADLINE), phone.ended(DEADLINE))
    stage.carrier.answers(MOBILES[person], never_answers())
    await over(stage, message)
    assert mobile.heard is not None
    return await asyncio.to_thread(read, stage, message), mobile.heard


async def over(stage: Stage, message: str) -> OutboundCall:
    """Wait until the newest call to a message's patient is over, and return it."""
    engine = open_database(stage.home.database)
    try:
        async with asyncio.timeout(DEADLINE):
            while True:
                rows = await asyncio.to_thread(outbound.placed, engine)
                found = next((row for row in rows if row.message == message), None)
                if found is not None and found.result is not None:
                    return found
                await asyncio.sleep(0.1)
    finally:
        engine.dispose()


def heard(recording: Path, frequency: float) -> bool:
    """Tell whether a tone was heard."""
    return audio.tone_seconds(audio.read(recording), frequency) >= 1


async def test_the_patients_voicemail_leaves_the_message_as_it_was(
    practice: Stage, caller: str
) -> None:
    """The physician is asked, says nothing, and is called again when the promise is due."""
    mailbox = voicemail(after=1, listens=1)
    left, said = await called_back(practice, caller, calls_back(stays=14), mailbox)
    assert heard(said, ASKED)
    assert (left.state, left.called_back_at) == ("acknowledged", None)
    assert left.acknowledged_at is not None
    assert left.due_at == left.acknowledged_at + CALL_BACK
    assert (await over(practice, left.id)).result == "answered"
    practice.clock.set(left.due_at)
    again = await practice.carrier.rings(MOBILES[str(left.acknowledged_by)], DEADLINE)
    assert (await state_is(practice, left.id, "delivered")).breached_at is not None
    await practice.settle()
    await again.ended(DEADLINE)


@pytest.mark.parametrize(
    ("key", "answer", "state", "result"),
    [("1", DONE, "called back", "talked"), ("2", STAYS, "acknowledged", "answered")],
)
@pytest.mark.parametrize("talk", [1.0, pytest.param(CUT_OFF_S, marks=pytest.mark.long)])
async def test_the_person_says_whether_they_reached_the_patient(
    practice: Stage, caller: str, key: str, answer: float, state: str, result: str, talk: float
) -> None:
    """Their word counts, however long it lasted: a few seconds were enough, or a voicemail ran."""
    script = voicemail(after=1, listens=talk)  # two seconds more
    physician = calls_back(stays=11 + talk, then=(key,))
    left, said = await called_back(practice, caller, physician, script)
    assert [heard(said, one) for one in (MAILBOX, ASKED, answer)] == [True] * 3
    assert left.state == state
    assert (left.called_back_at is not None) == (state == "called back")
    assert (await over(practice, left.id)).result == result


@pytest.mark.long
@pytest.mark.parametrize(
    ("stays", "state", "result"),
    [(7.0, "acknowledged", "answered"), (15.0, "called back", "talked")],
)
async def test_who_hangs_up_first_is_assessed_by_how_long_they_talked(
    practice: Stage, caller: str, stays: float, state: str, result: str
) -> None:
    """No key was pressed: a few seconds are no call back, a talk is one."""
    patient = answers(after=1, tone=PATIENT_TONE, talk=30)
    left, recording = await called_back(practice, caller, calls_back(stays=stays), patient)
    assert not heard(recording, ASKED)
    assert left.state == state
    assert (await over(practice, left.id)).result == result


@pytest.mark.long
@pytest.mark.parametrize(("stays", "state"), [(7.0, "acknowledged"), (15.0, "called back")])
@pytest.mark.parametrize("dead", ["before the answer", "from the answer on"])
async def test_a_dead_control_layer_knows_afterwards_how_long_they_talked(
    practice: Stage, caller: str, stays: float, state: str, dead: str
) -> None:
    """Asterisk wrote it down, however long the control layer was away."""
    practice.set_time(SATURDAY)
    person = practice.person("oncall")
    await asyncio.to_thread(with_pin, practice, person)
    practice.carrier.answers(MOBILES[person], calls_back(stays=stays))
    practice.carrier.answers(caller, answers(after=2, tone=PATIENT_TONE, talk=30))
    message = await leaves_a_message(practice, caller)
    mobile = await practice.carrier.rings(MOBILES[person], DEADLINE)
    patient = await practice.carrier.rings(caller, DEADLINE)
    if dead == "from the answer on":
        await patient.answered(DEADLINE)
    await practice.stop_daemon()
    await asyncio.gather(mobile.ended(DEADLINE), patient.ended(DEADLINE))
    practice.carrier.answers(MOBILES[person], never_answers())
    practice.clock.set(practice.clock.now() + timedelta(minutes=5))
    await restart_daemon(practice)
    found = await over(practice, message)
    assert found.result == ("talked" if state == "called back" else "answered")
    assert (await asyncio.to_thread(read, practice, message)).state == state
