"""What carriers do that is allowed and rare: pings in a call, keys as tones, ways to a number.

Each was reported to other systems by somebody whose calls it cost.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from pbx.demo.carrier.config import KEYS_AS_INFO, KEYS_AS_TONES
from pbx.demo.carrier.handset import Handset
from pbx.demo.scenes import BACK_LINE, MAIN, SATURDAY, TUESDAY
from pbx.demo.stage import Stage, staged
from tests.calls.conftest import CONFIG
from tests.conftest import Saw
from tests.support.desk import DeskPhone
from tests.support.sip import Dialog, SipSocket, office
from tests.support.stages import calls_logged, never_answers, restart_daemon

pytestmark = pytest.mark.asyncio(loop_scope="session")

DEADLINE = 60.0
USER = "100100_office"
SDP = {"Content-Type": "application/sdp"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def registering() -> AsyncIterator[Stage]:
    """Start an office that registers with its carrier, by a user name."""
    with tempfile.TemporaryDirectory(prefix="officeline-registering-") as folder:
        config = Path(folder) / "office.toml"
        kind = f'kind = "registration"\nusername = "{USER}"'
        config.write_text(CONFIG.read_text().replace('kind = "address" ', f"{kind} "))
        async with staged(Path(folder), config, SATURDAY) as stage:
            yield stage


async def test_pings_in_a_call_are_answered(stage: Stage, caller: str) -> None:
    """OpenSIPS and Kamailio end a call whose OPTIONS nobody answers; others send an empty INFO.

    See OpenSIPS/opensips#2535 and kamailio/kamailio#438.
    """
    stage.set_time(SATURDAY)
    with SipSocket(stage.carrier.host, office(stage)) as carrier:
        call = await asyncio.to_thread(Dialog.called, carrier, MAIN, caller, SDP)
        for method in ("OPTIONS", "INFO", "OPTIONS"):
            assert await asyncio.to_thread(call.asks, method) == 200, method
        assert await asyncio.to_thread(call.asks, "BYE") == 200
    await stage.finished(caller)


async def test_a_call_that_replaces_none_of_ours_is_a_call(stage: Stage, caller: str) -> None:
    """A transferred call may name a call of the hospital's own: we answer it as any other."""
    stage.set_time(SATURDAY)
    replaces = {**SDP, "Replaces": "abc@pbx.example;to-tag=1;from-tag=2", "Supported": "replaces"}
    with SipSocket(stage.carrier.host, office(stage)) as carrier:
        call = await asyncio.to_thread(Dialog.called, carrier, MAIN, caller, replaces)
        assert await asyncio.to_thread(call.asks, "BYE") == 200
    assert (await stage.finished(caller)).call.line == "main"


async def test_a_transfer_by_the_carrier_leads_nowhere(stage: Stage, caller: str) -> None:
    """The call itself goes on."""
    stage.set_time(SATURDAY)
    with SipSocket(stage.carrier.host, office(stage)) as carrier:
        call = await asyncio.to_thread(Dialog.called, carrier, MAIN, caller, SDP)
        refer = {"Refer-To": f"<sip:911@{stage.carrier.host}>"}
        assert await asyncio.to_thread(call.asks, "REFER", refer, 1.0) is None
        assert await asyncio.to_thread(call.asks, "OPTIONS") == 200
        assert await asyncio.to_thread(call.asks, "BYE") == 200
        # nobody is told that we take messages, in a call or outside
        text, known = carrier.request("OPTIONS", MAIN)
        carrier.send(text)
        answer = carrier.receive() or ""
        assert known in answer
        (allow,) = [line for line in answer.splitlines() if line.startswith("Allow:")]
        assert "MESSAGE" not in allow
        assert await asyncio.to_thread(carrier.asks, "MESSAGE", MAIN) == 501
    await stage.finished(caller)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Privacy", "id"),
        ("Privacy", "Critical; ID"),
        ("Privacy", "user;header;session"),
        ("Remote-Party-ID", '"A" <sip:{}@carrier.example>;party=calling;privacy=full;screen=yes'),
    ],
)
async def test_a_number_that_came_withheld_is_nobodys(
    stage: Stage, caller: str, header: str, value: str
) -> None:
    """It is in no log, no database and no record, and the desk phone does not show it."""
    stage.set_time(TUESDAY)
    stage.carrier.answers("desk1", never_answers())
    desk = DeskPhone(stage, "desk2")
    await asyncio.to_thread(desk.register)
    with SipSocket(stage.carrier.host, office(stage)) as carrier:
        headers = {**SDP, header: value.format(caller)}
        rings = asyncio.create_task(asyncio.to_thread(desk.picks_up, DEADLINE))
        call = await asyncio.to_thread(Dialog.called, carrier, MAIN, caller, headers)
        await rings
        assert await asyncio.to_thread(call.asks, "BYE") == 200
    shown = desk.invite()
    desk.vanishes()
    assert (await stage.finished(None)).call.person == "desk2"
    assert caller[2:] not in shown
    assert places_with(stage, caller[2:]) == []


async def test_who_says_that_nothing_is_withheld_is_known(stage: Stage, caller: str) -> None:
    """As carriers do that always write the header."""
    stage.set_time(SATURDAY)
    with SipSocket(stage.carrier.host, office(stage)) as carrier:
        headers = {**SDP, "Privacy": "none"}
        call = await asyncio.to_thread(Dialog.called, carrier, MAIN, caller, headers)
        assert await asyncio.to_thread(call.asks, "BYE") == 200
    assert (await stage.finished(caller)).call.caller == caller
    assert places_with(stage, caller[2:]) != []


async def test_the_standby_does_not_learn_a_withheld_number(
    registering: Stage, caller: str
) -> None:
    """While the control layer is dead, too."""
    stage = registering
    await stage.stop_daemon()
    try:
        with SipSocket(stage.carrier.host, office(stage)) as carrier:
            headers = {**SDP, "Privacy": "id"}
            call = await asyncio.to_thread(Dialog.called, carrier, MAIN, caller, headers)
            assert await asyncio.to_thread(call.asks, "BYE") == 200
    finally:
        await restart_daemon(stage)
    assert (await stage.history(None)).call.line == "main"
    assert places_with(stage, caller[2:]) == []


def places_with(stage: Stage, digits: str) -> list[str]:
    """Name the files of an office in which these digits stand."""
    found = []
    for path in stage.home.folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # databases end their journals meanwhile
            if path.is_file() and digits.encode() in path.read_bytes():
                found.append(path.name)
    return found


@pytest.mark.parametrize("trunk", [KEYS_AS_TONES, KEYS_AS_INFO])
async def test_keys_are_heard_however_they_come(stage: Stage, saw: Saw, trunk: str) -> None:
    """As tones where RFC 4733 was not agreed on, and as INFO; a number is heard once, not twice."""
    stage.set_time(SATURDAY)

    async def keys(phone: Handset) -> None:
        for one in ("1", "9175550177#"):
            await phone.wait(1.5)
            await phone.press(one)
        await phone.wait(2)

    call = await stage.carrier.dials(MAIN, caller="911", script=keys, trunk=trunk)
    await call.ended(DEADLINE)
    history = await stage.finished(None)
    assert history.message is not None
    assert history.message.urgency == "urgent"
    assert history.message.callback_number == "+19175550177"
    saw("a menu's key and a whole number")


@pytest.mark.parametrize(
    ("to", "line"),
    [
        (f"<sip:{MAIN}@carrier.example>", "main"),
        (f'"Line 1: {MAIN}" <sip:{MAIN}@carrier.example>', "main"),
        (f'"Us" <sip:{MAIN[2:]};npdi;rn=+12125559999@carrier.example:5060;user=phone>', "main"),
        (f"<tel:{MAIN[:2]}-{MAIN[2:5]}-{MAIN[5:8]}-{MAIN[8:]}>", "main"),
        (f"<sip:{BACK_LINE[1:]};phone-context=+1@carrier.example>", "backline"),
    ],
)
async def test_a_call_to_our_user_name_reaches_the_number_in_to(
    registering: Stage, caller: str, to: str, line: str
) -> None:
    """As with jambonz/jambonz-feature-server#179 and inextrix/ASTPP#339."""
    stage = registering
    with SipSocket(stage.carrier.host, office(stage)) as carrier:
        headers = {**SDP, "To": to}
        call = await asyncio.to_thread(Dialog.called, carrier, USER, caller, headers)
        assert await asyncio.to_thread(call.asks, "BYE") == 200
    assert (await stage.finished(caller)).call.line == line


@pytest.mark.parametrize(
    "to",
    [USER, "911", "heartbeat", "+19175550000", "s", "h", "%22%5D%2CSystem(x)", "100100", ""],
)
async def test_a_call_to_our_user_name_leads_nowhere_else(registering: Stage, to: str) -> None:
    """No number of ours in To: 404, and no line, no 911 and no loop."""
    stage = registering
    before = await calls_logged(stage)
    with SipSocket(stage.carrier.host, office(stage)) as carrier:
        user = f"{to}@" if to else ""
        headers = {**SDP, "To": f"<sip:{user}carrier.example>"}
        asked = carrier.asks
        status = await asyncio.to_thread(
            lambda: asked("INVITE", USER, headers=headers, body=carrier.sdp())
        )
        assert status == 404
    assert await calls_logged(stage) == before


async def test_a_second_phone_that_picks_up_disturbs_nobody(stage: Stage, caller: str) -> None:
    """A proxy that forks may hand on two 200 OK (pjsip/pjproject#3234): the first one talks.

    Asterisk sends the second its ACK for the first, and no BYE; it ends by itself (ADR 50).
    """
    stage.set_time(TUESDAY)
    stage.carrier.answers("desk1", never_answers())
    desk = DeskPhone(stage, "desk2")
    await asyncio.to_thread(desk.register)

    async def listens(phone: Handset) -> None:
        await phone.wait_hangup()

    rings = asyncio.create_task(asyncio.to_thread(desk.picks_up_forked, DEADLINE))
    call = await stage.carrier.dials(MAIN, caller=caller, script=listens)
    answers = await rings
    assert [one for one in answers if not one.startswith(("ACK ", "OPTIONS "))] == []
    assert [one for one in answers if ";tag=other" in one] == []
    assert await asyncio.to_thread(desk.holds, "sendrecv") == 200
    await asyncio.to_thread(desk.hangs_up)
    await call.ended(DEADLINE)
    history = await stage.finished(caller)
    assert (history.call.outcome, history.call.person) == ("connected", "desk2")
