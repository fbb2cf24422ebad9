"""A mobile that the carrier finds late is rung: 100 at once, and 180 many seconds later."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from pbx.demo.carrier.handset import Handset, Script
from pbx.demo.scenes import BACK_LINE, SATURDAY, patient, physician
from pbx.demo.stage import MOBILES, PATIENT_TONE, TONES, Stage, staged
from tests.calls.test_follow_up import PIN, leaves_a_message, state_is, with_pin
from tests.calls.test_shift_start import becomes, starting
from tests.calls.test_standby import nobody_restarts
from tests.conftest import Saw
from tests.support.office_up import office_up
from tests.support.offices import changed
from tests.support.stages import did_not_ring

pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]

DEADLINE = 90.0
RING_S = 8
SHORT = (
    ('{ try = "oncall", ring = 20 }', f'{{ try = "oncall", ring = {RING_S} }}'),
    ('backup = "next"', 'backup = "next"\nconfirm = { tries = 2, every = "2s" }'),
    (
        "[escalation.urgent]",
        '[escalation.urgent]\nfollow_up = { cut_off = "1s" }',
    ),  # they talk for 2 s
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def practice() -> AsyncIterator[Stage]:
    """Start a practice whose steps ring for so long; who is on call rings, then the backup."""
    with tempfile.TemporaryDirectory(prefix="officeline-late-") as folder:
        config = Path(folder) / "office.toml"
        config.write_text(changed(*SHORT))
        async with staged(Path(folder), config, SATURDAY) as stage:
            yield stage


def found_after(person: str, seconds: float, *, rings: float = 1.0) -> Script:
    """Be looked for, ring, pick up, press 1, talk for two seconds."""

    async def script(phone: Handset) -> None:
        await phone.wait(seconds)
        await phone.ring(rings)
        await phone.answer()
        await phone.wait(1)
        await phone.press("1")
        await phone.wait(0.3)
        await phone.tone(TONES[person], 2)
        await phone.hang_up()

    return script


@pytest.mark.parametrize("seconds", [4.5, 6, 8, 11])
async def test_a_mobile_found_late_is_rung(
    practice: Stage, caller: str, saw: Saw, seconds: float
) -> None:
    """Whoever is on call is reached, and nobody else's phone rings."""
    first, second = practice.person("oncall"), practice.person("backup")
    practice.carrier.answers(MOBILES[first], found_after(first, seconds, rings=RING_S - 2))
    practice.carrier.answers(MOBILES[second], physician(second))
    call = await practice.carrier.dials(BACK_LINE, caller=caller, script=patient(at_most=40))
    mobile = await practice.carrier.rings(MOBILES[first], DEADLINE)
    await asyncio.gather(call.ended(DEADLINE), mobile.ended(DEADLINE))
    history = await practice.finished(caller)
    assert (history.call.outcome, history.call.person) == ("connected", first)
    assert call.heard_tone(TONES[first])
    assert mobile.heard_tone(PATIENT_TONE)
    assert did_not_ring(practice.carrier, MOBILES[second])
    saw(f"found after {seconds:g} s: rang and was connected")


async def test_who_rings_at_once_rings_no_longer(practice: Stage, caller: str) -> None:
    """What picks up after the step, as a voicemail does, is not let in."""
    first, second = practice.person("oncall"), practice.person("backup")
    practice.carrier.answers(MOBILES[first], found_after(first, 0, rings=RING_S + 3))
    practice.carrier.answers(MOBILES[second], physician(second))
    call = await practice.carrier.dials(BACK_LINE, caller=caller, script=patient(at_most=40))
    mobile = await practice.carrier.rings(MOBILES[first], DEADLINE)
    await asyncio.gather(call.ended(DEADLINE), mobile.ended(DEADLINE))
    history = await practice.finished(caller)
    assert mobile.answered_at is None
    assert (history.call.outcome, history.call.person) == ("connected", second)
    assert history.legs[0].result == "no answer"


async def test_a_mobile_that_is_never_found_is_left(practice: Stage, caller: str) -> None:
    """The carrier answered 100 and nothing else: the step ends by itself, as unreachable."""
    first, second = practice.person("oncall"), practice.person("backup")
    practice.carrier.answers(MOBILES[first], found_after(first, 60))
    practice.carrier.answers(MOBILES[second], physician(second))
    call = await practice.carrier.dials(BACK_LINE, caller=caller, script=patient(at_most=40))
    await call.ended(DEADLINE)
    history = await practice.finished(caller)
    assert (history.call.outcome, history.call.person) == ("connected", second)


async def test_the_follow_up_rings_a_mobile_that_is_found_late(
    practice: Stage, caller: str
) -> None:
    """The message is acknowledged in the first call about it."""
    practice.set_time(SATURDAY)
    first = practice.person("oncall")
    await asyncio.to_thread(with_pin, practice, first)

    async def consults(phone: Handset) -> None:
        await phone.wait(8)
        await phone.ring(1)
        await phone.answer()
        for keys in ("1", PIN, "2"):
            await phone.wait(1)
            await phone.press(keys)
        await phone.wait(6)
        await phone.hang_up()

    practice.carrier.answers(MOBILES[first], consults)
    message = await leaves_a_message(practice, caller)
    found = await state_is(practice, message, "acknowledged")
    assert found.acknowledged_by == first


async def test_a_shift_is_confirmed_on_a_mobile_that_is_found_late(practice: Stage) -> None:
    """The first call is enough."""
    practice.carrier.answers(MOBILES["patel"], found_after("patel", 8))
    async with starting(practice, "2026-11-30 08:00"):
        await becomes(practice, "patel", "oncall", "confirmed")


async def test_the_failsafe_rings_a_mobile_that_is_found_late(saw: Saw) -> None:
    """Control layer and standby are broken: Asterisk alone waits for the phone."""
    with tempfile.TemporaryDirectory(prefix="officeline-late-") as name:
        async with office_up(Path(name)) as up:
            await up.prepared()
            for person, number in MOBILES.items():
                up.carrier.answers(number, found_after(person, 8))
            up.home.standby_script.write_text("#!/bin/sh\nexit 1\n")
            with nobody_restarts(up):
                os.kill(up.daemon_pid(), signal.SIGKILL)
                call = await up.carrier.dials(
                    BACK_LINE, caller="+19175550184", script=patient(at_most=40)
                )
                await call.ended(DEADLINE)
            (rang,) = [one for one in MOBILES if not did_not_ring(up.carrier, MOBILES[one])]
            mobile = await up.carrier.rings(MOBILES[rang], DEADLINE)
            assert mobile.heard_tone(PATIENT_TONE)
            assert call.heard_tone(TONES[rang])
            saw("by the failsafe, found after 8 s: rang and was connected")
