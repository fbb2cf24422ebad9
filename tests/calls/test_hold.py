"""A desk that holds a patient keeps the call, the patient hears music, a dead desk lets go."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest

from dialplan import pjsip
from pbx.demo.carrier import audio
from pbx.demo.carrier.handset import Handset
from pbx.demo.scenes import MAIN, TUESDAY
from pbx.demo.stage import Stage, staged
from tests.calls.conftest import CONFIG
from tests.conftest import Saw
from tests.support.desk import DeskPhone
from tests.support.stages import never_answers

pytestmark = pytest.mark.asyncio(loop_scope="session")

DEADLINE = 120.0


async def listens(phone: Handset) -> None:
    """Listen, and say nothing, until the office hangs up."""
    await phone.wait_hangup()


@pytest.mark.parametrize("way", ["sendonly", "inactive"])
async def test_a_patient_on_hold_hears_music(stage: Stage, caller: str, saw: Saw, way: str) -> None:
    """The phone sends nothing, from its first second on: whatever is heard is the music."""
    stage.set_time(TUESDAY)
    stage.carrier.answers("desk1", never_answers())
    desk = DeskPhone(stage, "desk2")
    await asyncio.to_thread(desk.register)
    rings = asyncio.create_task(asyncio.to_thread(desk.picks_up, DEADLINE))
    call = await stage.carrier.dials(MAIN, caller=caller, script=listens)
    await rings
    assert await asyncio.to_thread(desk.holds, way) == 200
    await asyncio.sleep(5)
    assert await asyncio.to_thread(desk.holds, "sendrecv") == 200
    await asyncio.to_thread(desk.hangs_up)
    await call.ended(DEADLINE)
    assert call.heard is not None
    heard = audio.read(call.heard)
    loud = len(heard) / audio.RATE - audio.quiet_seconds(heard)
    assert loud > 3.5
    assert (await stage.finished(caller)).call.person == "desk2"
    saw(f"on hold ({way}): {loud:.1f} s of music")


@pytest.mark.long
@pytest.mark.parametrize("answers", [True, False], ids=["lives", "dead"])
async def test_a_phone_that_dies_while_it_holds_lets_go(
    monkeypatch: pytest.MonkeyPatch, saw: Saw, *, answers: bool
) -> None:
    """It offered no session timers, and sends nothing either way: it is asked, by SIP.

    A patient stays on hold with a phone that lives, as in mikopbx/Core#842 and
    thevoiceguy/siphon-ai#402 one did not.
    """
    shortest = {"timers": "always", "timers_sess_expires": 90}  # RFC 4028 allows no less
    monkeypatch.setattr(pjsip, "_ASKED", shortest)
    with tempfile.TemporaryDirectory(prefix="officeline-hold-") as folder:
        async with staged(Path(folder), CONFIG, TUESDAY) as stage:
            stage.carrier.answers("desk1", never_answers())
            desk = DeskPhone(stage, "desk2")
            await asyncio.to_thread(desk.register)
            rings = asyncio.create_task(asyncio.to_thread(desk.picks_up, DEADLINE))
            call = await stage.carrier.dials(MAIN, caller="+19177770431", script=listens)
            await rings
            assert await asyncio.to_thread(desk.holds, "sendonly") == 200
            asked = await asyncio.to_thread(desk.is_asked, DEADLINE, answers=answers)
            assert "a=sendrecv" not in asked
            if answers:
                await asyncio.sleep(40)  # a dead one is given up after 32 s
                assert stage.daemon.recorder.talking
                assert await asyncio.to_thread(desk.holds, "sendrecv") == 200
                await asyncio.to_thread(desk.hangs_up)
            await call.ended(DEADLINE)
            desk.vanishes()
            assert (await stage.finished("+19177770431")).call.person == "desk2"
    saw("asked within the call; " + ("still on hold" if answers else "given up"))
