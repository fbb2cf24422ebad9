"""The test call of `officeline init`, on a real Asterisk, for each kind of practice."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from pbx.config import plan
from pbx.config.schema_network import MetricsTable, NetworkTable
from pbx.config.setup.answers import start_text, starts
from pbx.demo.first_call import first_call


@pytest.mark.long
@pytest.mark.parametrize("preset", starts())
async def test_a_new_practice_is_called(preset: str) -> None:
    """Somebody is reached, whatever the file says of this machine's addresses."""
    configuration = plan.parse(start_text(preset), Path(preset))
    elsewhere = replace(
        configuration, network=NetworkTable(bind="192.0.2.10"), metrics=MetricsTable(port=1)
    )
    with tempfile.TemporaryDirectory(prefix="officeline-first-") as folder:
        reported = await first_call(Path(folder), elsewhere)
    assert reported.ok, reported.sentence
    assert "accepted and was heard" in reported.sentence


@pytest.mark.long
async def test_a_practice_without_people_to_call_is_reported() -> None:
    """The call that reaches nobody is no success."""
    text = start_text("solo").replace(
        'do = { escalation = "urgent" }', 'do = { message = "urgent" }'
    )
    configuration = plan.parse(text, Path("solo"))
    with tempfile.TemporaryDirectory(prefix="officeline-first-") as folder:
        reported = await first_call(Path(folder), configuration)
    assert not reported.ok
    assert "nobody was reached" in reported.sentence
