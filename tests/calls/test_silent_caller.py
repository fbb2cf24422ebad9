"""A caller without audio is not hung up while waiting; a dead conversation is ended."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest

from pbx.demo.carrier.handset import Handset
from pbx.demo.scenes import BACK_LINE, MAIN, SATURDAY, TUESDAY
from pbx.demo.stage import MOBILES, TONES, Stage, staged
from tests.conftest import Saw
from tests.support.desk import DeskPhone
from tests.support.offices import ROOT
from tests.support.sip import Dialog, SipSocket, office
from tests.support.stages import never_answers

pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]

DEADLINE = 120.0
CALLER = "+19177770430"


async def reached_in_the_last_step(stage: Stage) -> bool:
    """Wait 75 s on the escalation without a packet, and then talk to lee, who has a lot to say.

    Return whether lee said all of it.
    """
    said = False

    async def talks(phone: Handset) -> None:
        nonlocal said
        await phone.ring(0.5)
        await phone.answer()
        await phone.wait(1)
        await phone.press("1")
        await phone.tone(TONES["lee"], 110)
        said = True

    for person in ("osei", "patel"):
        stage.carrier.answers(MOBILES[person], never_answers())
    stage.carrier.answers(MOBILES["lee"], talks)
    mobile = await stage.carrier.rings(MOBILES["lee"], DEADLINE)
    await mobile.ended(DEADLINE)
    return said


async def test_a_silent_caller_is_held_and_a_dead_conversation_ended(saw: Saw) -> None:
    """Longer on the escalation than Asterisk's limit of a conversation, which holds after that."""
    with tempfile.TemporaryDirectory(prefix="officeline-silent-") as name:
        config = ROOT / "config" / "office.toml"
        async with staged(Path(name), config, SATURDAY) as stage:
            lee = asyncio.create_task(reached_in_the_last_step(stage))
            with SipSocket("127.0.0.2", office(stage)) as phone:
                headers = {"Content-Type": "application/sdp"}
                await asyncio.to_thread(Dialog.called, phone, BACK_LINE, CALLER, headers)
                said = await lee
            history = await stage.finished(CALLER)
            assert (history.call.outcome, history.call.person) == ("connected", "lee")
            assert not said
            saw("waited for 75 s without a packet, then connected; a conversation was ended")


@pytest.mark.parametrize("way", ["sendonly", "inactive"])
async def test_a_caller_whom_the_desk_holds_is_not_hung_up(saw: Saw, way: str) -> None:
    """Neither phone sends audio meanwhile, longer than the limits of a conversation."""
    with tempfile.TemporaryDirectory(prefix="officeline-silent-") as name:
        config = ROOT / "config" / "office.toml"
        async with staged(Path(name), config, TUESDAY) as stage:
            stage.carrier.answers("desk1", never_answers())
            desk = DeskPhone(stage, "desk2")
            await asyncio.to_thread(desk.register)
            with SipSocket("127.0.0.2", office(stage)) as phone:
                headers = {"Content-Type": "application/sdp"}
                rings = asyncio.create_task(asyncio.to_thread(desk.picks_up, DEADLINE))
                await asyncio.to_thread(Dialog.called, phone, MAIN, CALLER, headers)
                await rings
                assert await asyncio.to_thread(desk.holds, way) == 200
                await asyncio.sleep(75)
                assert stage.daemon.recorder.talking
                assert await asyncio.to_thread(desk.holds, "sendrecv") == 200
                await asyncio.to_thread(desk.hangs_up)
            history = await stage.finished(CALLER)
            assert (history.call.outcome, history.call.person) == ("connected", "desk2")
            saw(f"on hold ({way}) for 75 s without a packet: still there")
