"""Plans that go live while calls are under way: no call drops, and none changes its course."""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from pbx.config.plan import read_text
from pbx.db.overlay import applied_texts
from pbx.demo.carrier.handset import answers
from pbx.demo.scenes import BACK_LINE, SATURDAY, patient
from pbx.demo.stage import MOBILES, TONES, Stage, staged
from tests.conftest import Saw
from tests.support.stages import never_answers

pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]

ROOT = Path(__file__).parents[2]
CALLS, APPLIES = 50, 20
TALKS_S = 35  # all of them are under way at once, and the patient is who hangs up
DEADLINE = 240.0
OFFICE_RTP, NETWORK_RTP = "12000-12399", (12400, 12799)
# Whoever is on call never picks up, and their backup takes the call: who that is differs by plan.
TURNS = (("lee", "osei", "patel"), ("patel", "osei", "lee"))


def written(number: int) -> str:
    """Write the office's file with the rotation of this number, and nothing else changed."""
    text = (ROOT / "config/office.toml").read_text(encoding="utf-8")
    turns = ", ".join(f'"{person}"' for person in TURNS[number % 2])
    text = re.sub(r"rotation = \[.*\]", f"rotation = [{turns}]", text, count=1)
    text = text.replace("[network]", f'[network]\nrtp_ports = "{OFFICE_RTP}"', 1)
    text = text.replace("[trunk]", "[trunk]\nmax_calls = 200", 1)
    text = text.replace('{ try = "oncall", ring = 20 }', '{ try = "oncall", ring = 8 }', 1)
    return f"{text}\n# the file as of change {number}\n"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def busy() -> AsyncIterator[Stage]:
    """Start the example practice with room for so many calls."""
    with tempfile.TemporaryDirectory(prefix="officeline-apply-") as folder:
        config = Path(folder) / "office.toml"
        config.write_text(written(0), encoding="utf-8")
        async with staged(Path(folder), config, SATURDAY, NETWORK_RTP) as stage:
            yield stage


async def applied(stage: Stage, number: int) -> None:
    """Let the next file go live with the command that an administrator uses."""
    stage.configuration.path.write_text(written(number), encoding="utf-8")
    where = ["--config", str(stage.configuration.path), "--home", str(stage.home.folder)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cli", *where, "apply", stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()


async def goes_live(stage: Stage) -> None:
    """Wait until the daemon has seen what was applied, which it looks for a few times a second."""
    wanted = applied_texts(stage.home.database)[0].hash
    async with asyncio.timeout(10):
        while stage.daemon.plans.plan.hash != wanted:
            await asyncio.sleep(0.05)


async def test_twenty_plans_go_live_during_fifty_calls(busy: Stage, saw: Saw) -> None:
    """Each call rings whom the plan of its beginning names, and ends as it would have."""
    for person, mobile in MOBILES.items():
        script = answers(after=1, press="1", tone=TONES[person], talk=3)
        busy.carrier.answers(mobile, script)

    await applied(busy, 1)
    await goes_live(busy)
    callers = [f"+1917556{number:04d}" for number in range(CALLS)]
    first = busy.person("oncall")
    busy.carrier.answers(MOBILES[first], never_answers())

    async def calls() -> list[str]:
        placed = []
        for caller in callers:
            placed.append(
                await busy.carrier.dials(BACK_LINE, caller=caller, script=patient(at_most=TALKS_S))
            )
            await asyncio.sleep(0.2)
        await asyncio.gather(*(call.ended(DEADLINE) for call in placed))
        return callers

    async def plans() -> None:
        for number in range(2, APPLIES + 2):
            await applied(busy, number)
            await asyncio.sleep(0.2)

    await asyncio.gather(calls(), plans())
    texts = {one.hash: one.text for one in applied_texts(busy.home.database, APPLIES + 2)}
    seen: set[str] = set()  # who stood in, by the plans that calls began with
    for caller in callers:
        history = await busy.finished(caller)
        plan = history.call.plan or ""
        backup = "patel" if TURNS[0] == turns_of(texts[plan]) else "lee"
        assert history.call.outcome == "connected", history
        assert history.call.ended_at is not None
        lasted = history.call.ended_at - history.call.started_at
        assert lasted.total_seconds() > TALKS_S - 1, "the office ended the call"
        assert [leg.person for leg in history.legs] == [first, backup], history
        seen.add(backup)
    assert len(seen) == 2, "both rotations were in force while calls came in"
    saw(
        f"{APPLIES} plans were applied; {len(callers)} calls ended by the plan with which they "
        f"began"
    )
    assert read_text(busy.configuration.path) == next(iter(texts.values()))


def turns_of(text: str) -> tuple[str, ...]:
    """Read the rotation of an applied file."""
    found = re.search(r"rotation = \[(.*)\]", text)
    assert found is not None
    return tuple(word.strip(' "') for word in found[1].split(","))
