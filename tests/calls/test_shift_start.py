"""The start of a shift on a real Asterisk: a press, none, a late one, and a restart in between."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from pbx.config import secrets
from pbx.db import changes
from pbx.db.database import open_database
from pbx.demo.carrier.handset import Handset, Script, voicemail
from pbx.demo.scenes import BACK_LINE, MAIN, SATURDAY, TUESDAY, patient, physician
from pbx.demo.stage import MOBILES, TONES, Stage, staged
from pbx.escalation.pins import hashed
from tests.support import shift_rows
from tests.support.stages import did_not_ring, restart_daemon

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROOT = Path(__file__).parents[2]
DEADLINE = 60.0
PIN = "472916"
# Each Monday at 08:00 the next begins, on the 30th of November patel, then lee, then osei.
ESCALATION = "[escalation.urgent]"
SHORT = f'{ESCALATION}\nfollow_up = {{ cut_off = "1s" }}'  # physicians talk for two seconds
ASKED_TWICE = 'backup = "next"\nconfirm = { tries = 2, every = "2s" }'


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def practice() -> AsyncIterator[Stage]:
    """Start the example practice, in which a shift is confirmed, and a phone network around it."""
    with tempfile.TemporaryDirectory(prefix="officeline-shift-") as folder:
        text = (ROOT / "config/office.toml").read_text()
        config = Path(folder) / "office.toml"
        text = text.replace('backup = "next"', ASKED_TWICE)
        config.write_text(text.replace(ESCALATION, SHORT))
        async with staged(Path(folder), config, TUESDAY) as stage:
            yield stage


def presses(person: str, after: float = 1.0) -> Script:
    """Pick up, listen, press 1, and stay until the office hangs up."""

    async def script(phone: Handset) -> None:
        await phone.ring(1)
        await phone.answer()
        await phone.wait(after)
        await phone.press("1")
        await phone.tone(TONES[person], 1)
        await phone.wait_hangup()

    return script


def states(stage: Stage) -> dict[tuple[str, str], str]:
    """Read how everybody stands; of several shifts of one person the last counts."""
    engine = open_database(stage.home.database)
    try:
        rows = shift_rows.shift_history(engine)
    finally:
        engine.dispose()
    return {(row.person, row.role): row.state for row in rows}


def results(stage: Stage, person: str) -> list[str | None]:
    """List what came of the calls to a person about a shift."""
    engine = open_database(stage.home.database)
    try:
        return [result for who, result in shift_rows.shift_calls(engine) if who == person]
    finally:
        engine.dispose()


async def becomes(stage: Stage, person: str, role: str, state: str) -> None:
    """Wait until somebody stands like this."""
    async with asyncio.timeout(DEADLINE):
        while (await asyncio.to_thread(states, stage)).get((person, role)) != state:
            await asyncio.sleep(0.1)


@asynccontextmanager
async def starting(stage: Stage, local: str) -> AsyncIterator[None]:
    """Let a shift begin; afterward it is Saturday, and nobody is called about a shift."""
    stage.set_time(local)
    try:
        yield
    finally:
        stage.set_time(SATURDAY)
        async with asyncio.timeout(DEADLINE):
            while not stage.daemon.calls_nobody:
                await asyncio.sleep(0.1)


async def rings_first(stage: Stage, caller: str, first: str) -> None:
    """A hospital calls the back line: this person's mobile rings in the first step, and accepts."""
    stage.carrier.answers(MOBILES[first], physician(first))
    call = await stage.carrier.dials(BACK_LINE, caller=caller, script=patient(at_most=12))
    mobile = await stage.carrier.rings(MOBILES[first], DEADLINE)
    await asyncio.gather(call.ended(DEADLINE), mobile.ended(DEADLINE))
    history = await stage.finished(caller)
    assert (history.call.outcome, history.call.person) == ("connected", first)
    assert call.heard_tone(TONES[first])


async def test_a_press_confirms_the_shift(practice: Stage) -> None:
    """The mobile shows the office's number; one press, and it is never asked again."""
    practice.carrier.answers(MOBILES["patel"], presses("patel"))
    async with starting(practice, "2026-11-30 08:00"):
        mobile = await practice.carrier.rings(MOBILES["patel"], DEADLINE)
        await mobile.ended(DEADLINE)
        assert mobile.shown == MAIN
        await becomes(practice, "patel", "oncall", "confirmed")
        await asyncio.sleep(3)
        assert results(practice, "patel") == ["acknowledged"]
        assert not practice.daemon.plans.plan.unconfirmed


@pytest.mark.long
async def test_nobody_presses_until_late(practice: Stage, caller: str) -> None:
    """A voicemail confirms nothing: the backup is told and rung first, until lee presses."""
    practice.carrier.answers(MOBILES["lee"], voicemail(after=1, listens=3))
    practice.carrier.answers(MOBILES["osei"], presses("osei"))
    async with starting(practice, "2026-12-07 08:00"):
        reported = await practice.carrier.rings(MOBILES["osei"], DEADLINE)
        await reported.ended(DEADLINE)
        await becomes(practice, "osei", "backup", "confirmed")
        assert (reported.shown, states(practice)["lee", "oncall"]) == (MAIN, "unconfirmed")
        assert len(results(practice, "lee")) == 2
        await rings_first(practice, caller, "osei")
        practice.carrier.answers(MOBILES["lee"], presses("lee"))
        practice.set_time("2026-12-07 09:00")  # half an hour after the last try
        await becomes(practice, "lee", "oncall", "confirmed")
        assert results(practice, "lee")[-1] == "acknowledged"
        async with asyncio.timeout(DEADLINE):
            while practice.daemon.plans.plan.unconfirmed:
                await asyncio.sleep(0.1)


async def test_a_restart_makes_the_call_again(practice: Stage) -> None:
    """The control layer ends while the phone rings; the next one calls again, and counts anew."""

    async def lets_it_ring(phone: Handset) -> None:
        await phone.ring(60)

    practice.carrier.answers(MOBILES["osei"], lets_it_ring)
    async with starting(practice, "2026-12-14 08:00"):
        await practice.carrier.rings(MOBILES["osei"], DEADLINE)
        practice.carrier.answers(MOBILES["osei"], presses("osei"))
        await restart_daemon(practice)
        again = await practice.carrier.rings(MOBILES["osei"], DEADLINE)
        await again.ended(DEADLINE)
        await becomes(practice, "osei", "oncall", "confirmed")
        assert results(practice, "osei")[-2:] == ["unknown", "acknowledged"]


def calls_in(code: str, *keys: str) -> Script:
    """Call from anywhere, press star, give code and PIN, then press keys as they are asked for."""

    async def script(phone: Handset) -> None:
        await phone.wait(1.5)
        for key in ("*", code + PIN, *keys):
            await phone.press(key)
            await phone.wait(1.5)
        await phone.wait_hangup()

    return script


def standing(stage: Stage) -> list[tuple[str | None, str | None, str]]:
    """List the overrides: who, in whose place, made by whom."""
    engine = open_database(stage.home.database)
    try:
        rows = changes.list_overrides(engine)
    finally:
        engine.dispose()
    return [(one.change.person, one.change.instead_of, one.by) for one in rows]


def with_pin(stage: Stage, person: str) -> str:
    """Give somebody the PIN of these tests; return the code that the secrets file chose."""
    pin = hashed(PIN)
    return secrets.change(stage.home.folder, lambda held: held.with_pin(person, pin)).codes[person]


@pytest.mark.long
async def test_a_shift_is_handed_over_and_taken_by_telephone(practice: Stage, caller: str) -> None:
    """Lee hands over, osei confirms on his phone and is rung; then lee takes it back."""
    code = await asyncio.to_thread(with_pin, practice, "lee")
    practice.carrier.answers(MOBILES["osei"], presses("osei"))
    async with starting(practice, "2026-12-09 20:10"):
        script = calls_in(code, "8", "1")
        strange = await practice.carrier.dials(MAIN, caller="+19175559999", script=script)
        mobile = await practice.carrier.rings(MOBILES["osei"], DEADLINE)
        await asyncio.gather(strange.ended(DEADLINE), mobile.ended(DEADLINE))
        await becomes(practice, "osei", "oncall", "confirmed")
        assert standing(practice) == [("osei", "lee", "lee by telephone")]
        await rings_first(practice, caller, "osei")
        practice.carrier.answers(MOBILES["lee"], presses("lee"))
        script = calls_in(code, "9", "1")
        strange = await practice.carrier.dials(MAIN, caller="+19175559999", script=script)
        await strange.ended(DEADLINE)
        assert standing(practice)[1:] == [("lee", None, "lee by telephone")]
        assert did_not_ring(practice.carrier, MOBILES["lee"])
