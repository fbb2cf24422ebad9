"""The carrier errs, mobiles are silent, busy or a voicemail, people press nonsense or hang up."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from pbx.db.calls import History
from pbx.db.database import open_database
from pbx.demo.carrier.handset import Handset, Script, answers, refuses, voicemail
from pbx.demo.scenes import BACK_LINE, MAIN, SATURDAY, TUESDAY, patient, physician
from pbx.demo.stage import MOBILES, PATIENT_TONE, TONES, Stage, staged
from tests.calls.test_follow_up import PIN, leaves_a_message, read, with_pin
from tests.calls.test_outbound import LIVE, events
from tests.conftest import Saw
from tests.faults import oracle
from tests.faults.oracle import DEADLINE
from tests.support.offices import changed
from tests.support.stages import never_answers

pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]
ESCALATION = "[escalation.urgent]"
SHORT = 'follow_up = { cut_off = "1s" }'  # physicians of these tests talk for two seconds


@asynccontextmanager
async def night(text: str) -> AsyncIterator[Stage]:
    """Start a practice by night."""
    with tempfile.TemporaryDirectory(prefix="officeline-fault-") as folder:
        config = Path(folder) / "office.toml"
        config.write_text(text)
        async with staged(Path(folder), config, SATURDAY) as stage:
            yield stage


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def practice() -> AsyncIterator[Stage]:
    """Start the example practice: who is on call rings, then the backup."""
    async with night(changed((ESCALATION, f"{ESCALATION}\n{SHORT}"))) as stage:
        yield stage


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def together() -> AsyncIterator[Stage]:
    """Start a practice in which all three physicians ring at once."""
    everyone = f'live = [{{ try = "everyone", ring = 20 }}]\n{SHORT}'
    async with night(changed((LIVE, everyone))) as stage:
        yield stage


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def _settled(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    names = [one for one in ("practice", "together") if one in request.fixturenames]
    stages: list[Stage] = [request.getfixturevalue(one) for one in names]
    for stage in stages:
        stage.set_time(SATURDAY)
    yield
    for stage in stages:
        await stage.settle()


async def holds(stage: Stage, caller: str) -> History:
    """Judge a caller's newest call by the oracle, and return it."""
    history = await stage.finished(caller)
    await asyncio.to_thread(oracle.ends_well, history.call, stage.home.database)
    await oracle.no_channel_is_left(stage.asterisk.command)
    oracle.dialed_nobody_else(stage.carrier)
    return history


async def goes_on(stage: Stage, script: Script, caller: str) -> tuple[History, float]:
    """Let who is on call do this; return the call, and after how long the backup's phone rang.

    The seconds are counted from the first phone's ringing. The backup is reached, nobody else.
    """
    first, second = stage.person("oncall"), stage.person("backup")
    stage.carrier.answers(MOBILES[first], script)
    stage.carrier.answers(MOBILES[second], physician(second))
    call = await stage.carrier.dials(BACK_LINE, caller=caller, script=patient())
    fault = await stage.carrier.rings(MOBILES[first], DEADLINE)
    phone = await stage.carrier.rings(MOBILES[second], DEADLINE)
    waited = (phone.rang_at or time.monotonic()) - (fault.rang_at or 0)
    await asyncio.gather(call.ended(DEADLINE), phone.ended(DEADLINE))
    history = await holds(stage, caller)
    assert (history.call.outcome, history.call.person) == ("connected", second)
    assert not fault.heard_tone(PATIENT_TONE)
    return history, waited


@pytest.mark.parametrize("status", [486, 603, 404, 480, 500, 503, 408])
async def test_the_trunks_errors(practice: Stage, saw: Saw, status: int) -> None:
    """Row 17: whatever the carrier answers, the next one rings at once."""
    history, waited = await goes_on(practice, refuses(status), f"+1917777{status:04d}")
    saw(f"{status}: {history.legs[0].result}, the next one rang", waited)


async def test_it_rings_for_ever(practice: Stage, saw: Saw) -> None:
    """Row 19: the step ends at its timeout."""
    history, waited = await goes_on(practice, never_answers(), "+19177770191")
    assert history.legs[0].result in {"no answer", "canceled"}
    saw("the step ended after 20 s, the next one rang", waited)


async def test_early_media_only(practice: Stage, saw: Saw) -> None:
    """Row 19: a carrier's announcement without an answer is no answer."""

    async def announces(phone: Handset) -> None:
        await phone.do("EXEC", "Progress", "")
        await phone.wait(60)

    history, waited = await goes_on(practice, announces, "+19177770192")
    assert history.legs[0].answered_at is None
    saw("early media: the step ended after 20 s, the next one rang", waited)


async def test_a_voicemail_answers(practice: Stage, saw: Saw) -> None:
    """Row 20: it presses nothing, so the patient never hears it."""
    history, waited = await goes_on(practice, voicemail(after=2), "+19177770200")
    assert history.legs[0].result == "declined"
    saw("not connected; the next one rang", waited)


async def test_a_voicemail_answers_and_others_ring(together: Stage, saw: Saw) -> None:
    """Row 20: of three who ring together it answers first; another one presses much later."""
    stage = together
    late = answers(after=8, press="1", tone=TONES["osei"], talk=2)
    stage.carrier.answers(MOBILES["lee"], voicemail(after=1))
    stage.carrier.answers(MOBILES["osei"], late)
    stage.carrier.answers(MOBILES["patel"], never_answers())
    caller = "+19177770201"
    call = await stage.carrier.dials(BACK_LINE, caller=caller, script=patient(at_most=18))
    phones = {person: await stage.carrier.rings(MOBILES[person], DEADLINE) for person in MOBILES}
    await asyncio.gather(*(one.ended(DEADLINE) for one in (call, *phones.values())))
    history = await holds(stage, caller)
    assert (history.call.outcome, history.call.person) == ("connected", "osei")
    assert call.heard_tone(TONES["osei"])
    assert not phones["lee"].heard_tone(PATIENT_TONE)
    first, then = phones["lee"].answered_at, phones["osei"].answered_at
    assert first is not None
    assert then is not None
    assert first < then
    saw(f"the others continued to ring, and {then - first:.0f} s later a physician accepted")


async def test_two_accept_at_once(together: Stage, saw: Saw) -> None:
    """Row 24: after the menu and the words one of two is bridged, with one acknowledgment."""
    stage = together
    both = asyncio.Barrier(2)

    def presses(person: str) -> Script:
        async def script(phone: Handset) -> None:
            await phone.ring(0.5)
            await phone.answer()
            await phone.wait(1)
            await both.wait()
            await phone.press("1")
            await phone.wait(0.3)
            await phone.tone(TONES[person], 3)
            await phone.hang_up()

        return script

    for person in ("lee", "osei"):
        stage.carrier.answers(MOBILES[person], presses(person))
    stage.carrier.answers(MOBILES["patel"], never_answers())
    caller = "+19177770240"
    script = patient(press="1", tells=True, at_most=20)
    call = await stage.carrier.dials(MAIN, caller=caller, script=script)
    phones = {person: await stage.carrier.rings(MOBILES[person], DEADLINE) for person in MOBILES}
    await asyncio.gather(*(one.ended(DEADLINE) for one in (call, *phones.values())))
    history = await holds(stage, caller)
    winner = str(history.call.person)
    loser = "lee" if winner == "osei" else "osei"
    assert [one for one in phones if phones[one].heard_tone(PATIENT_TONE)] == [winner]
    assert [one for one in TONES if call.heard_tone(TONES[one])] == [winner]
    assert {leg.person: leg.result for leg in history.legs}[loser] == "too late"
    assert history.message is not None
    assert history.message.acknowledged_by == winner
    happened = await asyncio.to_thread(events, stage, history.message.id)
    assert [what for what, _ in happened].count("acknowledged") == 1
    saw("one was connected, and the message's history has one acknowledgment")


async def test_two_hundred_digits(practice: Stage, saw: Saw) -> None:
    """Row 21: any number of wrong keys is no acceptance."""
    wrong = answers(after=0.5, press="5w7w9w" + "234567890*" * 20)
    history, waited = await goes_on(practice, wrong, "+19177770210")
    assert history.legs[0].result == "declined"
    saw("asked once more, and then the next one rang", waited)


async def test_the_physician_hangs_up_at_the_prompt(practice: Stage, saw: Saw) -> None:
    """Row 22: an answer without a press is a refusal."""

    async def hangs_up(phone: Handset) -> None:
        await phone.ring(0.5)
        await phone.answer()
        await phone.wait(1)
        await phone.hang_up()

    history, waited = await goes_on(practice, hangs_up, "+19177770220")
    assert history.legs[0].result == "declined"
    saw("recorded as declined, the next one rang", waited)


async def test_a_prompt_file_is_missing(practice: Stage, saw: Saw) -> None:
    """Row 23: whoever hears nothing can still press 1."""
    stage = practice
    person = stage.person("oncall")
    hidden = []
    for path in stage.home.sounds.rglob("accept-prompt.wav*"):
        hidden.append((path, path.with_name("hidden")))
        path.rename(hidden[-1][1].with_suffix(path.suffix))
    assert hidden
    try:
        stage.carrier.answers(MOBILES[person], answers(after=0.5, press="w1", tone=620, talk=2))
        script = patient(at_most=8)
        call = await stage.carrier.dials(BACK_LINE, caller="+19177770230", script=script)
        phone = await stage.carrier.rings(MOBILES[person], DEADLINE)
        await asyncio.gather(call.ended(DEADLINE), phone.ended(DEADLINE))
    finally:
        for path, other in hidden:
            other.with_suffix(path.suffix).rename(path)
    history = await holds(stage, "+19177770230")
    assert (history.call.outcome, history.call.person) == ("connected", person)
    saw("accepted by a press without a prompt")


async def test_the_patient_hangs_up_in_mid_escalation(practice: Stage, saw: Saw) -> None:
    """Row 25: the phone falls silent within a second, and a message with a number is open."""
    stage = practice
    person = stage.person("oncall")
    stage.carrier.answers(MOBILES[person], never_answers())
    call = await stage.carrier.dials(BACK_LINE, caller="+19177770250", script=patient(at_most=60))
    phone = await stage.carrier.rings(MOBILES[person], DEADLINE)
    await call.answered(DEADLINE)
    stage.carrier.answers(MOBILES[person], refuses(486))  # when the follow-up calls about it
    began = time.monotonic()
    await stage.carrier.hang_up(call)
    await phone.ended(DEADLINE)
    gone = (phone.ended_at or 0) - began
    history = await holds(stage, "+19177770250")
    assert history.call.outcome == "message"
    assert history.message is not None
    assert history.message.callback_number == "+19177770250"
    saw("the mobile stopped ringing, and the message is open", gone)


async def test_the_patient_hangs_up_before_the_answer(practice: Stage, saw: Saw) -> None:
    """Row 25: canceled while the front desk rings by day: it falls silent, and all is logged."""
    stage = practice
    stage.set_time(TUESDAY)
    stage.carrier.answers("desk1", never_answers())
    call = await stage.carrier.dials(MAIN, caller="+19177770251", script=patient(at_most=60))
    desk = await stage.carrier.rings("desk1", DEADLINE)
    began = time.monotonic()
    await stage.carrier.hang_up(call)
    await asyncio.gather(desk.ended(DEADLINE), call.ended(DEADLINE))
    gone = (desk.ended_at or 0) - began
    history = await holds(stage, "+19177770251")
    assert call.answered_at is None
    saw(f"CANCEL: the desk phone stopped ringing; logged as {history.call.outcome}", gone)


async def test_the_same_caller_three_times(practice: Stage, saw: Saw) -> None:
    """Row 29: every call is in the log, and one message is escalated."""
    stage = practice
    for number in MOBILES.values():
        stage.carrier.answers(number, never_answers())
    found = set()
    for _ in range(3):
        call = await stage.carrier.dials(
            BACK_LINE, caller="+19177770290", script=patient(at_most=2)
        )
        await call.ended(DEADLINE)
        history = await stage.finished("+19177770290")
        found.add((history.call.id, history.call.message))
    assert len({call for call, _ in found}) == 3
    assert len({message for _, message in found}) == 1
    for number in MOBILES.values():
        stage.carrier.answers(number, refuses(486))
    await holds(stage, "+19177770290")
    saw("three calls in the log, and one message")


async def test_a_hundred_pins(together: Stage, saw: Saw) -> None:
    """Row 34: of a hundred tries five are looked at, and then not even the right one is taken.

    All show the physician's own mobile.
    """
    stage, mobile = together, MOBILES["lee"]
    code = await asyncio.to_thread(with_pin, stage, "lee")
    for number in MOBILES.values():
        stage.carrier.answers(number, refuses(486))
    message = await leaves_a_message(stage, "+19177770340")
    line = asyncio.Semaphore(18)

    def keys(*pins: str, then: str = "") -> Script:
        async def script(phone: Handset) -> None:
            await phone.wait(1.5)
            await phone.press("*")
            for pin in pins:
                await phone.wait(1.5)
                await phone.press(code + pin)
            if then:
                await phone.wait(1.5)
                await phone.press(then)
            await phone.wait(6)  # after three wrong ones the menu is played again

        return script

    async def calls(*pins: str, then: str = "") -> None:
        async with line:
            script = keys(*pins, then=then)
            call = await stage.carrier.dials(MAIN, caller=mobile, script=script)
            await call.ended(DEADLINE)

    guesses = [f"{730000 + number:06d}" for number in range(102)]
    await asyncio.gather(*(calls(*guesses[first : first + 3]) for first in range(0, 102, 3)))
    await calls(PIN, then="1")
    tried = await asyncio.to_thread(audited, stage)
    assert tried.count("pin.wrong") == 5
    assert tried.count("pin.locked") == 1
    found = await asyncio.to_thread(read, stage, message)
    assert (found.state, found.delivered_by) == ("open", None)
    await oracle.no_channel_is_left(stage.asterisk.command)
    oracle.dialed_nobody_else(stage.carrier)
    saw(f"{len(guesses)} tries: only 5 were checked, and the right PIN after them was refused")


def audited(stage: Stage) -> list[str]:
    """List what the audit has; blocking."""
    engine = open_database(stage.home.database)
    try:
        with engine.connect() as connection:
            return [one for (one,) in connection.exec_driver_sql("SELECT what FROM audit")]
    finally:
        engine.dispose()
