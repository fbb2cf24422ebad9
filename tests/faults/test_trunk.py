"""What a carrier answers, by hand: nothing, 100 alone, an announcement and then ringing."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from pbx.demo.scenes import BACK_LINE, patient
from tests.conftest import Saw
from tests.faults.line import Line, line_up
from tests.faults.oracle import DEADLINE
from tests.support.office_up import until
from tests.support.trunk import Trunk, trunk

pytestmark = pytest.mark.long


@asynccontextmanager
async def office_on(carrier: Trunk) -> AsyncIterator[Line]:
    """Run an office whose calls go out to this carrier."""
    port = f"port = {carrier.port}"
    async with line_up(
        edit=lambda text: re.sub(r"^port = \d+$", port, text, flags=re.MULTILINE)
    ) as line:
        yield line


async def happened(line: Line, carrier: Trunk, last: str) -> list[str]:
    """Call by night, wait for this in the first call to a physician; return what happened to it."""
    call = await line.dials(BACK_LINE, patient(at_most=60))
    invited = [one for one in carrier.calls.values() if "INVITE" in one]
    await until(lambda: any("INVITE" in one and last in one for one in carrier.calls.values()))
    assert not invited
    first = next(one for one in carrier.calls.values() if "INVITE" in one)
    await line.up.carrier.hang_up(call)
    await call.ended(DEADLINE)
    return first


async def test_ringing_after_an_announcement_counts_anew(saw: Saw) -> None:
    """Row 37: the carrier plays something while it looks; the phone has its whole time to ring."""
    async with (
        trunk((0, 100), (0, 183), (10, 180), (24, 486)) as carrier,
        office_on(carrier) as line,
    ):
        first = await happened(line, carrier, "486")
        assert first[:5] == ["INVITE", "100", "183", "180", "486"]
        saw("183, then 180 after 10 s: it continued to ring after 20 s")


async def test_a_phone_that_is_looked_for_and_busy(saw: Saw) -> None:
    """Row 37: 100, and 12 s later that it is busy: it was waited for, and the next one rings."""
    async with trunk((0, 100), (12, 486)) as carrier, office_on(carrier) as line:
        first = await happened(line, carrier, "486")
        assert first[:3] == ["INVITE", "100", "486"]
        saw("100, then 486 after 12 s: the answer was waited for")


@pytest.mark.parametrize("status", [181, 182])
async def test_a_phone_to_which_the_carrier_sends_the_call_on(saw: Saw, status: int) -> None:
    """Row 37: the call is forwarded or queued, and nothing rings for long: it is waited for."""
    async with (
        trunk((0, 100), (1, status), (17, 180), (20, 486)) as carrier,
        office_on(carrier) as line,
    ):
        first = await happened(line, carrier, "486")
        assert first[:5] == ["INVITE", "100", str(status), "180", "486"]
        saw(f"{status}, then 180 after 17 s: the answer was waited for")


async def test_a_trunk_that_only_tries_is_left(saw: Saw) -> None:
    """Row 37: 100 and nothing more: the phone is given up, though later than a dead trunk."""
    async with trunk((0, 100)) as carrier, office_on(carrier) as line:
        first = await happened(line, carrier, "CANCEL")
        assert first[:3] == ["INVITE", "100", "CANCEL"]
        saw("only 100: given up")
