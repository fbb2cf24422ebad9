"""Follow-up and physician's menu: a message reaches a physician, who reaches the patient."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pbx.calls.record.reconcile import reconcile_day
from pbx.config import secrets
from pbx.db import follow_ups, messages
from pbx.db.database import open_database
from pbx.db.messages import MessageRow
from pbx.demo.carrier import audio
from pbx.demo.carrier.handset import (
    Handset,
    PhoneCall,
    Script,
    answers,
    refuses,
    voicemail,
)
from pbx.demo.scenes import MAIN, SATURDAY, patient
from pbx.demo.stage import MOBILES, PATIENT_TONE, TONES, Stage
from pbx.escalation.pins import hashed
from tests.conftest import Saw
from tests.support.stages import messages_of, never_answers

pytestmark = pytest.mark.asyncio(loop_scope="session")

DEADLINE = 60.0
LONG = 13  # seconds of talk that are a call back
PIN = "472916"
FIRST_VOICE, SECOND_VOICE = 440.0, 990.0


def with_pin(stage: Stage, person: str) -> str:
    """Give somebody the PIN of these tests; return the code that the secrets file chose."""
    pin = hashed(PIN)
    return secrets.change(stage.home.folder, lambda held: held.with_pin(person, pin)).codes[person]


async def leaves_a_message(stage: Stage, caller: str) -> str:
    """Call by night, say that it is urgent, hang up at once; return the message's id."""
    stage.set_time(SATURDAY)

    async def script(phone: Handset) -> None:
        await phone.wait(1.5)
        await phone.press("1")
        await phone.wait(2)

    call = await stage.carrier.dials(MAIN, caller=caller, script=script)
    await call.ended(DEADLINE)
    history = await stage.finished(caller)
    assert history.message is not None
    return history.message.id


def consults(person: str, *keys: str, pin: bool = True, talk: float = 2) -> Script:
    """Pick up, press 1, give the PIN, press keys of the menu, then talk and hang up."""

    async def script(phone: Handset) -> None:
        await phone.ring(1)
        await phone.answer()
        await phone.wait(0.8)
        await phone.press("1")
        if pin:
            await phone.wait(1)
            await phone.press(PIN)
        for key in keys:
            await phone.wait(2)
            await phone.press(key)
        await phone.wait(4)
        await phone.tone(TONES[person], talk)
        await phone.hang_up()

    return script


def read(stage: Stage, message: str) -> MessageRow:
    """Read a message as it stands."""
    engine = open_database(stage.home.database)
    try:
        found = messages.get_message(engine, message)
    finally:
        engine.dispose()
    assert found is not None
    return found


def results(stage: Stage, message: str) -> list[tuple[str, str | None]]:
    """List who was called about a message, and what came of it."""
    engine = open_database(stage.home.database)
    try:
        return [(one.person, one.result) for one in follow_ups.attempts(engine, message)]
    finally:
        engine.dispose()


def accounted(stage: Stage, call: str) -> None:
    """Assert that both ledgers know the patient's call, and not the follow-up's."""
    engine = open_database(stage.home.database)
    zone = stage.configuration.plan.office.zone
    try:
        day = datetime.fromisoformat(SATURDAY).date()
        later = datetime.now(UTC) + timedelta(days=30)
        found = reconcile_day(engine, stage.home, day, zone, later)
    finally:
        engine.dispose()
    assert found.outcomes["message"] >= 1
    assert call not in [one.id for one in found.unaccounted]
    assert not [one for one in found.unaccounted if one.id.startswith("officeline-follow-up")]


async def state_is(stage: Stage, message: str, state: str) -> MessageRow:
    """Wait until a message is in this state."""
    async with asyncio.timeout(DEADLINE):
        while (found := await asyncio.to_thread(read, stage, message)).state != state:
            await asyncio.sleep(0.1)
    return found


def never_shows(stage: Stage, phone: PhoneCall, *numbers: str) -> None:
    """Assert that no SIP message of this phone's call holds any of these numbers."""
    for message in messages_of(stage.carrier, phone):
        assert not any(number in message.text for number in numbers), message.text


async def test_a_message_is_followed_up_and_the_patient_called_back(
    stage: Stage, caller: str
) -> None:
    """The physician hears of it after the PIN; the patient's phone shows the office's number."""
    stage.set_time(SATURDAY)
    person = stage.person("oncall")
    await asyncio.to_thread(with_pin, stage, person)
    stage.carrier.answers(MOBILES[person], consults(person, "1", talk=LONG))
    stage.carrier.answers(caller, answers(after=1, tone=PATIENT_TONE, talk=6))
    message = await leaves_a_message(stage, caller)
    mobile = await stage.carrier.rings(MOBILES[person], DEADLINE)
    patient = await stage.carrier.rings(caller, DEADLINE)
    await asyncio.gather(mobile.ended(DEADLINE), patient.ended(DEADLINE))
    assert (mobile.shown, patient.shown) == (MAIN, MAIN)
    assert patient.heard_tone(TONES[person])
    assert mobile.heard_tone(PATIENT_TONE)
    never_shows(stage, patient, *MOBILES.values())
    never_shows(stage, mobile, caller)
    found = await state_is(stage, message, "called back")
    assert (found.acknowledged_by, found.called_back_by) == (person, person)
    assert await asyncio.to_thread(results, stage, message) == [(person, "acknowledged")]
    await asyncio.to_thread(accounted, stage, message)


async def test_a_wrong_pin_hears_nothing_and_takes_nothing(
    stage: Stage, caller: str, saw: Saw
) -> None:
    """Somebody else has the phone: after three tries the call ends, and the message is open."""
    stage.set_time(SATURDAY)
    person = stage.person("oncall")
    await asyncio.to_thread(with_pin, stage, person)

    async def guesses(phone: Handset) -> None:
        await phone.ring(1)
        await phone.answer()
        await phone.wait(0.8)
        await phone.press("1")
        for guess in ("111213", "472917", "000001"):
            await phone.wait(1.5)
            await phone.press(guess)
        await phone.wait_hangup()

    stage.carrier.answers(MOBILES[person], guesses)
    message = await leaves_a_message(stage, caller)
    mobile = await stage.carrier.rings(MOBILES[person], DEADLINE)
    await mobile.ended(DEADLINE)
    async with asyncio.timeout(DEADLINE):
        while await asyncio.to_thread(results, stage, message) != [(person, "declined")]:
            await asyncio.sleep(0.1)
    found = await asyncio.to_thread(read, stage, message)
    assert (found.state, found.delivered_by, found.acknowledged_by) == ("open", None, None)
    assert found.due_at is not None  # and the next round comes
    saw("three wrong PINs on the physician's own phone: the message stayed open")


@pytest.mark.long
async def test_who_has_no_pin_is_reported_and_the_next_is_called(stage: Stage, caller: str) -> None:
    """No word of the message without a PIN; the backup is called at once, not ten minutes on."""
    stage.set_time(SATURDAY)
    person, backup = stage.person("oncall"), stage.person("backup")
    await asyncio.to_thread(
        secrets.change, stage.home.folder, lambda held: replace(held, pins={}, codes={})
    )
    await asyncio.to_thread(with_pin, stage, backup)
    stage.carrier.answers(MOBILES[person], answers(after=1, press="1"))
    stage.carrier.answers(MOBILES[backup], consults(backup, "2"))
    message = await leaves_a_message(stage, caller)
    mobile = await stage.carrier.rings(MOBILES[person], DEADLINE)
    second = await stage.carrier.rings(MOBILES[backup], DEADLINE)
    await asyncio.gather(mobile.ended(DEADLINE), second.ended(DEADLINE))
    assert mobile.heard is not None
    assert mobile.longest_silence() < 6, "told at once, and nobody waits for keys"
    found = await state_is(stage, message, "acknowledged")
    assert (found.delivered_by, found.acknowledged_by) == (backup, backup)
    first, *_, last = await asyncio.to_thread(results, stage, message)
    assert (first, last) == ((person, "unreachable"), (backup, "acknowledged"))


async def test_a_voicemail_takes_no_message(stage: Stage, caller: str) -> None:
    """It answers and presses nothing: no word of the message is heard, and it stays open."""
    stage.set_time(SATURDAY)
    person = stage.person("oncall")
    stage.carrier.answers(MOBILES[person], voicemail(after=1, listens=3))
    message = await leaves_a_message(stage, caller)
    mobile = await stage.carrier.rings(MOBILES[person], DEADLINE)
    await mobile.ended(DEADLINE)
    async with asyncio.timeout(DEADLINE):
        while (found := await asyncio.to_thread(results, stage, message)) == [(person, None)]:
            await asyncio.sleep(0.1)
    assert found[0][1] in {"no answer", "declined", "unreachable"}, found
    assert (await asyncio.to_thread(read, stage, message)).state == "open"


async def test_a_physician_calls_in_from_anywhere(stage: Stage, caller: str) -> None:
    """Star, code and PIN; the patient is called over the physician's own phone, not this one."""
    stage.set_time(SATURDAY)
    person = stage.person("backup")
    code = await asyncio.to_thread(with_pin, stage, person)
    stage.carrier.answers(MOBILES[stage.person("oncall")], voicemail(after=1, listens=1))
    message = await leaves_a_message(stage, caller)
    stage.carrier.answers(MOBILES[person], consults(person, pin=False, talk=LONG))
    stage.carrier.answers(caller, answers(after=1, tone=PATIENT_TONE, talk=4))

    async def calls_in(phone: Handset) -> None:
        await phone.wait(1.5)
        await phone.press("*")
        await phone.wait(1.5)
        await phone.press(code + PIN)
        await phone.wait(1.5)
        await phone.press("1")
        await phone.wait_hangup()

    strange = await stage.carrier.dials(MAIN, caller="+19175559999", script=calls_in)
    mobile = await stage.carrier.rings(MOBILES[person], DEADLINE)
    patient = await stage.carrier.rings(caller, DEADLINE)
    await asyncio.gather(*(one.ended(DEADLINE) for one in (strange, mobile, patient)))
    assert (mobile.shown, patient.shown) == (MAIN, MAIN)
    assert patient.heard_tone(TONES[person])
    found = await state_is(stage, message, "called back")
    assert found.called_back_by == person


@pytest.mark.long
async def test_the_words_of_every_call_of_a_number_are_heard(stage: Stage, caller: str) -> None:
    """A second call joined the message: its words come first, then the first call's, again by 3."""
    stage.set_time(SATURDAY)
    person = stage.person("backup")
    code = await asyncio.to_thread(with_pin, stage, person)
    for mobile in MOBILES.values():
        stage.carrier.answers(mobile, never_answers())
    left = []
    for voice in (FIRST_VOICE, SECOND_VOICE):
        script = patient(press="1", tells=True, at_most=0, voice=voice)
        call = await stage.carrier.dials(MAIN, caller=caller, script=script)
        await call.ended(DEADLINE)
        history = await stage.finished(caller)
        assert history.message is not None
        left.append((history.message.id, history.call.id))
    (message, first), (joined, second) = left
    assert (message, joined) == (first, first)
    assert second != first

    async def calls_in(phone: Handset) -> None:
        await phone.wait(1.5)
        await phone.press("*")
        await phone.wait(1.5)
        await phone.press(code + PIN)
        await phone.wait(14)
        await phone.press("3")
        await phone.wait(12)
        await phone.hang_up()

    physician = await stage.carrier.dials(MAIN, caller="+19175559998", script=calls_in)
    await physician.ended(DEADLINE)
    assert physician.heard is not None
    heard = audio.read(physician.heard)
    assert audio.tone_seconds(heard, FIRST_VOICE) > 3, "twice two seconds"
    assert audio.tone_seconds(heard, SECOND_VOICE) > 3
    until = next(
        heard[:end]
        for end in range(0, len(heard), audio.RATE // 4)
        if audio.tone_seconds(heard[:end], SECOND_VOICE) > 1
    )
    assert audio.tone_seconds(until, FIRST_VOICE) < 0.3, "the newest comes first"


@pytest.mark.long
async def test_somebody_poses_as_a_physician(stage: Stage, saw: Saw) -> None:
    """A physician's number is shown: no message, no dial tone, no hint that it is known."""
    stage.set_time(SATURDAY)

    async def guesses(phone: Handset) -> None:
        await phone.wait(1.5)
        await phone.press("*")
        for guess in ("12123456", "34234567", "56345678"):
            await phone.wait(2)
            await phone.press(guess)
        await phone.wait(6)  # and hears the menu again

    before = len(calls_out(stage))
    call = await stage.carrier.dials(MAIN, caller=MOBILES["lee"], script=guesses)
    await call.ended(DEADLINE)
    history = await stage.finished(MOBILES["lee"])
    assert len(calls_out(stage)) == before, "nobody was called"
    assert [one.kind for one in history.decisions] == ["menu", "menu"], "asked like anybody"
    assert history.message is None
    saw(
        "with a physician's caller ID: the same menu as for anybody, no dial tone, nobody was "
        "called"
    )


def calls_out(stage: Stage) -> list[str]:
    """List the calls that the office sent to the carrier."""
    found = stage.carrier.messages()
    return [one.start for one in found if one.received and one.text.startswith("INVITE")]


async def _picks_up_and_hangs_up(phone: Handset) -> None:
    await phone.ring(0.5)
    await phone.answer()
    await phone.wait(0.5)
    await phone.hang_up()


@pytest.mark.parametrize(
    ("script", "result"),
    [
        (refuses(486), "busy"),
        (refuses(603), "declined"),
        (_picks_up_and_hangs_up, "declined"),
        (refuses(480), "no answer"),
    ],
)
async def test_who_was_reached_is_called_again_in_time_and_nobody_else_now(
    stage: Stage, caller: str, script: Script, result: str
) -> None:
    """Who is busy or declines has the minutes that the file gives before others are woken."""
    stage.set_time(SATURDAY)
    person = stage.person("oncall")
    stage.carrier.answers(MOBILES[person], script)
    message = await leaves_a_message(stage, caller)
    async with asyncio.timeout(DEADLINE):
        while not [one for _, one in await asyncio.to_thread(results, stage, message) if one]:
            await asyncio.sleep(0.1)
    assert await asyncio.to_thread(results, stage, message) == [(person, result)]
    due = (await asyncio.to_thread(read, stage, message)).due_at
    assert due is not None
    assert due > stage.clock.now() + timedelta(minutes=4)


async def test_a_number_that_does_not_work_leads_on_at_once(stage: Stage, caller: str) -> None:
    """The carrier knows no such number: the backup is called without the minutes between."""
    stage.set_time(SATURDAY)
    first, second = stage.person("oncall"), stage.person("backup")
    stage.carrier.answers(MOBILES[first], refuses(404))
    stage.carrier.answers(MOBILES[second], never_answers())
    message = await leaves_a_message(stage, caller)
    await stage.carrier.rings(MOBILES[second], DEADLINE)
    found = await asyncio.to_thread(results, stage, message)
    assert found[0] == (first, "unreachable")


async def test_a_carrier_that_answered_no_probe_is_called_all_the_same(
    stage: Stage, caller: str
) -> None:
    """Asterisk asks once a minute whether it is there; a lost answer costs no call."""
    stage.set_time(SATURDAY)
    person, network = stage.person("oncall"), stage.carrier.pid
    assert network
    stage.carrier.answers(MOBILES[person], never_answers())
    os.kill(network, signal.SIGSTOP)
    try:
        await stage.asterisk.command("pjsip qualify trunk")
        async with asyncio.timeout(DEADLINE):
            while "Unavail" not in await stage.asterisk.command("pjsip show contacts"):
                await asyncio.sleep(0.1)
    finally:
        os.kill(network, signal.SIGCONT)
    await leaves_a_message(stage, caller)
    await stage.carrier.rings(MOBILES[person], DEADLINE)
