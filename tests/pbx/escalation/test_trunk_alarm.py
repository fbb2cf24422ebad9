"""When a carrier is away, and when it only looks so; tests/calls plays it on real processes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from pbx.asterisk.ami.client import AmiClient, AmiResponse
from pbx.base.clock import DemoClock
from pbx.config.plan import load
from pbx.config.secrets import Secrets
from pbx.escalation import trunk_alarm
from pbx.escalation.trunk_alarm import TrunkAlarm, TrunkHealth
from tests.pbx.escalation.test_push import StillPlans
from tests.support.offices import ROOT

PLAN = load(ROOT / "config/office.toml").plan
NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)


class Manager(AmiClient):
    """Asterisk's manager, which says how the trunk's endpoint stands."""

    def __init__(self) -> None:
        super().__init__(host="127.0.0.1", port=1, username="x", secret="x")  # none
        self.state = "NOT_INUSE"

    async def action(self, name: str, **fields: str | Sequence[str]) -> AmiResponse:
        """Answer the one question."""
        assert (name, fields) == ("Getvar", {"Variable": "DEVICE_STATE(PJSIP/trunk)"})
        return AmiResponse(ok=True, message="", fields={"Value": self.state})


class Watched:
    """An alarm, and what it told."""

    def __init__(self, *, registers: bool) -> None:
        self.manager, self.clock = Manager(), DemoClock(NOW)
        self.told: list[tuple[bool, str | None]] = []
        self.alarm = TrunkAlarm(
            *(self.manager, StillPlans(PLAN), Secrets, self.clock, self._tell),
            registers=registers,
        )

    def _tell(self, health: TrunkHealth) -> None:
        self.told.append((health.up, health.why))

    async def passes(self, seconds: int) -> None:
        """Let time pass, and the alarm look some times before and after."""
        for step in (0, seconds):
            self.clock.set(self.clock.now() + timedelta(seconds=step))
            await asyncio.sleep(0.05)


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trunk_alarm, "LOOK_S", 0.005)


async def test_short_silences_are_no_alarm() -> None:
    """Twice for less than two minutes, then for longer; why it is away may change."""
    watched = Watched(registers=True)
    task = asyncio.create_task(watched.alarm.run())
    await watched.passes(0)
    assert watched.told == [(True, None)]
    for _ in range(2):
        watched.manager.state = "UNAVAILABLE"
        await watched.passes(110)
        assert watched.alarm.down_s() >= 110
        watched.manager.state = "NOT_INUSE"
        await watched.passes(110)
        assert watched.alarm.down_s() == 0
    assert watched.told == [(True, None)]
    watched.alarm.registered(accepted=False)
    await watched.passes(121)
    watched.manager.state = "UNAVAILABLE"
    await watched.passes(1)
    watched.manager.state = "NOT_INUSE"
    watched.alarm.registered(accepted=True)
    await watched.passes(1)
    assert watched.told[1:] == [(False, "refused"), (False, "unanswered"), (True, None)]
    task.cancel()


async def test_who_never_answers_options_is_known_by_registration() -> None:
    """After a start nothing is known until the next REGISTER; by address silence is silence."""
    registering, by_address = Watched(registers=True), Watched(registers=False)
    both = (registering, by_address)
    for one in both:
        one.manager.state = "UNAVAILABLE"
    tasks = [asyncio.create_task(one.alarm.run()) for one in both]
    for one in both:
        await one.passes(300)
    assert registering.told == []
    assert by_address.told == [(False, "unanswered")]
    registering.alarm.registered(accepted=True)
    await registering.passes(300)
    assert registering.told == [(True, None)]
    registering.alarm.forget()
    await registering.passes(300)
    assert registering.told == [(True, None)]
    registering.alarm.registered(accepted=False)
    await registering.passes(121)
    assert registering.told[1:] == [(False, "unanswered")]
    for task in tasks:
        task.cancel()


async def test_a_call_says_nothing_of_a_carrier_that_answers_no_options() -> None:
    """During a call Asterisk reports the call: neither it nor its end is a change."""
    registering, by_address = Watched(registers=True), Watched(registers=False)
    registering.alarm.registered(accepted=True)
    for one in (registering, by_address):
        one.manager.state = "UNAVAILABLE"
        task = asyncio.create_task(one.alarm.run())
        await one.passes(300)
        for state in ("INUSE", "ONHOLD", "UNAVAILABLE"):
            one.manager.state = state
            await one.passes(300)
        task.cancel()
    assert registering.told == [(True, None)]
    assert by_address.told == [(False, "unanswered")]


async def test_another_connection_to_asterisk_ends_no_refusal() -> None:
    """It is over when the carrier accepts, and not when nobody knows any more that it refused."""
    watched = Watched(registers=True)
    task = asyncio.create_task(watched.alarm.run())
    watched.alarm.registered(accepted=False)
    await watched.passes(121)
    watched.alarm.forget()
    await watched.passes(300)
    assert watched.told == [(False, "refused")]
    watched.alarm.registered(accepted=True)
    await watched.passes(1)
    assert watched.told == [(False, "refused"), (True, None)]
    task.cancel()
