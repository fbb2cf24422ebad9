"""Numbers, PINs and menu keys as people key them: ten digits or eleven, and a pound key after."""

from __future__ import annotations

import asyncio

import pytest

from pbx.db.calls import History
from pbx.demo.carrier import audio
from pbx.demo.carrier.handset import Handset, Script
from pbx.demo.scenes import MAIN, SATURDAY, patient
from pbx.demo.stage import MOBILES, PATIENT_TONE, Stage
from tests.calls.test_follow_up import PIN, consults, leaves_a_message, read, with_pin
from tests.support.stages import did_not_ring, never_answers

pytestmark = pytest.mark.asyncio(loop_scope="session")

DEADLINE = 60.0
OTHER = "9175550177"


def keys_in(menu: str, number: str, *, pace: float) -> Script:
    """Press a key of the menu, key in a number, then say in two seconds what is wrong.

    `pace` is how long somebody takes from one digit to the next, in seconds.
    """

    async def script(phone: Handset) -> None:
        await phone.wait(1.5)
        await phone.press(menu)
        await phone.wait(1.5)
        for digit in number:
            await phone.press(digit)
            await phone.wait(pace)
        await phone.wait(5.5)
        await phone.tone(PATIENT_TONE, 2)
        await phone.press("#")
        await phone.wait(3)

    return script


async def leaves(stage: Stage, caller: str | None, script: Script) -> History:
    """Call by night while nobody picks up, and read what was left."""
    stage.set_time(SATURDAY)
    for person in MOBILES:
        stage.carrier.answers(MOBILES[person], never_answers())
    call = await stage.carrier.dials(MAIN, caller=caller, script=script)
    await call.ended(DEADLINE)
    return await stage.finished(caller)


@pytest.mark.parametrize(
    ("menu", "number", "pace"),
    [
        ("1", OTHER, 0.7),
        pytest.param("1", f"{OTHER}#", 0.7, marks=pytest.mark.long),
        pytest.param("1", f"1{OTHER}", 0.7, marks=pytest.mark.long),
        pytest.param("1", f"1{OTHER}#", 0.7, marks=pytest.mark.long),
        ("1#", f"1{OTHER}#", 0.0),
        pytest.param("11", OTHER, 0.0, marks=pytest.mark.long),
    ],
)
async def test_a_number_as_people_key_it(
    stage: Stage, caller: str, menu: str, number: str, pace: float
) -> None:
    """Asked for once, it is where we call back; no digit left over ends the words after it."""
    history = await leaves(stage, caller, keys_in(menu, number, pace=pace))
    assert history.message is not None
    assert history.message.callback_number == f"+1{OTHER}"
    assert history.message.flags == ()
    verbs = [dict(one.detail).get("verb") for one in history.events if one.what == "turn"]
    assert verbs[:4] == ["menu", "number", "reason", "escalation"]
    words = audio.read(stage.home.folder / str(history.message.recording))
    assert audio.tone_seconds(words, PATIENT_TONE) > 1.5


async def test_digits_as_fast_as_a_dialler_sends_them(stage: Stage, caller: str) -> None:
    """Fifty milliseconds each, the pound key at once, as a phone's memory keys a number."""

    async def script(phone: Handset) -> None:
        await phone.wait(1.5)
        await phone.do("EXEC", "SendDTMF", "1#,60,50")
        await phone.wait(1.5)
        await phone.do("EXEC", "SendDTMF", f"1{OTHER}#,60,50")
        await phone.wait(5.5)
        await phone.tone(PATIENT_TONE, 2)
        await phone.wait(2)

    history = await leaves(stage, caller, script)
    assert history.message is not None
    assert history.message.callback_number == f"+1{OTHER}"
    words = audio.read(stage.home.folder / str(history.message.recording))
    assert audio.tone_seconds(words, PATIENT_TONE) > 1.5


@pytest.mark.long
async def test_too_many_digits_are_asked_for_again(stage: Stage, caller: str) -> None:
    """Twelve digits are no number, and none of them begins the next one."""

    async def script(phone: Handset) -> None:
        await phone.wait(1.5)
        await phone.press("1")
        await phone.wait(1.5)
        await phone.press(f"{OTHER}88")
        await phone.wait(3)
        await phone.press(f"{OTHER}#")
        await phone.wait(2)

    history = await leaves(stage, caller, script)
    assert history.message is not None
    assert history.message.callback_number == f"+1{OTHER}"


@pytest.mark.parametrize(
    ("press", "pin"),
    [
        pytest.param(("1",), f"{PIN}#", marks=pytest.mark.long),
        (("1#",), f"{PIN}#"),
        pytest.param(("22#", "1"), PIN, marks=pytest.mark.long),
    ],
)
async def test_a_pound_key_after_a_pin(
    stage: Stage, caller: str, press: tuple[str, ...], pin: str
) -> None:
    """Whom the follow-up calls hears and takes the message, with pound after all that they key."""
    person = await _oncall(stage)

    async def script(phone: Handset) -> None:
        await phone.ring(1)
        await phone.answer()
        for keys in press:
            await phone.wait(1.5)
            await phone.press(keys)
        await phone.wait(1)
        await phone.press(pin)
        await phone.wait(2)
        await phone.press("2#")
        await phone.wait(5)

    stage.carrier.answers(MOBILES[person], script)
    message = await leaves_a_message(stage, caller)
    mobile = await stage.carrier.rings(MOBILES[person], DEADLINE)
    await mobile.ended(DEADLINE)
    row = read(stage, message)
    assert (row.state, row.delivered_by, row.acknowledged_by) == ("acknowledged", person, person)


@pytest.mark.long
async def test_a_digit_too_many_is_no_key_of_the_menu(stage: Stage, caller: str) -> None:
    """Seven digits are no PIN, and the seventh, a 1, calls no patient."""
    person = await _oncall(stage)
    stage.carrier.answers(MOBILES[person], consults(person, f"{PIN}1", f"{PIN}#", "2", pin=False))
    message = await leaves_a_message(stage, caller)
    mobile = await stage.carrier.rings(MOBILES[person], DEADLINE)
    await mobile.ended(DEADLINE)
    row = read(stage, message)
    assert (row.state, row.acknowledged_by, row.called_back_by) == ("acknowledged", person, None)
    assert did_not_ring(stage.carrier, caller)


async def test_who_presses_one_and_hangs_up_at_once_is_called_back(
    stage: Stage, caller: str
) -> None:
    """The key counts as soon as it is pressed: an urgent message waits for a physician."""
    await _oncall(stage)
    for mobile in MOBILES.values():
        stage.carrier.answers(mobile, never_answers())
    call = await stage.carrier.dials(MAIN, caller=caller, script=patient(press="1", at_most=0))
    await call.ended(DEADLINE)
    history = await stage.finished(caller)
    assert history.message is not None
    assert (history.call.outcome, history.message.urgency) == ("message", "urgent")
    assert (history.message.state, history.message.callback_number) == ("open", caller)


async def test_who_keys_in_a_number_and_hangs_up_at_once_is_called_back(stage: Stage) -> None:
    """Nobody waits for the second in which a pound key might have come."""

    async def script(phone: Handset) -> None:
        await phone.wait(1.5)
        await phone.press("1")
        await phone.wait(1.5)
        await phone.press(OTHER)
        await phone.wait(0.3)
        await phone.hang_up()

    history = await leaves(stage, None, script)
    assert history.message is not None
    assert (history.call.outcome, history.message.urgency) == ("message", "urgent")
    assert (history.message.state, history.message.callback_number) == ("open", f"+1{OTHER}")


@pytest.mark.long
async def test_code_and_pin_with_a_pound_key(stage: Stage, caller: str) -> None:
    """Who calls in and keys star, code and PIN, each with pound, gets the message."""
    person = await _oncall(stage)
    code = with_pin(stage, person)
    message = await leaves_a_message(stage, caller)
    for one in MOBILES:
        stage.carrier.answers(MOBILES[one], never_answers())

    async def script(phone: Handset) -> None:
        await phone.wait(1.5)
        await phone.press("*#")
        await phone.wait(1.5)
        await phone.press(f"{code}{PIN}#")
        await phone.wait(2)
        await phone.press("2#")
        await phone.wait(3)

    call = await stage.carrier.dials(MAIN, caller="+16465550160", script=script)
    await call.ended(DEADLINE)
    row = read(stage, message)
    assert (row.state, row.acknowledged_by) == ("acknowledged", person)


async def _oncall(stage: Stage) -> str:
    """Name who is on call on Saturday, and give them a PIN."""
    stage.set_time(SATURDAY)
    person = stage.person("oncall")
    await asyncio.to_thread(with_pin, stage, person)
    return person
