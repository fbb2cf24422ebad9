"""Callers whose number the office may not call: asked for one, and strangers to each other."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from pbx.calls.record import flags
from pbx.db.calls import History
from pbx.demo.carrier.handset import Handset, Script, refuses
from pbx.demo.scenes import BACK_LINE, MAIN, SATURDAY
from pbx.demo.stage import MOBILES, Stage, staged
from tests.calls.conftest import CONFIG
from tests.conftest import Saw
from tests.support.stages import never_answers

pytestmark = pytest.mark.asyncio(loop_scope="session")

DEADLINE = 90.0
WITHHELD = "+266696687"  # as Twilio shows it
ABROAD = "+442079460018"
OTHER = "9175550177"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def singapore() -> AsyncIterator[Stage]:
    """Start the example practice in Singapore, whose numbers have eight digits."""
    with tempfile.TemporaryDirectory(prefix="officeline-singapore-") as folder:
        text = CONFIG.read_text().replace("+1212555010", "+656234567")
        text = text.replace('language = "en"', 'language = "en"\ncountry = "SG"')
        config = Path(folder) / "office.toml"
        config.write_text(f'{text}\n[outbound]\nallow = ["+65"]\n')
        async with staged(Path(folder), config, SATURDAY) as stage:
            yield stage


def keys_in(*keys: str, pause: float = 1.5) -> Script:
    """Key in one after the other, and hang up two seconds later."""

    async def script(phone: Handset) -> None:
        for one in keys:
            await phone.wait(pause)
            await phone.press(one)
        await phone.wait(2)

    return script


async def called(stage: Stage, shown: str | None, *keys: str, logged: str | None) -> History:
    """Call by night with this number, key in these keys; the log has `logged` as the caller."""
    stage.set_time(SATURDAY)
    call = await stage.carrier.dials(MAIN, caller=shown, script=keys_in(*keys))
    await call.ended(DEADLINE)
    return await stage.finished(logged)


def said(history: History) -> list[str]:
    """List what the turns of a call did."""
    turns = (dict(one.detail) for one in history.events if one.what == "turn")
    return [turn["verb"] for turn in turns]


@pytest.mark.parametrize(
    ("shown", "logged"),
    [
        (WITHHELD, None),
        (ABROAD, ABROAD),
        *(
            pytest.param(*numbers, marks=pytest.mark.long)
            for numbers in (("0000000000", None), ("911", None), (MAIN, MAIN))
        ),
    ],
)
async def test_who_cannot_be_called_back_says_where(
    stage: Stage, saw: Saw, shown: str, logged: str | None
) -> None:
    """The number that they key in is the message's, and silence is asked a second time."""
    history = await called(stage, shown, "1", "#", f"1{OTHER}#", logged=logged)
    assert said(history)[:4] == ["menu", "number", "number", "reason"]
    assert history.message is not None
    assert history.message.callback_number == f"+1{OTHER}"
    saw("asked for a number, which was stored with the message")


@pytest.mark.parametrize(("shown", "logged"), [(WITHHELD, None), (ABROAD, ABROAD)])
async def test_two_of_them_are_two_messages(
    stage: Stage, saw: Saw, shown: str, logged: str | None
) -> None:
    """Without a number keyed in, each has a message of their own, and a mark that says so."""
    first = await called(stage, shown, "1", logged=logged)
    second = await called(stage, shown, "1", logged=logged)
    assert first.message is not None
    assert second.message is not None
    assert first.message.id != second.message.id
    for one in (first.message, second.message):
        assert (one.state, one.callback_number) == ("open", None)
        assert flags.NO_NUMBER in one.flags
    saw("two callers with the same such number: two messages, each marked")


async def test_a_plus_keeps_its_country(stage: Stage) -> None:
    """Singapore's ten digits with the code are no number in Florida."""
    history = await called(stage, "+6562345678", "1", logged="+6562345678")
    assert history.call.caller == "+6562345678"
    assert history.message is not None
    assert history.message.callback_number is None


@pytest.mark.long
async def test_the_back_line_asks_before_the_message(stage: Stage) -> None:
    """A hospital that hides its number is put through at once, and asked when nobody is reached."""
    stage.set_time(SATURDAY)
    for person in MOBILES:
        stage.carrier.answers(MOBILES[person], refuses(486))

    async def script(phone: Handset) -> None:
        # until the pauses of the escalation policy are over
        await phone.wait(0.5)
        await phone.press("*")
        await phone.wait(1.5)
        await phone.press(f"{OTHER}#")
        await phone.wait(3)

    call = await stage.carrier.dials(BACK_LINE, caller=WITHHELD, script=script)
    await call.ended(DEADLINE)
    history = await stage.finished(None)
    assert said(history)[0] in {"escalation", "wait"}
    assert said(history)[-2:] == ["number", "message"]
    assert history.message is not None
    assert history.message.callback_number == f"+1{OTHER}"


@pytest.mark.long
async def test_an_office_elsewhere_completes_with_its_own_country(singapore: Stage) -> None:
    """Its carrier writes eight digits of callers and lines, and callers key eight."""
    stage = singapore
    for person in MOBILES:
        stage.carrier.answers(MOBILES[person], never_answers())
    stage.set_time(SATURDAY)

    async def script(phone: Handset) -> None:
        await keys_in("1", "81234567")(phone)
        await phone.wait(6)

    call = await stage.carrier.dials("62345670", caller="91234567", script=script)
    await asyncio.gather(call.ended(DEADLINE))
    history = await stage.finished("+6591234567")
    assert history.call.line == "main"
    assert said(history)[:3] == ["menu", "number", "reason"]
    assert history.message is not None
    assert history.message.callback_number == "+6581234567"


async def test_who_hangs_up_right_after_a_number_of_no_fixed_length(singapore: Stage) -> None:
    """Nothing but a pause would end it: the number is there all the same, half of one is not."""
    stage = singapore
    stage.set_time(SATURDAY)

    def hangs_up(digits: str) -> Script:
        async def script(phone: Handset) -> None:
            await keys_in("1")(phone)
            await phone.press(digits)
            await phone.wait(0.3)
            await phone.hang_up()

        return script

    for digits, number in (("81234567", "+6581234567"), ("8123", None)):
        call = await stage.carrier.dials("62345670", caller=None, script=hangs_up(digits))
        await call.ended(DEADLINE)
        history = await stage.finished(None)
        assert history.message is not None
        assert (history.message.state, history.message.urgency) == ("open", "urgent")
        assert history.message.callback_number == number
