"""The carrier errs, mobiles are silent, busy or a voicemail, people press nonsense or hang up."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from pbx.carrier.handset import Handset, Script, answers, never_answers, refuses, voicemail
from pbx.demo.scenes import BACK_LINE, SATURDAY, patient, physician
from pbx.demo.stage import MOBILES, PATIENT_TONE, Stage, staged
from pbx.store.calls import History
from tests.conftest import Saw
from tests.support.office_up import ROOT

pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]
DEADLINE = 90.0


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def practice() -> AsyncIterator[Stage]:
    """Start the example practice, by night."""
    with tempfile.TemporaryDirectory(prefix="officeline-fault-") as folder:
        async with staged(Path(folder), ROOT / "config/office.toml", SATURDAY) as stage:
            yield stage


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def _settled(practice: Stage) -> AsyncIterator[None]:
    yield
    await practice.settle()


async def goes_on(stage: Stage, script: Script, caller: str) -> tuple[History, float]:
    """Let who is on call do this; return the call, and after how long the backup's phone rang.

    The seconds are counted from the first phone's ringing. The backup is reached, nobody else.
    """
    stage.set_time(SATURDAY)
    first, second = stage.person("oncall"), stage.person("backup")
    stage.carrier.answers(MOBILES[first], script)
    stage.carrier.answers(MOBILES[second], physician(second))
    call = await stage.carrier.dials(BACK_LINE, caller=caller, script=patient())
    fault = await stage.carrier.rings(MOBILES[first], DEADLINE)
    phone = await stage.carrier.rings(MOBILES[second], DEADLINE)
    waited = time.monotonic() - (fault.rang_at or 0)
    await asyncio.gather(call.ended(DEADLINE), phone.ended(DEADLINE))
    history = await stage.finished(caller)
    assert (history.call.outcome, history.call.person) == ("connected", second)
    assert not fault.heard_tone(PATIENT_TONE)
    channels = await stage.asterisk.command("core show channels")
    assert "0 active channels" in channels, channels
    return history, waited


@pytest.mark.parametrize("status", [486, 603, 404, 480, 500, 503, 408])
async def test_the_trunks_errors(practice: Stage, saw: Saw, status: int) -> None:
    """Row 17: whatever the carrier answers, the next one rings at once."""
    history, waited = await goes_on(practice, refuses(status), f"+1917777{status:04d}")
    assert waited < 5  # the steps of a ladder ring 20 s: this one was not waited for
    saw(f"{status}: {history.legs[0].result}, the next one rang", waited)


async def test_it_rings_for_ever(practice: Stage, saw: Saw) -> None:
    """Row 19: the step ends at its timeout."""
    history, waited = await goes_on(practice, never_answers(), "+19177770191")
    assert history.legs[0].result in {"no answer", "cancelled"}
    saw("the step ended after 20 s, the next one rang", waited)


async def test_early_media_only(practice: Stage, saw: Saw) -> None:
    """Row 19: a carrier's announcement without an answer is no answer."""

    async def announces(phone: Handset) -> None:
        await phone.do("EXEC", "Progress", "")
        await phone.wait(60)

    history, waited = await goes_on(practice, announces, "+19177770192")
    assert history.legs[0].answered_at is None
    saw("early media: the step ended after 20 s, the next one rang", waited)


async def test_a_voicemail_answers(practice: Stage, saw: Saw) -> None:
    """Row 20: it presses nothing, so the patient never hears it."""
    history, waited = await goes_on(practice, voicemail(after=2), "+19177770200")
    assert history.legs[0].result == "declined"
    saw("no bridge; the next one rang", waited)


async def test_two_hundred_digits(practice: Stage, saw: Saw) -> None:
    """Row 21: any number of wrong keys is no acceptance."""
    wrong = answers(after=0.5, press="5w7w9w" + "234567890*" * 20)
    history, waited = await goes_on(practice, wrong, "+19177770210")
    assert history.legs[0].result == "declined"
    saw("asked once more, then the next one rang", waited)


async def test_the_physician_hangs_up_at_the_prompt(practice: Stage, saw: Saw) -> None:
    """Row 22: an answer without a press is a refusal."""

    async def hangs_up(phone: Handset) -> None:
        await phone.ring(0.5)
        await phone.answer()
        await phone.wait(1)
        await phone.hang_up()

    history, waited = await goes_on(practice, hangs_up, "+19177770220")
    assert history.legs[0].result == "declined"
    assert waited < 10
    saw("recorded as declined, the next one rang", waited)


async def test_a_prompt_file_is_missing(practice: Stage, saw: Saw) -> None:
    """Row 23: whoever hears nothing can still press 1."""
    stage = practice
    stage.set_time(SATURDAY)
    person = stage.person("oncall")
    hidden = []
    for path in stage.home.sounds.rglob("accept-prompt.wav*"):
        hidden.append((path, path.with_name("hidden")))
        path.rename(hidden[-1][1].with_suffix(path.suffix))
    assert hidden
    try:
        stage.carrier.answers(MOBILES[person], answers(after=0.5, press="w1", tone=620, talk=2))
        script = patient(at_most=8)
        call = await stage.carrier.dials(BACK_LINE, caller="+19177770230", script=script)
        phone = await stage.carrier.rings(MOBILES[person], DEADLINE)
        await asyncio.gather(call.ended(DEADLINE), phone.ended(DEADLINE))
    finally:
        for path, other in hidden:
            other.with_suffix(path.suffix).rename(path)
    history = await stage.finished("+19177770230")
    assert (history.call.outcome, history.call.person) == ("connected", person)
    saw("accepted by a press without a prompt")


async def test_the_patient_hangs_up_in_mid_ladder(practice: Stage, saw: Saw) -> None:
    """Row 25: the phone falls silent within a second, and a message with a number is open."""
    stage = practice
    stage.set_time(SATURDAY)
    person = stage.person("oncall")
    stage.carrier.answers(MOBILES[person], never_answers())
    call = await stage.carrier.dials(BACK_LINE, caller="+19177770250", script=patient(at_most=60))
    phone = await stage.carrier.rings(MOBILES[person], DEADLINE)
    await asyncio.sleep(1)
    began = time.monotonic()
    await stage.carrier.hang_up(call)
    await phone.ended(DEADLINE)
    gone = time.monotonic() - began
    history = await stage.finished("+19177770250")
    assert gone < 1
    assert history.message is not None
    assert history.message.callback_number == "+19177770250"
    saw(f"the mobile was silent after {gone:.2f} s; the message is open")


async def test_the_same_caller_three_times(practice: Stage, saw: Saw) -> None:
    """Row 29: every call is in the log, and one message is escalated."""
    stage = practice
    stage.set_time(SATURDAY)
    for number in MOBILES.values():
        stage.carrier.answers(number, never_answers())
    found = set()
    for _ in range(3):
        call = await stage.carrier.dials(
            BACK_LINE, caller="+19177770290", script=patient(at_most=2)
        )
        await call.ended(DEADLINE)
        history = await stage.finished("+19177770290")
        found.add((history.call.id, history.call.message))
    assert len({call for call, _ in found}) == 3
    assert len({message for _, message in found}) == 1
    saw("three calls in the log, one message")
