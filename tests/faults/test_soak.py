"""The soak in short; `./run soak` plays it for as long as it is told."""

from __future__ import annotations

import pytest

from tests.faults.soak.__main__ import soak
from tests.faults.soak.plan import KINDS, planned


def test_a_seed_plans_the_same_again() -> None:
    """And a longer soak of another seed has every kind of caller, and a fault every ten seconds."""
    assert planned(40, 1) == planned(40, 1)
    assert planned(40, 1) != planned(40, 2)
    plan = planned(600, 2)
    assert {one.kind for one in plan.callers} == set(KINDS)
    assert len(plan.callers) > 1000
    assert 40 < len(plan.faults) < 70


@pytest.mark.long
async def test_forty_seconds_lose_no_call() -> None:
    """Calls and faults at random: every call is accounted for, and urgent ones are heard."""
    verdict = await soak(40, 3)
    assert not verdict.lost, "\n".join(verdict.lost)
