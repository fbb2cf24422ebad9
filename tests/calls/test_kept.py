"""Calls during which the office opens, closes, or is changed: each ends as it began."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import Engine

from pbx.config.plan import parse
from pbx.db import changes
from pbx.db.calls import History
from pbx.db.database import open_database
from pbx.db.plans import apply_text
from pbx.demo.carrier.handset import Handset, PhoneCall
from pbx.demo.scenes import MAIN, SATURDAY, SAY_REASON_S, physician
from pbx.demo.stage import MOBILES, PATIENT_TONE, TONES, Stage, staged
from routing.model import HoursChange, Override
from tests.conftest import Saw
from tests.support.offices import EXAMPLE, changed
from tests.support.stages import restart_daemon

pytestmark = pytest.mark.asyncio(loop_scope="session")

DEADLINE = 60.0
CLOSED_MENU = '1 = "urgent"\n2 = "routine"'
Deed = Callable[[Stage], Awaitable[None]]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def practice() -> AsyncIterator[Stage]:
    """Start the example practice for itself: its plan and its rows are changed."""
    with tempfile.TemporaryDirectory(prefix="officeline-kept-") as folder:
        config = Path(folder) / "office.toml"
        config.write_text(EXAMPLE)
        async with staged(Path(folder), config, SATURDAY) as stage:
            yield stage


def clock(local: str) -> Deed:
    """Let it be another time."""

    async def deed(stage: Stage) -> None:
        stage.set_time(local)

    return deed


def rows(write: Callable[[Stage, Engine], object]) -> Deed:
    """Lay something over the plan, as a command does, and wait until it is live."""

    async def deed(stage: Stage) -> None:
        before = stage.daemon.plans.plan
        engine = open_database(stage.home.database)
        try:
            await asyncio.to_thread(write, stage, engine)
        finally:
            engine.dispose()
        async with asyncio.timeout(DEADLINE):
            while stage.daemon.plans.plan is before:
                await asyncio.sleep(0.02)

    return deed


def reopens(stage: Stage, engine: Engine) -> None:
    """Do as `hours reopen` does."""
    now = stage.clock.now()
    change = HoursChange(0, "open", now - timedelta(hours=1), now + timedelta(hours=3), "flu day")
    changes.add_hours_change(engine, change, by="amy", now=now)


def takes_over(stage: Stage, engine: Engine) -> None:
    """Do as `oncall override` does: who is neither on call nor backup is on call."""
    now = stage.clock.now()
    (third,) = set(MOBILES) - {stage.person("oncall"), stage.person("backup")}
    start, end = now - timedelta(minutes=1), now + timedelta(hours=3)
    changes.add_override(
        engine, Override(0, "doctors", "replace", third, None, start, end), by="amy", now=now
    )


def applies(stage: Stage, engine: Engine) -> None:
    """Do as `apply` does, with a file in which whoever is on call has left the practice."""
    person = stage.person("oncall")
    text = changed((CLOSED_MENU, '1 = "routine"\n2 = "routine"'))
    name = {"lee": "Dr. Ana Lee", "osei": "Dr. Kofi Osei", "patel": "Dr. Mira Patel"}[person]
    text = changed((f'[people.{person}]\nname = "{name}"\nrole = "physician"\n', ""), text=text)
    text = changed((f'"{person}", ' if f'"{person}", ' in text else f', "{person}"', ""), text=text)
    plan = parse(text, Path("office.toml")).plan
    apply_text(engine, text, plan.hash, by="amy", now=stage.clock.now())


async def nothing(_stage: Stage) -> None:
    """Let the control layer go on."""


async def restarts(stage: Stage) -> None:
    """Let another control layer answer the next question, one that knows the new state alone."""
    await restart_daemon(stage)


async def dies(stage: Stage) -> None:
    """Let the standby answer what comes next."""
    await stage.stop_daemon()


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def _as_before(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """Take back after a test what it laid over the plan, and let a control layer answer."""
    yield
    stage: Stage = request.getfixturevalue("practice")
    engine = open_database(stage.home.database)
    now = stage.clock.now()
    try:
        for change in changes.list_hours_changes(engine):
            if change.canceled_at is None:
                changes.cancel_hours_change(engine, change.change.id, by="amy", now=now)
        for override in changes.list_overrides(engine):
            if override.canceled_at is None:
                changes.cancel_override(engine, override.change.id, by="amy", now=now)
        apply_text(engine, EXAMPLE, stage.configuration.plan.hash, by="amy", now=now)
    finally:
        engine.dispose()
    async with asyncio.timeout(DEADLINE):
        while (live := stage.daemon.plans.plan).hash != stage.configuration.plan.hash or (
            (*live.overrides, *live.changes)
        ):
            await asyncio.sleep(0.02)


def urgent(*deeds: Callable[[], Awaitable[None]]) -> Callable[[Handset], Awaitable[None]]:
    """Hear the menu, let something happen, press 1, keep the number, say what is wrong, talk."""

    async def script(phone: Handset) -> None:
        await phone.wait(1.5)
        for deed in deeds:
            await deed()
        await phone.press("1")
        await phone.wait(1.5)
        await phone.press("#")
        await phone.wait(SAY_REASON_S)
        await phone.tone(PATIENT_TONE, 2)
        await phone.press("#")
        for _ in range(30):
            await phone.tone(PATIENT_TONE, 1)

    return script


async def played(
    stage: Stage, caller: str, at: str, *deeds: Deed
) -> tuple[PhoneCall, str, History]:
    """Call at a time, press urgent after these deeds; return the call, who was on call, the log."""
    stage.set_time(at)
    person = stage.person("oncall")
    for one, mobile in MOBILES.items():
        talk = 6 if {dies, restarts} & set(deeds) else 2
        stage.carrier.answers(mobile, physician(one, talk=talk))
    happens = [lambda deed=deed: deed(stage) for deed in deeds]
    call = await stage.carrier.dials(MAIN, caller=caller, script=urgent(*happens))
    phone = await stage.carrier.rings(MOBILES[person], DEADLINE)
    await asyncio.gather(call.ended(DEADLINE), phone.ended(DEADLINE))
    if dies in deeds:
        await restart_daemon(stage)
    return call, person, await stage.finished(caller)


CHANGES = {
    "opens": ("2026-11-24 08:29:55", clock("2026-11-24 08:30:07")),
    "lunch ends": ("2026-11-24 12:59:55", clock("2026-11-24 13:00:07")),
    "reopened": (SATURDAY, rows(reopens)),
    "override": (SATURDAY, rows(takes_over)),
    "apply": (SATURDAY, rows(applies)),
    "handoff": ("2026-11-30 07:59:50", clock("2026-11-30 08:00:10")),
}


@pytest.mark.parametrize(
    ("at", "deed", "who"),
    [
        *(pytest.param(*CHANGES[name], nothing, id=name) for name in ("opens", "apply")),
        *(
            pytest.param(*CHANGES[name], nothing, id=name, marks=pytest.mark.long)
            for name in ("lunch ends", "reopened", "override", "handoff")
        ),
        *(
            pytest.param(*CHANGES[name], who, id=f"{name}, {who.__name__}", marks=pytest.mark.long)
            for name in CHANGES
            for who in (restarts, dies)
        ),
    ],
)
async def test_an_urgent_key_means_what_the_menu_said(
    practice: Stage, caller: str, saw: Saw, at: str, deed: Deed, who: Deed
) -> None:
    """Row 40: whatever changed since the menu, whoever was on call then is reached."""
    call, person, history = await played(practice, caller, at, deed, who)
    assert call.heard_tone(TONES[person])
    assert [one.kind for one in history.decisions] == ["menu", "escalation"]
    assert (history.call.outcome, history.call.person) == ("connected", person)
    assert history.message is not None
    assert history.message.urgency == "urgent"
    first, last = (one.facts for one in history.decisions)
    assert first["began"] == last["began"]
    assert first["oncall"] == last["oncall"] == {"doctors": [person]}
    saw("urgent was pressed after the change: the person on call at the beginning was reached")
