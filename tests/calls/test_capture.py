"""Capture first: from the moment that a caller says "urgent" there is a message on the disk."""

from __future__ import annotations

import asyncio

import pytest

from pbx.calls.record import flags
from pbx.db.calls import History
from pbx.demo.carrier import audio
from pbx.demo.carrier.handset import Handset
from pbx.demo.scenes import MAIN, SATURDAY, patient, physician
from pbx.demo.stage import MOBILES, PATIENT_TONE, Stage
from tests.conftest import Saw
from tests.support.stages import never_answers

pytestmark = pytest.mark.asyncio(loop_scope="session")

DEADLINE = 60.0


async def hangs_up(stage: Stage, caller: str | None, *keys: str, after: float) -> History:
    """Call by night, press these keys one after the other, and hang up so many seconds later."""
    stage.set_time(SATURDAY)

    async def script(phone: Handset) -> None:
        for key in keys:
            await phone.wait(1.5)
            await phone.press(key)
        await phone.wait(after)

    call = await stage.carrier.dials(MAIN, caller=caller, script=script)
    await call.ended(DEADLINE)
    return await stage.finished(caller)


async def test_hung_up_while_asked_for_a_number(stage: Stage, caller: str) -> None:
    """Nobody was called yet, and the message is open with the number that the caller shows."""
    history = await hangs_up(stage, caller, "1", after=1)
    assert history.message is not None
    assert (history.message.urgency, history.message.state) == ("urgent", "open")
    assert history.message.callback_number == caller
    assert (history.call.outcome, history.legs) == ("message", ())


async def test_hung_up_in_the_middle_of_the_words(stage: Stage, caller: str) -> None:
    """What was said until then is kept."""
    stage.set_time(SATURDAY)
    script = patient(press="1", tells=False, keys="#", silent=4.5, at_most=3)
    call = await stage.carrier.dials(MAIN, caller=caller, script=script)
    await call.ended(DEADLINE)
    history = await stage.finished(caller)
    assert history.message is not None
    assert history.message.state == "open"
    words = audio.read(stage.home.folder / str(history.message.recording))
    assert audio.tone_seconds(words, PATIENT_TONE) > 1
    assert history.legs == ()


@pytest.mark.long
async def test_another_number_is_where_we_call_back(stage: Stage, caller: str) -> None:
    """Ten digits replace the number that is shown; too few are asked for again."""
    history = await hangs_up(stage, caller, "1", "555#", "9175550177", after=1)
    assert history.message is not None
    assert history.message.callback_number == "+19175550177"


@pytest.mark.parametrize(
    ("keys", "flag"),
    [
        (("911#", "9005550177"), flags.UNUSABLE_NUMBER),  # an emergency number, a premium one
        (("#",), flags.SILENT),
    ],
)
async def test_what_is_wrong_is_marked(
    stage: Stage, caller: str, keys: tuple[str, ...], flag: str
) -> None:
    """A number that cannot be called leaves the caller ID; silence is kept as it is."""
    for person in MOBILES:
        stage.carrier.answers(MOBILES[person], never_answers())
    history = await hangs_up(stage, caller, "1", *keys, after=9)
    assert history.message is not None
    assert flag in history.message.flags
    assert history.message.callback_number == caller


async def test_without_any_number_the_message_is_marked(stage: Stage, saw: Saw) -> None:
    """An anonymous caller who keys none is called by nobody blindly: the inbox says so."""
    history = await hangs_up(stage, None, "1", after=1)
    assert history.message is not None
    assert history.message.flags == (flags.NO_NUMBER, flags.NO_WORDS)
    saw("entered no number: an open message, marked accordingly")


@pytest.mark.long
@pytest.mark.complains("Permission denied", "Could not create file")
async def test_a_recording_that_cannot_be_written(stage: Stage, caller: str) -> None:
    """The message exists without it, the mark says why, and the call goes on."""
    stage.home.messages.chmod(0o500)  # Asterisk's own user may not write there now
    try:
        script = patient(press="1", tells=True, at_most=6)
        stage.set_time(SATURDAY)
        for person in MOBILES:
            stage.carrier.answers(MOBILES[person], never_answers())
        call = await stage.carrier.dials(MAIN, caller=caller, script=script)
        await call.ended(DEADLINE)
        history = await stage.finished(caller)
    finally:
        stage.home.messages.chmod(0o750)
    assert history.message is not None
    assert flags.UNWRITTEN in history.message.flags
    assert history.legs, "and somebody was called"


async def test_who_accepts_has_the_message(stage: Stage, caller: str) -> None:
    """The line broke after two seconds: it is open again, and names who accepted."""
    stage.set_time(SATURDAY)
    person = stage.person("oncall")
    stage.carrier.answers(MOBILES[person], physician(person))
    script = patient(press="1", tells=True)
    call = await stage.carrier.dials(MAIN, caller=caller, script=script)
    mobile = await stage.carrier.rings(MOBILES[person], DEADLINE)
    await asyncio.gather(call.ended(DEADLINE), mobile.ended(DEADLINE))
    history = await stage.finished(caller)
    assert (history.call.outcome, history.call.person) == ("connected", person)
    assert history.message is not None
    assert (history.message.state, history.message.acknowledged_by) == ("open", person)
    assert flags.CUT_OFF in history.message.flags
    assert history.message.due_at is not None  # to tell it again


@pytest.mark.long
async def test_star_ends_the_waiting(stage: Stage, caller: str) -> None:
    """The phone stops ringing at once, and the message is what a physician finds."""
    stage.set_time(SATURDAY)
    person = stage.person("oncall")
    stage.carrier.answers(MOBILES[person], never_answers())
    rang = asyncio.Event()

    async def script(phone: Handset) -> None:
        await patient(press="1", tells=True, at_most=0)(phone)
        await asyncio.wait_for(rang.wait(), DEADLINE)
        await phone.press("*")
        await phone.wait_hangup()

    call = await stage.carrier.dials(MAIN, caller=caller, script=script)
    mobile = await stage.carrier.rings(MOBILES[person], DEADLINE)
    rang.set()
    await asyncio.gather(call.ended(DEADLINE), mobile.ended(DEADLINE))
    history = await stage.finished(caller)
    assert (history.call.outcome, history.call.person) == ("message", None)
    assert [leg.person for leg in history.legs] == [person]
    assert history.message is not None
    assert history.message.state == "open"
