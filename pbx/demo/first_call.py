"""Play a new practice's first call, a patient at night, on a phone network on this machine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pbx.base.phone_numbers import mask
from pbx.config.plan import Configuration
from pbx.config.schema_network import NetworkTable
from pbx.demo.scenes import SCENE_LIMIT_S, accepts, patient
from pbx.demo.stage import Stage, staged
from routing import hours
from routing.model import Plan

CALLER = "+19175550120"
VOICE = 620.0  # Hz: the tone that a person plays after answering
WEEK = timedelta(days=7)


@dataclass(frozen=True)
class FirstCall:
    """The result as a sentence; `ok` if a human was reached and saw the office's number."""

    ok: bool
    sentence: str


async def first_call(folder: Path, configuration: Configuration) -> FirstCall:
    """Play the call in an empty folder with invented mobiles; EngineError without Asterisk.

    Trunk, ports, broker and metrics of the file are ignored, so nothing leaves this machine.
    """
    plan = configuration.plan
    alone = replace(configuration, network=NetworkTable(), mqtt=None, metrics=None)
    mobiles = {person: f"+1212555{count:04}" for count, person in enumerate(plan.people, 150)}
    at = closed_at(plan, datetime.now(UTC))
    local = at.astimezone(plan.office.zone).replace(tzinfo=None).isoformat(" ", "minutes")
    async with staged(folder, alone, local, mobiles=mobiles) as stage:
        for phone in (*mobiles.values(), *plan.phones):
            stage.carrier.answers(phone, accepts(VOICE))
        return await _played(stage)


async def _played(stage: Stage) -> FirstCall:
    plan, now = stage.configuration.plan, stage.clock.now()
    line = next(one for one in plan.lines if one.did == plan.office.number)
    menu = plan.menus.get(line.menus.get("closed", ""))
    keys = {} if menu is None else menu.keys
    urgent = next((key for key, choice in keys.items() if choice == "urgent"), "")
    call = await stage.carrier.dials(
        line.did, caller=CALLER, script=patient(press=urgent, tells=bool(urgent))
    )
    await call.ended(SCENE_LIMIT_S)
    history = await stage.finished(CALLER)
    began = f"Test call of {plan.office.times.weekday(now)} to {mask(line.did)}"
    spoke = call.heard_tone(VOICE) and not stage.carrier.refused  # it refuses wrong caller IDs
    who = history.call.person
    await stage.settle()
    if history.call.outcome == "connected" and spoke:
        return FirstCall(ok=True, sentence=f"{began}: {who} accepted and was heard.")
    return FirstCall(
        ok=False,
        sentence=f"{began}: nobody was reached ({history.call.outcome}); "
        "'officeline explain' shows what the file says.",
    )


def closed_at(plan: Plan, now: datetime) -> datetime:
    """Return the middle of the next closed hours; `now` if the office never closes."""
    for stretch in hours.spans(plan, now, now + WEEK):
        if stretch.state == "closed":
            return stretch.start + (stretch.end - stretch.start) / 2
    return now
