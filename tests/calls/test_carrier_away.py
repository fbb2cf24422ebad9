"""A carrier that is silent, overloaded or refuses us for as long as it likes, and then is back.

Asterisk's intervals are a second here instead of 20 to 300, SIP's T1 is 0.1 s instead of 0.5, and
the office's clock is set forward by what an outage takes; the processes are the real ones.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from dialplan.render import OfficeFacts, office_files
from pbx.asterisk.engine import runtime
from pbx.base.clock import DemoClock
from pbx.calls import office
from pbx.config import secrets
from pbx.config.home import Home
from pbx.config.schema_network import MqttTable
from pbx.config.secrets import Secrets
from pbx.demo.scenes import TUESDAY
from pbx.escalation import trunk_alarm
from pbx.ops import doctor
from pbx.service.build import build
from pbx.service.supervisor import read_configuration, read_secrets, running_asterisk
from tests.conftest import Saw
from tests.support import broker as brokers
from tests.support.broker import PASSWORD, SITE, USER, Listener
from tests.support.offices import ROOT
from tests.support.push_service import PushService, push_service
from tests.support.registrar import Registrar, registrar

DEADLINE = 60.0
MANAGER = '[people.kim]\nname = "Kim Novak"\nrole = "manager"\n'
QUICK = {
    "retry_interval": 1,
    "fatal_retry_interval": 1,
    "forbidden_retry_interval": 1,
    "qualify_frequency": 1,
}


@dataclass
class Away:
    """An office whose carrier we are, and what people hear of it."""

    carrier: Registrar
    home: Home
    clock: DemoClock
    pushes: PushService
    events: Listener

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait until something holds."""
        async with asyncio.timeout(DEADLINE):
            while not holds():
                await asyncio.sleep(0.05)

    async def tried(self, times: int) -> None:
        """Wait for so many more REGISTERs."""
        wanted = self.carrier.tries() + times
        await self.until(lambda: self.carrier.tries() >= wanted)

    def trunk(self) -> dict[str, Any]:
        """Return the last event of the trunk."""
        return self.events.last("trunk")

    def pushed(self) -> list[str]:
        """List what the manager was told."""
        return [str(one["message"]) for one in self.pushes.taken]

    async def passes(self, **time: int) -> None:
        """Let time pass for the control layer, and let it look twice."""
        self.clock.set(self.clock.now() + timedelta(**time))
        await asyncio.sleep(1)

    async def diagnosis(self) -> str:
        """Ask the doctor about the trunk."""
        config = self.home.folder.parent / "office.toml"
        checks = await asyncio.to_thread(doctor.examine, config, self.home.folder)
        return next(f"{one.detail}. {one.fix}" for one in checks if one.name == "trunk")


@asynccontextmanager
async def office_of(
    monkeypatch: pytest.MonkeyPatch, carrier: Registrar, *, kind: str, person: str = "kim"
) -> AsyncIterator[Away]:
    """Run the example practice on this carrier; `person` gets pushes."""
    monkeypatch.setattr(trunk_alarm, "LOOK_S", 0.2)
    monkeypatch.setattr(trunk_alarm, "AGAIN_S", 0.5)
    monkeypatch.setattr("pbx.service.supervisor.is_running", lambda _: True)

    def quick(facts: OfficeFacts) -> dict[str, str]:
        files = office_files(facts)
        for key, value in QUICK.items():
            pattern = re.compile(rf"^{key} *= *[1-9]\d*$", re.MULTILINE)
            files["pjsip.conf"] = pattern.sub(f"{key} = {value}", files["pjsip.conf"])
        files["pjsip.conf"] += "\n[system]\ntype = system\ntimer_t1 = 100\ntimer_b = 6400\n"
        return files

    monkeypatch.setattr("pbx.calls.office.office_files", quick)
    text = (ROOT / "config" / "office.toml").read_text()
    text = text.replace('host = "127.0.0.2" ', f'host = "127.0.0.2"\nport = {carrier.port}\n')
    text = text.replace("[people.lee]", f"{MANAGER}\n[people.lee]")
    if kind == "registration":
        text = text.replace('kind = "address" ', 'kind = "registration"\nusername = "office" ')
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="officeline-away-")))
        folder.chmod(0o755)
        (folder / "office.toml").write_text(text)
        yield await _running(stack, folder, carrier, person)


async def _running(stack: AsyncExitStack, folder: Path, carrier: Registrar, person: str) -> Away:
    """Start all of it; the stack ends it."""
    pushes = await stack.enter_async_context(push_service(200))
    broker = await stack.enter_async_context(brokers.running(folder))
    events = await stack.enter_async_context(brokers.listening(broker))
    configuration = read_configuration(folder / "office.toml")
    mqtt = MqttTable(site=SITE, host="127.0.0.1", port=broker.port, tls=False, user=USER)
    configuration = replace(configuration, mqtt=mqtt)
    home = Home(folder / "home")
    home.prepare(runtime.service_user())
    held = Secrets(trunk="made-up", mqtt=PASSWORD, push={person: pushes.url})
    secrets.write(home.folder, held)
    held = read_secrets(home, configuration)
    ports, block = office.choose_ports(configuration, home)
    stack.callback(block.release)
    start = datetime.fromisoformat(TUESDAY).replace(tzinfo=configuration.plan.office.zone)
    clock = DemoClock(start)
    await stack.enter_async_context(
        running_asterisk(configuration, held, home, ports, dies_with_parent=True)
    )
    daemon = await build(configuration, held, home, ports, clock)
    await daemon.start()
    stack.push_async_callback(daemon.stop)
    return Away(carrier, home, clock, pushes, events)


async def test_a_carrier_that_registers_us_is_silent_for_long(
    monkeypatch: pytest.MonkeyPatch, saw: Saw
) -> None:
    """Tried more often than Asterisk does by itself; the manager is told, also when it is back."""
    async with registrar() as carrier, office_of(monkeypatch, carrier, kind="registration") as away:
        await away.until(lambda: away.trunk().get("up") is True)
        carrier.silent()
        await away.tried(3)
        await away.passes(seconds=100)
        assert away.trunk()["up"] is True
        assert away.pushed() == []
        await away.passes(minutes=14)
        await away.until(away.pushed)
        assert away.trunk()["why"] == "unanswered"
        assert "the carrier does not answer" in away.pushed()[0]
        assert "does not answer our registration" in await away.diagnosis()
        assert "password" not in await away.diagnosis()
        carrier.register = 503  # an overloaded one; both count as one failure more
        await away.tried(12)
        carrier.register = carrier.options = 200
        await away.until(lambda: away.trunk()["up"])
        await away.until(lambda: len(away.pushed()) == 2)
        assert "works again. It was down for 1" in away.pushed()[1]
        assert "has accepted our registration" in await away.diagnosis()
        saw("registered again after more than ten failures; alarm and all-clear were pushed")


async def test_a_carrier_refuses_us_and_then_takes_us(
    monkeypatch: pytest.MonkeyPatch, saw: Saw
) -> None:
    """Two 401, 403, 405: none ends it, and what is said is that we were refused."""
    async with registrar() as carrier, office_of(monkeypatch, carrier, kind="registration") as away:
        await away.until(lambda: away.trunk().get("up") is True)
        for status in (403, 405, 401):
            carrier.register = status
            await away.tried(4)
        await away.passes(minutes=3)
        await away.until(away.pushed)
        assert away.trunk()["why"] == "refused"
        assert "the carrier refuses our registration" in away.pushed()[0]
        assert "refuses our registration (401)" in await away.diagnosis()
        carrier.register = 200
        await away.until(lambda: away.trunk()["up"])
        await away.until(lambda: len(away.pushed()) == 2)
        saw("403, 405 and 401 in a row: registered as soon as the carrier took us")


async def test_a_carrier_by_address_is_silent(monkeypatch: pytest.MonkeyPatch, saw: Saw) -> None:
    """Its silence to OPTIONS is enough; no manager has a push service, so a physician is told.

    A push that does not go out is sent later.
    """
    async with (
        registrar() as carrier,
        office_of(monkeypatch, carrier, kind="address", person="lee") as away,
    ):
        await away.until(lambda: away.trunk().get("up") is True)
        away.pushes.answer = 500  # the internet is away as well
        carrier.silent()
        await asyncio.sleep(10)
        await away.passes(minutes=3)
        await away.until(lambda: away.trunk()["up"] is False)
        await away.until(away.pushed)
        carrier.options = 200
        await away.until(lambda: away.trunk()["up"])
        away.pushes.answer = 200
        await away.until(lambda: "works again" in away.pushed()[-1])
        count = len(away.pushed())
        await asyncio.sleep(2)
        assert len(away.pushed()) == count
        saw("by address: alarm and all-clear, the latter pushed when a push could go out again")


async def test_a_carrier_that_never_answers_options_is_not_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Some do not, and carry calls: who registers us is there."""
    async with registrar() as carrier:
        carrier.options = None
        async with office_of(monkeypatch, carrier, kind="registration") as away:
            await away.until(lambda: away.trunk().get("up") is True)
            await away.tried(3)
            await away.passes(minutes=5)
            assert away.trunk()["up"] is True
            assert away.pushed() == []
