"""What the example's rules do not use, on a real Asterisk."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from pbx.demo.carrier.handset import Handset, answers, refuses
from pbx.demo.scenes import SATURDAY, TUESDAY, patient, physician
from pbx.demo.stage import MOBILES, TONES, Stage, staged
from tests.support.stages import never_answers

pytestmark = pytest.mark.asyncio(loop_scope="session")

DEADLINE = 60.0
MAIN, LAB, DIRECT = "+12125550100", "+12125550101", "+12125550102"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def practice() -> AsyncIterator[Stage]:
    """Start the practice of policy.toml and a phone network around it."""
    with tempfile.TemporaryDirectory(prefix="officeline-policy-") as folder:
        async with staged(Path(folder), Path(__file__).with_name("policy.toml"), TUESDAY) as stage:
            yield stage


async def test_an_answering_service_need_not_press(practice: Stage, caller: str) -> None:
    """Whoever answers there is human: the two talk, and the service sees the office's number."""
    practice.set_time(SATURDAY)
    practice.carrier.answers(MOBILES["patel"], answers(after=1, tone=TONES["patel"], talk=2))
    call = await practice.carrier.dials(LAB, caller=caller, script=patient(at_most=8))
    service = await practice.carrier.rings(MOBILES["patel"])
    await asyncio.gather(call.ended(DEADLINE), service.ended(DEADLINE))
    assert service.shown == MAIN
    assert call.heard_tone(TONES["patel"])
    found = (await practice.finished(caller)).call
    assert (found.outcome, found.person) == ("connected", "patel")


async def test_a_direct_line_shows_itself(practice: Stage, caller: str) -> None:
    """The physician's mobile shows the line that her patients know, never the patient."""
    practice.set_time(TUESDAY)
    practice.carrier.answers(MOBILES["lee"], physician("lee"))
    call = await practice.carrier.dials(DIRECT, caller=caller, script=patient(at_most=10))
    mobile = await practice.carrier.rings(MOBILES["lee"])
    await asyncio.gather(call.ended(DEADLINE), mobile.ended(DEADLINE))
    assert mobile.shown == DIRECT
    assert (await practice.finished(caller)).call.person == "lee"


@pytest.mark.long
async def test_a_direct_line_goes_on_to_whoever_is_on_call(practice: Stage, caller: str) -> None:
    """Her own physician is busy: by day the one on call sits at the desk, and presses nothing."""
    practice.set_time(TUESDAY)
    practice.carrier.answers(MOBILES["lee"], refuses(486))
    practice.carrier.answers("desk1", answers(after=1, tone=TONES["desk1"], talk=2))
    call = await practice.carrier.dials(DIRECT, caller=caller, script=patient(at_most=12))
    desk = await practice.carrier.rings("desk1")
    await asyncio.gather(call.ended(DEADLINE), desk.ended(DEADLINE))
    assert call.heard_tone(TONES["desk1"])
    history = await practice.finished(caller)
    assert (history.call.outcome, history.call.person) == ("connected", "osei")
    assert [leg.person for leg in history.legs] == ["lee", "osei"]


@pytest.mark.long
async def test_a_key_of_a_second_menu_decides(practice: Stage, caller: str) -> None:
    """2 leads to another menu, and 1 there to a message, whatever 1 meant before."""
    practice.set_time(SATURDAY)
    call = await practice.carrier.dials(
        MAIN, caller=caller, script=patient(press="2", keys="1", at_most=9)
    )
    await call.ended(DEADLINE)
    history = await practice.finished(caller)
    assert [decision.kind for decision in history.decisions] == ["menu", "menu", "message"]
    assert (history.call.outcome, history.call.urgency) == ("message", "routine")


async def test_the_third_call_in_an_hour_is_urgent(practice: Stage, caller: str) -> None:
    """Two calls that reached nobody, and the third goes to whoever is on call without a menu."""
    practice.set_time(SATURDAY)
    practice.carrier.answers(MOBILES["osei"], never_answers())

    async def gives_up(phone: Handset) -> None:
        await phone.wait(1)

    for _ in range(2):
        call = await practice.carrier.dials(MAIN, caller=caller, script=gives_up)
        await call.ended(DEADLINE)
    practice.carrier.answers(MOBILES["osei"], physician("osei"))
    call = await practice.carrier.dials(MAIN, caller=caller, script=patient(at_most=10))
    mobile = await practice.carrier.rings(MOBILES["osei"])
    await asyncio.gather(call.ended(DEADLINE), mobile.ended(DEADLINE))
    history = await practice.finished(caller)
    assert [decision.kind for decision in history.decisions] == ["escalation"]
    assert history.decisions[0].reasons[1].rule == "third call in an hour is urgent"


async def test_strangers_who_withhold_their_number_are_no_repeat(practice: Stage) -> None:
    """Three of them within the hour are three first calls: each hears the menu."""
    practice.set_time(SATURDAY)

    async def script(phone: Handset) -> None:
        await phone.wait(1)

    for _ in range(3):
        call = await practice.carrier.dials(MAIN, caller="+266696687", script=script)
        await call.ended(DEADLINE)
        found = await practice.finished(None)
        assert [one.kind for one in found.decisions] == ["menu"]
