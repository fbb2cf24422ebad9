"""Star by mistake at the menu: a question for a PIN, and then the menu again, never a hang-up."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from pbx.db.calls import History
from pbx.demo.carrier.handset import Handset
from pbx.demo.scenes import MAIN, SATURDAY, SAY_REASON_S, physician
from pbx.demo.stage import MOBILES, PATIENT_TONE, TONES, Stage, staged
from tests.calls.conftest import CONFIG
from tests.conftest import Saw
from tests.support.stages import restart_daemon

pytestmark = pytest.mark.asyncio(loop_scope="session")

DEADLINE = 90.0
SILENCE_S = 9.0  # the question for the PIN, and how long it is waited for
Keys = Callable[[Handset], Awaitable[None]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def practice() -> AsyncIterator[Stage]:
    """Start the example practice for itself: its control layer is ended."""
    with tempfile.TemporaryDirectory(prefix="officeline-star-") as folder:
        async with staged(Path(folder), CONFIG, SATURDAY) as stage:
            yield stage


async def nothing(phone: Handset) -> None:
    """Be silent until the menu is over."""
    await phone.wait(SILENCE_S + 14)


async def star_again(phone: Handset) -> None:
    """Say nothing to the question for a PIN, and press star at the menu again."""
    await phone.wait(SILENCE_S + 1.5)
    await phone.press("*")


async def urgent_there(phone: Handset) -> None:
    """Press what the menu offered, at the question for a PIN, and then at the menu."""
    await phone.wait(1.5)
    await phone.press("1")
    await phone.wait(7.5)
    await phone.press("1")


async def wrong_pins(phone: Handset) -> None:
    """Give three PINs that are none, and press urgent at the menu."""
    for guess in ("12123456", "34234567", "56345678"):
        await phone.wait(2.5)
        await phone.press(guess)
    await phone.wait(7)
    await phone.press("1")


def after_star(*keys: Keys) -> Keys:
    """Press star at the menu, do this, then leave number and words, and talk."""

    async def script(phone: Handset) -> None:
        await phone.wait(1.5)
        await phone.press("*")
        for one in keys:
            await one(phone)
        await phone.wait(2)
        await phone.press("#")
        await phone.wait(SAY_REASON_S)
        await phone.tone(PATIENT_TONE, 2)
        await phone.press("#")
        for _ in range(30):
            await phone.tone(PATIENT_TONE, 1)

    return script


async def reaches(stage: Stage, caller: str, script: Keys) -> History:
    """Call by night; whoever is on call is reached, and the message was there before."""
    stage.set_time(SATURDAY)
    person = stage.person("oncall")
    stage.carrier.answers(MOBILES[person], physician(person))
    call = await stage.carrier.dials(MAIN, caller=caller, script=script)
    phone = await stage.carrier.rings(MOBILES[person], DEADLINE)
    await asyncio.gather(call.ended(DEADLINE), phone.ended(DEADLINE))
    assert call.heard_tone(TONES[person])
    return await stage.finished(caller)


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param(nothing, marks=pytest.mark.long),
        star_again,
        urgent_there,
        pytest.param(wrong_pins, marks=pytest.mark.long),
    ],
)
async def test_a_patient_who_pressed_star_is_back_at_the_menu(
    practice: Stage, caller: str, saw: Saw, keys: Keys
) -> None:
    """Row 41: then silence and star are urgent, as any wrong key is, and 1 means what it says."""
    history = await reaches(practice, caller, after_star(keys))
    assert [one.kind for one in history.decisions] == ["menu", "menu", "escalation"]
    assert (history.call.outcome, history.call.urgency) == ("connected", "urgent")
    assert history.message is not None
    saw(f"{keys.__name__.replace('_', ' ')}: the menu again, then the person on call")


async def test_who_hangs_up_at_the_question_is_who_hangs_up_at_the_menu(
    practice: Stage, caller: str
) -> None:
    """The call is logged, and there is no message: nothing was said to be urgent yet."""
    practice.set_time(SATURDAY)

    async def script(phone: Handset) -> None:
        await phone.wait(1.5)
        await phone.press("*")
        await phone.wait(2)

    call = await practice.carrier.dials(MAIN, caller=caller, script=script)
    await call.ended(DEADLINE)
    history = await practice.finished(caller)
    assert (history.call.outcome, history.message) == ("abandoned", None)
    assert list(history.events[-1].detail) == [("event", "pressed"), ("verb", "callin")]


async def test_a_control_layer_that_dies_at_the_question_loses_nobody(
    practice: Stage, caller: str, saw: Saw
) -> None:
    """Row 41: the standby plays the menu again, and urgent rings."""

    async def dies(_phone: Handset) -> None:
        await asyncio.sleep(1.5)
        await practice.stop_daemon()

    async def urgent(phone: Handset) -> None:
        await phone.wait(SILENCE_S + 2)
        await phone.press("1")

    practice.set_time(SATURDAY)
    person = practice.person("oncall")
    practice.carrier.answers(MOBILES[person], physician(person, talk=6))
    script = after_star(dies, urgent)
    call = await practice.carrier.dials(MAIN, caller=caller, script=script)
    phone = await practice.carrier.rings(MOBILES[person], DEADLINE)
    await asyncio.gather(call.ended(DEADLINE), phone.ended(DEADLINE))
    await restart_daemon(practice)
    assert call.heard_tone(TONES[person])
    history = await practice.finished(caller)
    assert [one.kind for one in history.decisions] == ["menu", "menu", "escalation"]
    assert history.call.outcome == "connected"
    saw(
        "the control layer died at the question: the standby played the menu, and an urgent call "
        "rang"
    )
