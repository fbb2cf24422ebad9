"""Every scene of the demo on real Asterisk processes, and what may never leak in any of them."""

from __future__ import annotations

import pytest

from pbx.demo.scenes import SCENES, DemoScene
from pbx.demo.stage import MOBILES, Stage
from tests.conftest import Saw
from tests.support.stages import messages_of

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.title)
async def test_scene(scene: DemoScene, stage: Stage, caller: str, saw: Saw) -> None:
    """The phones and the database agree with what the scene promises, and no number leaks."""
    stage.set_time(scene.at)
    known = None if scene.anonymous else caller
    played = await scene.play(stage, known)
    for message in messages_of(stage.carrier, played.patient):
        assert not any(mobile in message.text for mobile in MOBILES.values()), message.text
    mobiles = [phone for name, phone in played.phones.items() if name in MOBILES]
    for phone in mobiles:
        messages = messages_of(stage.carrier, phone)
        assert messages[0].start.startswith("INVITE")
        for message in messages:
            assert caller not in message.text
            assert "9175550123" not in message.text  # what the anonymous caller keyed in
    if scene.anonymous:
        saw("asked for a number, then connected to the person on call")
