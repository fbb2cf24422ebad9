"""The line as `calls live` shows it, while a real caller goes through it."""

from __future__ import annotations

import asyncio

import pytest

from pbx.db.database import open_database
from pbx.demo.scenes import MAIN, SATURDAY, patient, physician
from pbx.demo.stage import MOBILES, Stage
from pbx.ops.line_now import LineNow, line_now, step

pytestmark = pytest.mark.asyncio(loop_scope="session")

DEADLINE = 60.0


@pytest.mark.long
async def test_a_call_is_seen_at_each_step_until_it_is_over(stage: Stage, caller: str) -> None:
    """Menu, message, ringing, talk: with who rings and the promise that runs meanwhile."""
    stage.set_time(SATURDAY)
    person = stage.person("oncall")
    stage.carrier.answers(MOBILES[person], physician(person))
    engine = open_database(stage.home.database)
    seen: list[LineNow] = []

    def look() -> None:
        plan = stage.configuration.plan
        seen.append(line_now(engine, stage.home, plan, stage.clock.now()))

    call = await stage.carrier.dials(MAIN, caller=caller, script=patient(press="1", tells=True))
    ending = asyncio.create_task(call.ended(DEADLINE))
    while not ending.done():
        await asyncio.to_thread(look)
        await asyncio.sleep(0.1)
    await ending
    await stage.finished(caller)
    await asyncio.to_thread(look)
    engine.dispose()
    mine = [one for state in seen for one in state.calls if one.caller == caller]
    steps = list(dict.fromkeys(step(one) for one in mine))
    assert steps[-2:] == ["waits for a person", f"talks with {person}"], steps
    assert "hears the menu" in steps
    assert {one.ringing for one in mine if one.person is None} == {(), (person,)}
    assert any(one.promised for state in seen for one in state.urgent)
    assert all(state.daemon.runs for state in seen)
    assert seen[-1].daemon.came
    assert caller not in {one.caller for one in seen[-1].calls}
