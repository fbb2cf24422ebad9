"""Who keys in slowly is waited for; who accepts after the step is told that it is too late."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from dialplan.contexts import STATIC
from pbx.config import secrets
from pbx.config.home import Home
from pbx.demo.carrier import audio
from pbx.demo.carrier.handset import Handset, Script, refuses
from pbx.demo.scenes import BACK_LINE, SATURDAY, patient, physician
from pbx.demo.stage import MOBILES, PATIENT_TONE, TONES, Stage, staged
from pbx.escalation.pins import hashed
from tests.calls.test_follow_up import PIN
from tests.conftest import Saw
from tests.support.offices import changed
from tests.support.stages import restart_daemon

pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]

DEADLINE = 90.0
TOO_LATE = 1100.0  # Hz, in the place of the sentence
STEP = '{ try = "oncall", ring = 20 }'
TALKS_BRIEFLY = ("[escalation.urgent]", '[escalation.urgent]\nfollow_up = { cut_off = "1s" }')


@asynccontextmanager
async def office(step: str) -> AsyncIterator[Stage]:
    """Run a practice whose first step is this one."""
    with tempfile.TemporaryDirectory(prefix="officeline-late-") as name:
        folder = Path(name)
        own = Home(folder / "office").recordings
        own.mkdir(parents=True)
        audio.write_tone(own / "too-late.wav", TOO_LATE, 1.5)
        config = folder / "office.toml"
        config.write_text(changed((STEP, step), TALKS_BRIEFLY))
        async with staged(folder, config, SATURDAY) as stage:
            try:
                yield stage
            finally:
                await stage.settle()


def hurried(monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    """End each step so soon, in which somebody still listens: what no leg outlasts otherwise."""
    bound = "$[${OL_RING} + 120]"
    assert bound in STATIC
    monkeypatch.setattr("dialplan.extensions.STATIC", STATIC.replace(bound, str(seconds)))


def presses_late(person: str, *, after: float) -> Script:
    """Pick up at once, listen to both prompts, press 1 so long after, and talk if joined."""

    async def script(phone: Handset) -> None:
        await phone.ring(0.5)
        await phone.answer()
        await phone.wait(after)
        await phone.press("1")
        await phone.tone(TONES[person], 4)
        await phone.hang_up()

    return script


async def test_who_keys_in_a_pin_slowly_is_joined(saw: Saw) -> None:
    """A slip and a slow second try: the step ends no sooner than both are keyed in."""
    async with office(STEP.replace("20 }", '2, confirm = "pin" }')) as stage:
        secrets.change(stage.home.folder, lambda held: held.with_pin("osei", hashed(PIN)))

        async def keys(phone: Handset) -> None:
            await phone.ring(1)
            await phone.answer()
            for key in "111213":
                await phone.wait(2)
                await phone.press(key)
            await phone.wait(3)
            for key in PIN:
                await phone.wait(2)
                await phone.press(key)
            await phone.wait(1)
            await phone.tone(TONES["osei"], 2)
            await phone.hang_up()

        stage.carrier.answers(MOBILES["osei"], keys)
        stage.carrier.answers(MOBILES["patel"], physician("patel"))
        caller = "+19177770381"
        call = await stage.carrier.dials(BACK_LINE, caller=caller, script=patient(at_most=60))
        mobile = await stage.carrier.rings(MOBILES["osei"], DEADLINE)
        await asyncio.gather(call.ended(DEADLINE), mobile.ended(DEADLINE))
        history = await stage.finished(caller)
        results = {leg.person: leg.result for leg in history.legs}
        assert (history.call.outcome, results) == ("connected", {"osei": "accepted"})
        assert mobile.heard_tone(PATIENT_TONE)
        saw("a wrong PIN, then 12 s for the second one: connected")


async def test_who_presses_after_the_step_hears_that_it_is_too_late(
    monkeypatch: pytest.MonkeyPatch, saw: Saw
) -> None:
    """The backup talks to the patient, and the log names the backup."""
    hurried(monkeypatch, 4)
    async with office(STEP) as stage:
        stage.carrier.answers(MOBILES["osei"], presses_late("osei", after=5))
        stage.carrier.answers(MOBILES["patel"], physician("patel"))
        caller = "+19177770382"
        call = await stage.carrier.dials(BACK_LINE, caller=caller, script=patient(at_most=60))
        mobile = await stage.carrier.rings(MOBILES["osei"], DEADLINE)
        await asyncio.gather(call.ended(DEADLINE), mobile.ended(DEADLINE))
        history = await stage.finished(caller)
        assert mobile.heard_tone(TOO_LATE)
        assert not mobile.heard_tone(PATIENT_TONE)
        assert (history.call.outcome, history.call.person) == ("connected", "patel")
        results = {leg.person: leg.result for leg in history.legs}
        assert results == {"osei": "too late", "patel": "accepted"}
        saw("heard that it is too late; the log names the person who talked")


async def test_the_failsafe_tells_who_is_too_late(
    monkeypatch: pytest.MonkeyPatch, saw: Saw
) -> None:
    """No control layer, no standby: whoever it rings next talks to the patient."""
    hurried(monkeypatch, 4)
    async with office(STEP) as stage:
        stage.home.standby_script.write_text("#!/bin/sh\nexit 1\n")
        await stage.stop_daemon()
        try:
            stage.carrier.answers(MOBILES["osei"], presses_late("osei", after=5))
            call = await stage.carrier.dials(
                BACK_LINE, caller="+19177770384", script=patient(at_most=30)
            )
            mobile = await stage.carrier.rings(MOBILES["osei"], DEADLINE)
            for person in ("lee", "patel"):
                stage.carrier.answers(MOBILES[person], physician(person))
            await asyncio.gather(call.ended(DEADLINE), mobile.ended(DEADLINE))
        finally:
            await restart_daemon(stage)
        assert mobile.heard_tone(TOO_LATE)
        assert not mobile.heard_tone(PATIENT_TONE)
        assert call.heard_tone(TONES["lee"]) or call.heard_tone(TONES["patel"])
        saw("also with the failsafe: heard that it is too late")


async def test_where_nobody_else_answers_a_message_is_open(
    monkeypatch: pytest.MonkeyPatch, saw: Saw
) -> None:
    """On the back line, too, where nobody left a message before: it is not lost."""
    hurried(monkeypatch, 4)
    async with office(STEP) as stage:
        stage.carrier.answers(MOBILES["osei"], presses_late("osei", after=5))
        for person in ("lee", "patel"):
            stage.carrier.answers(MOBILES[person], refuses(486))
        caller = "+19177770383"
        call = await stage.carrier.dials(BACK_LINE, caller=caller, script=patient(at_most=30))
        mobile = await stage.carrier.rings(MOBILES["osei"], DEADLINE)
        await mobile.ended(DEADLINE)
        stage.carrier.answers(MOBILES["osei"], refuses(486))
        await stage.carrier.hang_up(call)
        history = await stage.finished(caller)
        assert mobile.heard_tone(TOO_LATE)
        assert (history.call.outcome, history.call.person) == ("message", None)
        assert history.message is not None
        assert history.message.state == "open"
        saw("the back line's message is open")
