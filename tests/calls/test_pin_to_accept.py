"""A PIN instead of a 1: keyed in before the patient is heard, and no lock on a dead office."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from pbx.config import secrets
from pbx.db import pins
from pbx.db.database import open_database
from pbx.demo.carrier.handset import Handset, Script
from pbx.demo.scenes import BACK_LINE, SATURDAY, patient, physician
from pbx.demo.stage import MOBILES, PATIENT_TONE, TONES, Stage, staged
from pbx.escalation.pins import hashed
from tests.support.stages import restart_daemon

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROOT = Path(__file__).parents[2]
DEADLINE = 60.0
PIN = "472916"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def practice() -> AsyncIterator[Stage]:
    """Start the example practice, whose first step asks for a PIN; osei is on call, then patel."""
    with tempfile.TemporaryDirectory(prefix="officeline-pin-") as folder:
        text = (ROOT / "config/office.toml").read_text()
        first = '{ try = "oncall", ring = 20 }'
        config = Path(folder) / "office.toml"
        config.write_text(text.replace(first, first.replace(" }", ', confirm = "pin" }'), 1))
        async with staged(Path(folder), config, SATURDAY) as stage:
            secrets.change(stage.home.folder, lambda held: held.with_pin("osei", hashed(PIN)))
            yield stage


def keys_in(person: str, *keys: str) -> Script:
    """Pick up, key in one after the other, talk to whoever is there, hang up."""

    async def script(phone: Handset) -> None:
        await phone.ring(1)
        await phone.answer()
        await phone.wait(2.5)
        for key in keys:
            await phone.press(key)
            await phone.wait(3.5)
        await phone.tone(TONES[person], 2)
        await phone.hang_up()

    return script


def wrong(stage: Stage) -> int:
    """Count the wrong PINs of whoever was locked by them."""
    engine = open_database(stage.home.database)
    try:
        return sum(one.tries for one in pins.locked(engine, stage.clock.now()))
    finally:
        engine.dispose()


async def test_the_patient_is_heard_after_the_right_pin(practice: Stage, caller: str) -> None:
    """A slip is asked again; nothing of the patient is heard before."""
    practice.carrier.answers(MOBILES["osei"], keys_in("osei", "111213", PIN))
    call = await practice.carrier.dials(BACK_LINE, caller=caller, script=patient(at_most=20))
    mobile = await practice.carrier.rings(MOBILES["osei"], DEADLINE)
    await asyncio.gather(call.ended(DEADLINE), mobile.ended(DEADLINE))
    history = await practice.finished(caller)
    assert (history.call.outcome, history.call.person) == ("connected", "osei")
    assert call.heard_tone(TONES["osei"])
    assert mobile.heard_tone(PATIENT_TONE)


@pytest.mark.long
async def test_a_one_is_no_pin_and_the_next_step_asks_none(practice: Stage, caller: str) -> None:
    """Somebody else has the phone: the patient reaches the backup, who presses 1."""
    practice.carrier.answers(MOBILES["osei"], keys_in("osei", "1", "472917", "1", "1"))
    practice.carrier.answers(MOBILES["patel"], physician("patel"))
    call = await practice.carrier.dials(BACK_LINE, caller=caller, script=patient(at_most=40))
    mobile = await practice.carrier.rings(MOBILES["osei"], DEADLINE)
    backup = await practice.carrier.rings(MOBILES["patel"], DEADLINE)
    await asyncio.gather(*(one.ended(DEADLINE) for one in (call, mobile, backup)))
    history = await practice.finished(caller)
    assert (history.call.outcome, history.call.person) == ("connected", "patel")
    assert not mobile.heard_tone(PATIENT_TONE)
    assert {leg.person: leg.result for leg in history.legs} == {
        "osei": "declined",
        "patel": "accepted",
    }


@pytest.mark.long
async def test_five_wrong_ones_lock_it(practice: Stage, caller: str) -> None:
    """They count with those of the physician's menu: the right one is refused then."""
    for number in range(3):
        practice.carrier.answers(MOBILES["osei"], keys_in("osei", "111213", "111214"))
        practice.carrier.answers(MOBILES["patel"], physician("patel"))
        call = await practice.carrier.dials(
            BACK_LINE, caller=f"{caller[:-1]}{number}", script=patient(at_most=40)
        )
        await call.ended(DEADLINE)
    assert await asyncio.to_thread(wrong, practice) == pins.LIMIT
    engine = open_database(practice.home.database)
    pins.unlock(engine, "osei", by="amy", now=practice.clock.now())
    engine.dispose()


@pytest.mark.long
async def test_whoever_has_no_pin_presses_one(practice: Stage, caller: str) -> None:
    """Nobody can know it: the office does not keep the patient from lee."""
    practice.set_time("2026-12-12 02:10")  # lee's week
    practice.carrier.answers(MOBILES["lee"], keys_in("lee", "472916", "1"))
    call = await practice.carrier.dials(BACK_LINE, caller=caller, script=patient(at_most=25))
    await call.ended(DEADLINE)
    practice.set_time(SATURDAY)
    assert call.heard_tone(TONES["lee"])


async def test_with_a_dead_control_layer_a_one_counts(practice: Stage, caller: str) -> None:
    """It dies while the phone rings: the PIN gets no answer, the 1 after it connects."""
    practice.carrier.answers(MOBILES["osei"], keys_in("osei", PIN, "1"))
    call = await practice.carrier.dials(BACK_LINE, caller=caller, script=patient(at_most=25))
    mobile = await practice.carrier.rings(MOBILES["osei"], DEADLINE)
    await practice.stop_daemon()
    try:
        await asyncio.gather(call.ended(DEADLINE), mobile.ended(DEADLINE))
        assert call.heard_tone(TONES["osei"])
        assert mobile.heard_tone(PATIENT_TONE)
    finally:
        await restart_daemon(practice)
