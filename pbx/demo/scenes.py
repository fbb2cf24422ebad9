"""The scenes: what each party does, and what must be the result.

A scene is played on real Asterisk processes. The result is checked from the phones (what rang, what
was displayed, what was heard) and from the database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from pbx.calls.callflow import KEY_WAIT_S
from pbx.db.calls import History
from pbx.demo.carrier import audio
from pbx.demo.carrier.handset import Handset, PhoneCall, Script, answers, asserted_number, voicemail
from pbx.demo.stage import MOBILES, PATIENT_TONE, TONES, Stage

TUESDAY = "2026-11-24 10:00"
SATURDAY = "2026-11-28 02:10"
MAIN, BACK_LINE = "+12125550100", "+12125550101"
SCENE_LIMIT_S = 90.0
SAY_REASON_S = 4.5  # length of the prompt and the beep before an urgent caller speaks
SILENT_S = 33.0  # time to stay silent through the menu, the number and the reason
QUIET_S = 2.0  # pauses between sentences are shorter than this than this
TELLING_S = 4.0  # the office is silent while the patient speaks


class SceneError(Exception):
    """A scene did not have the expected result."""


@dataclass
class Played:
    """A scene's result: the calls as seen by the phones and by the database."""

    patient: PhoneCall
    history: History
    phones: dict[str, PhoneCall] = field(default_factory=dict)


@dataclass(frozen=True)
class DemoScene:
    """One scene: its title, the office's local time, and the function that plays it."""

    title: str
    at: str
    play: Callable[[Stage, str | None], Awaitable[Played]]
    anonymous: bool = False


def expect(holds: object, promise: str) -> None:
    """Raise SceneError with the unmet promise, unless `holds`."""
    if not holds:
        raise SceneError(promise)


def patient(
    *,
    press: str = "",
    keys: str = "",
    tells: bool = False,
    silent: float = 0,
    at_most: float = 80.0,
    voice: float = PATIENT_TONE,
) -> Script:
    """Press a key in the greeting, key in a number when asked, then talk until the end.

    With `tells`, confirm the number shown, say the reason for two seconds, and press a key;
    `silent` is how many seconds to neither speak nor press. `voice` is in Hz.
    """

    async def script(phone: Handset) -> None:
        if press:
            await phone.wait(1.5)
            await phone.press(press)
        if keys or tells:
            await phone.wait(1.5)
            await phone.press(keys or "#")
        if tells:
            await phone.wait(SAY_REASON_S)
            await phone.tone(voice, 2)
            await phone.press("#")
        if silent:
            await phone.tone(0, silent)
        for _ in range(int(at_most)):
            await phone.tone(voice, 1)

    return script


def physician(person: str, *, talk: float = 2) -> Script:
    """Pick up after a second, press 1, talk for so many seconds, hang up.

    If the control layer is down, connecting the two takes longer, so talk longer.
    """
    return accepts(TONES[person], talk=talk)


def accepts(tone: float, *, talk: float = 2) -> Script:
    """Pick up after a second, press 1, play a tone (Hz) for `talk` seconds, hang up."""

    async def script(phone: Handset) -> None:
        await phone.ring(1)
        await phone.answer()
        await phone.wait(0.8)
        await phone.press("1")
        await phone.wait(0.3)
        await phone.tone(tone, talk)
        await phone.hang_up()

    return script


async def desk_answers(stage: Stage, caller: str | None) -> Played:
    """By day the front desk's phone rings, shows the patient, and somebody picks up."""
    stage.carrier.answers("desk1", answers(after=1, tone=TONES["desk1"], talk=2))
    call = await stage.carrier.dials(MAIN, caller=caller, script=patient(at_most=4))
    desk = await stage.carrier.rings("desk1")
    played = await _finish(stage, call, caller, {"desk1": desk})
    expect(desk.shown == caller, "the desk phone shows the patient's number")
    expect(call.heard_tone(TONES["desk1"]), "the patient hears the front desk")
    expect(desk.heard_tone(PATIENT_TONE), "the front desk hears the patient")
    expect(played.history.call.outcome == "connected", "the call is logged as connected")
    return played


async def nobody_at_the_desk(stage: Stage, caller: str | None) -> Played:
    """By day nobody picks up; after the ring time the caller leaves a message."""
    stage.carrier.answers("desk1", answers(after=60))
    call = await stage.carrier.dials(MAIN, caller=caller, script=patient(at_most=14))
    desk = await stage.carrier.rings("desk1")
    played = await _finish(stage, call, caller, {"desk1": desk})
    expect(desk.answered_at is None, "nobody picks up at the desk")
    _expect_message(stage, played, "routine")
    return played


async def urgent(stage: Stage, caller: str | None) -> Played:
    """At night an urgent caller presses 1 and reaches the physician on call."""
    played = await _urgent(stage, caller, MAIN, patient(press="1", tells=True), TELLING_S)
    _expect_saved(stage, played)
    return played


async def silence(stage: Stage, caller: str | None) -> Played:
    """At night a caller says and presses nothing, which counts as urgent."""
    script = patient(silent=SILENT_S)
    played = await _urgent(stage, caller, MAIN, script, quiet=KEY_WAIT_S + 2)
    expect(played.history.call.urgency == "urgent", "silence is treated as urgent")
    return played


async def back_line(stage: Stage, caller: str | None) -> Played:
    """A hospital calls the back line: no menu, straight to the physician on call."""
    played = await _urgent(stage, caller, BACK_LINE, patient())
    kinds = [decision.kind for decision in played.history.decisions]
    expect(kinds == ["escalation"], "no menu is offered on the back line")
    return played


async def anonymous(stage: Stage, caller: str | None) -> Played:
    """An anonymous caller is asked for a callback number, and then routed like others."""
    script = patient(press="1", keys="9175550123", tells=True)
    played = await _urgent(stage, caller, MAIN, script, TELLING_S)
    expect(played.history.call.caller is None, "the call is logged without a caller's number")
    asked = [event for event in played.history.events if ("verb", "number") in event.detail]
    expect(asked, "the caller is asked for a callback number")
    return played


async def voicemail_then_backup(stage: Stage, caller: str | None) -> Played:
    """The first mobile's voicemail does not count as an answer; the backup presses 1."""
    first, second = stage.person("oncall"), stage.person("backup")
    stage.carrier.answers(MOBILES[first], voicemail(after=1, listens=5))
    stage.carrier.answers(MOBILES[second], physician(second))
    script = patient(press="1", tells=True)
    call = await stage.carrier.dials(MAIN, caller=caller, script=script)
    machine = await stage.carrier.rings(MOBILES[first], 30)
    phone = await stage.carrier.rings(MOBILES[second], 60)
    played = await _finish(stage, call, caller, {first: machine, second: phone})
    expect(machine.answered_at, "the voicemail answers")
    expect(not machine.heard_tone(PATIENT_TONE), "the patient is never joined to the voicemail")
    _expect_connected(played, second, TELLING_S)
    results = {leg.person: leg.result for leg in played.history.legs}
    expect(
        results == {first: "declined", second: "accepted"},
        "both legs are logged correctly",
    )
    return played


async def routine(stage: Stage, caller: str | None) -> Played:
    """At night a routine caller presses 2 and leaves a message; nobody is woken."""
    call = await stage.carrier.dials(MAIN, caller=caller, script=patient(press="2", at_most=14))
    played = await _finish(stage, call, caller, {})
    _expect_message(stage, played, "routine")
    expect(not played.history.legs, "nobody's phone rings")
    return played


SCENES = (
    DemoScene("Tuesday 10:00 AM, the front desk answers", TUESDAY, desk_answers),
    DemoScene("Tuesday 10:00 AM, nobody at the desk", TUESDAY, nobody_at_the_desk),
    DemoScene("Saturday 2:10 AM, urgent", SATURDAY, urgent),
    DemoScene("Saturday 2:10 AM, a voicemail answers first", SATURDAY, voicemail_then_backup),
    DemoScene("Saturday 2:10 AM, silence at the menu", SATURDAY, silence),
    DemoScene("Saturday 2:10 AM, routine", SATURDAY, routine),
    DemoScene("Saturday 2:10 AM, the hospital's back line", SATURDAY, back_line),
    DemoScene("Saturday 2:10 AM, an anonymous caller", SATURDAY, anonymous, anonymous=True),
)


async def _urgent(
    stage: Stage, caller: str | None, did: str, script: Script, quiet: float = QUIET_S
) -> Played:
    person = stage.person("oncall")
    stage.carrier.answers(MOBILES[person], physician(person))
    call = await stage.carrier.dials(did, caller=caller, script=script)
    phone = await stage.carrier.rings(MOBILES[person], 60)
    played = await _finish(stage, call, caller, {person: phone})
    _expect_connected(played, person, quiet)
    return played


async def _finish(
    stage: Stage, call: PhoneCall, caller: str | None, phones: dict[str, PhoneCall]
) -> Played:
    """Wait until every phone has hung up and the log is written; return the result."""
    await asyncio.gather(*(one.ended(SCENE_LIMIT_S) for one in (call, *phones.values())))
    return Played(call, await stage.finished(caller), phones)


def _expect_connected(played: Played, person: str, quiet: float = QUIET_S) -> None:
    phone = played.phones[person]
    expect(phone.shown == MAIN, "the physician's mobile shows the office number")
    expect(asserted_number(phone) == MAIN, "the asserted identity is the office number")
    expect(played.patient.heard_tone(TONES[person]), "the patient hears the physician")
    expect(phone.heard_tone(PATIENT_TONE), "the physician hears the patient")
    silent = played.patient.longest_silence(before_tone=TONES[person])
    expect(silent < quiet, f"the waiting patient never hears silence (but {silent:.1f} s)")
    expect(played.history.call.outcome == "connected", "the call is logged as connected")
    expect(played.history.call.person == person, "the log names who accepted")


def _expect_saved(stage: Stage, played: Played) -> None:
    """Check that the message, with recording and number, was stored before the phone rang."""
    message = played.history.message
    expect(message is not None, "the message is on the disk")
    if message is not None:
        expect(message.callback_number is not None, "the message says where to call back")
        words = audio.read(stage.home.folder / str(message.recording))
        expect(
            audio.tone_seconds(words, PATIENT_TONE) > 1, "the message contains the patient's words"
        )


def _expect_message(stage: Stage, played: Played, urgency: str) -> None:
    history = played.history
    expect(history.call.outcome == "message", "the call is logged as a message")
    message = history.message
    expect(message is not None and message.urgency == urgency, f"the message is {urgency}")
    if message is not None:
        recording = stage.home.folder / str(message.recording)
        seconds = audio.tone_seconds(audio.read(recording), PATIENT_TONE)
        expect(seconds > 1, "the recording holds the patient's voice")
