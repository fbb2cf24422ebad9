"""Calls to the office's own people while Asterisk is not there for a moment."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pbx.asterisk.ami.client import AmiClient, AmiEvent
from pbx.asterisk.ami.events import OriginateResponse, event_of
from pbx.calls.live import LivePlan
from pbx.config.home import Home
from pbx.config.secrets import Secrets
from pbx.escalation import dialer as follow_up_dialer
from pbx.escalation.dialer import FollowUpDialer
from pbx.service.supervisor import read_configuration
from tests.support.ami_peer import DEADLINE, Office, Peer, listening

ROOT = Path(__file__).parents[3]


def dialer_of(office: Office, folder: Path) -> FollowUpDialer:
    """Make the dialer of the example practice, whose calls this office's client places."""
    plan = read_configuration(ROOT / "config" / "office.toml").plan
    secrets = Secrets(mobiles={"osei": "+12125550112"})
    return FollowUpDialer(office.client, LivePlan(plan, secrets, Home(folder)))


async def test_a_call_waits_for_an_asterisk_that_is_just_starting(tmp_path: Path) -> None:
    """Whoever is due in the moment of a start is called as soon as Asterisk is there.

    The resync of that connection does not take the call for one that Asterisk has lost.
    """

    async def rings(peer: Peer) -> None:
        await peer.let_in()
        call = await peer.action("Originate")
        await peer.answer(call, "Response: Success")
        said = ("Event: OriginateResponse", "Response: Success", f"Uniqueid: {call['ChannelId']}")
        await peer.say(*said)
        await peer.stay()

    async with listening(rings) as port:
        office = Office(port)
        dialer = dialer_of(office, tmp_path)

        def hears(raw: AmiEvent) -> None:
            event = event_of(raw, datetime.now(UTC))
            assert isinstance(event, OriginateResponse)
            dialer.event(event)

        office.meets = hears

        async def catches_up(_: AmiClient) -> None:
            dialer.resync(dialer.under_way, frozenset())

        office.catches_up = catches_up
        call = asyncio.create_task(dialer.confirm("osei", ("shift-begins",)))
        await asyncio.sleep(0)  # the call is due, and nobody has connected yet
        async with office.open(), asyncio.timeout(DEADLINE):
            assert await call == "acknowledged"


async def test_a_call_that_waits_for_its_phone_goes_on_and_does_not_ring(tmp_path: Path) -> None:
    """Osei still talks with us about one message: the next one's call waits for the phone."""

    async def rings(peer: Peer) -> None:
        await peer.let_in()
        call = await peer.action("Originate")
        await peer.answer(call, "Response: Success")
        await peer.stay()

    async with listening(rings) as port:
        office = Office(port)
        dialer = dialer_of(office, tmp_path)
        async with office.open(), asyncio.timeout(DEADLINE):
            first = asyncio.create_task(dialer.deliver("m1", "osei", urgent=True, attempt=1))
            while not dialer.rings("m1", "osei"):
                await asyncio.sleep(0.01)
            dialer.taken("m1", "osei")
            assert await first == "acknowledged"
            second = asyncio.create_task(dialer.deliver("m2", "osei", urgent=True, attempt=2))
            await asyncio.sleep(0.1)
            assert not dialer.rings("m2", "osei")
            assert not dialer.idle
            second.cancel()
            await asyncio.wait([second])
        assert dialer.idle


async def test_an_asterisk_that_stays_away_costs_one_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The try ends, so that the next one has its time."""
    monkeypatch.setattr(follow_up_dialer, "AWAY_S", 0.1)
    async with listening(Peer.stay) as port:
        dialer = dialer_of(Office(port), tmp_path)
        async with asyncio.timeout(DEADLINE):
            assert await dialer.confirm("osei", ("shift-begins",)) == "unreachable"
        assert dialer.idle
