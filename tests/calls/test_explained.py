"""What `explain` says of a call, and the same call on a real line."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from typer.testing import CliRunner

from cli import app
from pbx.demo.scenes import MAIN, SATURDAY, patient, physician
from pbx.demo.stage import MOBILES, TONES, Stage

pytestmark = pytest.mark.asyncio(loop_scope="session")

DEADLINE = 60.0


def explained(stage: Stage, *words: str) -> Any:
    """Ask `officeline explain` about this office."""
    where = ["--config", str(stage.configuration.path), "--home", str(stage.home.folder)]
    result = CliRunner().invoke(app, [*where, "explain", *words, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


async def test_the_line_does_what_explain_said(stage: Stage, caller: str) -> None:
    """The physician that it named is rung and talks; the log gives the same reasons afterward."""
    imagined = await asyncio.to_thread(
        explained, stage, "--did", MAIN, "--from", caller, "--at", SATURDAY, "--press", "1"
    )
    (person,) = imagined["steps"][0]["ring"]
    stage.set_time(SATURDAY)
    stage.carrier.answers(MOBILES[person], physician(person))
    call = await stage.carrier.dials(MAIN, caller=caller, script=patient(press="1", tells=True))
    mobile = await stage.carrier.rings(MOBILES[person], DEADLINE)
    await asyncio.gather(call.ended(DEADLINE), mobile.ended(DEADLINE))
    assert call.heard_tone(TONES[person])
    history = await stage.finished(caller)
    assert history.call.person == person
    past = await asyncio.to_thread(explained, stage, history.call.id)
    for same in ("plan", "line", "hours", "urgency", "oncall", "decision", "reasons"):
        assert past[same] == imagined[same], same
