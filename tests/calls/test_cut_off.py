"""A call on the back line that breaks off seconds after somebody accepted it is told again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from pbx.calls.record.flags import CUT_OFF
from pbx.calls.record.reconcile import reconcile_day
from pbx.db.database import open_database
from pbx.db.deferred import CALLS_AGAIN
from pbx.demo.carrier.handset import Handset, PhoneCall
from pbx.demo.scenes import BACK_LINE, MAIN, SATURDAY, patient
from pbx.demo.stage import MOBILES, PATIENT_TONE, TONES, Stage
from tests.calls.test_follow_up import LONG, consults, results, state_is, with_pin

pytestmark = pytest.mark.asyncio(loop_scope="session")

DEADLINE = 60.0


async def joined(stage: Stage, caller: str, person: str) -> tuple[PhoneCall, PhoneCall]:
    """Let a hospital call and the physician accept; return both their calls, joined."""

    async def accepts(phone: Handset) -> None:
        await phone.ring(1)
        await phone.answer()
        await phone.wait(0.8)
        await phone.press("1")
        for _ in range(30):
            await phone.tone(TONES[person], 1)

    stage.set_time(SATURDAY)
    stage.carrier.answers(MOBILES[person], accepts)
    call = await stage.carrier.dials(BACK_LINE, caller=caller, script=patient())
    mobile = await stage.carrier.rings(MOBILES[person], DEADLINE)
    async with asyncio.timeout(DEADLINE):
        while (await stage.history(caller)).call.acknowledged_at is None:
            await asyncio.sleep(0.1)
    return call, mobile


async def unaccounted(stage: Stage) -> list[str]:
    """Name the calls of that day that nobody can vouch for."""
    engine = open_database(stage.home.database)
    day, zone = datetime.fromisoformat(SATURDAY).date(), stage.configuration.plan.office.zone
    later = datetime.now(UTC) + timedelta(days=30)
    try:
        found = await asyncio.to_thread(reconcile_day, engine, stage.home, day, zone, later)
    finally:
        engine.dispose()
    return [one.id for one in found.unaccounted]


@pytest.mark.long
@pytest.mark.parametrize("who", ["caller", "physician"])
async def test_whoever_was_joined_for_seconds_is_a_message(
    stage: Stage, caller: str, who: str
) -> None:
    """The same physician is called about it; one key closes it, and both ledgers know the call."""
    person = stage.person("oncall")
    await asyncio.to_thread(with_pin, stage, person)
    call, mobile = await joined(stage, caller, person)
    stage.carrier.answers(MOBILES[person], consults(person, "5"))
    await stage.carrier.hang_up(call if who == "caller" else mobile)
    await asyncio.gather(call.ended(DEADLINE), mobile.ended(DEADLINE))
    history = await stage.finished(caller)
    assert (history.call.outcome, history.call.person) == ("connected", person)
    assert history.message is not None
    assert (history.message.state, history.message.callback_number) == ("open", caller)
    assert history.message.flags == (CUT_OFF,)
    stage.clock.set(stage.clock.now() + CALLS_AGAIN)
    again = await stage.carrier.rings(MOBILES[person], DEADLINE)
    assert again.shown == MAIN
    found = await state_is(stage, history.message.id, "closed")
    await again.ended(DEADLINE)
    assert found.closed_by == person
    assert await asyncio.to_thread(results, stage, found.id) == [(person, "acknowledged")]
    assert history.call.id not in await unaccounted(stage)


async def test_the_patient_of_a_call_that_broke_is_called_back(stage: Stage, caller: str) -> None:
    """The number is there: one key, and the hospital's phone rings."""
    person = stage.person("oncall")
    await asyncio.to_thread(with_pin, stage, person)
    call, mobile = await joined(stage, caller, person)
    stage.carrier.answers(MOBILES[person], consults(person, "1", talk=LONG))

    async def picks_up(phone: Handset) -> None:
        await phone.ring(1)
        await phone.answer()
        await phone.tone(PATIENT_TONE, 6)
        await phone.wait_hangup()

    stage.carrier.answers(caller, picks_up)
    await stage.carrier.hang_up(call)
    await asyncio.gather(call.ended(DEADLINE), mobile.ended(DEADLINE))
    message = (await stage.finished(caller)).message
    assert message is not None
    stage.clock.set(stage.clock.now() + CALLS_AGAIN)
    hospital = await stage.carrier.rings(caller, DEADLINE)
    await hospital.ended(DEADLINE)
    assert hospital.heard_tone(TONES[person])
    assert (await state_is(stage, message.id, "called back")).called_back_by == person
