"""The stage: a practice and a phone network, started together on free loopback ports."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from pbx.asterisk.engine import runtime
from pbx.asterisk.engine.ports import Ports
from pbx.asterisk.engine.process import AsteriskProcess
from pbx.base.clock import DemoClock
from pbx.base.errors import EngineError
from pbx.calls import office
from pbx.config import secrets
from pbx.config.home import Home
from pbx.config.plan import Configuration
from pbx.db import message_progress, messages
from pbx.db.calls import History, get_call, list_calls
from pbx.db.database import open_database
from pbx.demo.carrier.network import Carrier
from pbx.service.build import build
from pbx.service.daemon import Daemon
from pbx.service.supervisor import read_configuration, read_secrets, running_asterisk
from routing.escalation import resolve

# Invented numbers: 555-01xx is reserved for fiction.
MOBILES = {"lee": "+12125550111", "osei": "+12125550112", "patel": "+12125550113"}
TONES = {"lee": 560.0, "osei": 620.0, "patel": 880.0, "desk1": 740.0}
PATIENT_TONE = 440.0  # Hz: the patient's tone, which the others must hear


@dataclass
class Stage:
    """Everything that a scene needs; people are named by their ids in the practice's file."""

    configuration: Configuration
    secrets: secrets.Secrets
    home: Home
    clock: DemoClock
    asterisk: AsteriskProcess
    daemon: Daemon
    carrier: Carrier
    ports: Ports

    def set_time(self, local: str) -> None:
        """Set the office's clock to a local time, such as 2026-11-28 02:10."""
        self.clock.set(self.at(local))

    def at(self, local: str) -> datetime:
        """Return the aware time for a local time of the office, such as 2026-11-28 02:10."""
        return datetime.fromisoformat(local).replace(tzinfo=self.configuration.plan.office.zone)

    def person(self, word: str) -> str:
        """Return the id of who is `oncall` or `backup` at the stage's time."""
        return resolve(word, self.configuration.plan, self.clock.now())[0]

    async def stop_daemon(self) -> None:
        """End the control layer; Asterisk continues."""
        await self.daemon.stop()

    async def history(self, caller: str | None) -> History:
        """Return this caller's newest call from the database."""
        self.daemon.recorder.settle()
        await asyncio.to_thread(self.daemon.writer.flush, 10.0)
        return await asyncio.to_thread(self._history, caller)

    async def finished(self, caller: str | None) -> History:
        """Wait until this caller's newest call has an outcome, and return it."""
        async with asyncio.timeout(10):
            while (history := await self.history(caller)).call.outcome is None:
                await asyncio.sleep(0.05)
        return history

    async def settle(self) -> None:
        """Close every message, so that nobody is called again, and wait until no phone rings."""
        await asyncio.to_thread(self._close_messages)
        for _ in range(400):
            if self.daemon.calls_nobody:
                return
            await asyncio.sleep(0.1)
        channels = await self.asterisk.command("core show channels concise")
        raise EngineError(
            f"The follow-up still calls somebody, with every message closed:\n{channels}"
        )

    def _close_messages(self) -> None:
        engine = open_database(self.home.database)
        plan, now = self.configuration.plan, self.clock.now()
        try:
            for message in messages.list_open(engine):
                with contextlib.suppress(message_progress.RefusedError):
                    message_progress.move(
                        engine, plan, message.id, "closed", at=now, person="stage"
                    )
        finally:
            engine.dispose()

    def _history(self, caller: str | None) -> History:
        engine = open_database(self.home.database)
        try:
            rows = [row for row in list_calls(engine, limit=100) if row.caller == caller]
            # uses Asterisk's clock, because the stage's clock is set back
            newest = max((row.id for row in rows), key=_began, default=None)
            found = get_call(engine, newest) if newest is not None else None
        finally:
            engine.dispose()
        if found is None:
            raise EngineError("The call is not in the database; look at the daemon's log.")
        return found

    async def desk_is_registered(self, phone: str) -> None:
        """Wait until a desk phone has registered at the office; TimeoutError after a minute."""
        async with asyncio.timeout(60):
            while f"{phone}/sip:" not in await self.asterisk.command("pjsip show contacts"):
                await asyncio.sleep(0.1)


def _began(call: str) -> tuple[int, ...]:
    """Return a call's start from its id, for sorting: seconds and a counter."""
    return tuple(int(part) for part in call.split("."))


@contextlib.asynccontextmanager
async def staged(
    folder: Path,
    config: Path | Configuration,
    at: str,
    rtp: tuple[int, int] | None = None,
    mobiles: Mapping[str, str] = MOBILES,
) -> AsyncIterator[Stage]:
    """Start practice and network in `folder`, with the clock at a local time; end both after.

    `rtp` are the network's ports (first and last) if more than 40 legs are needed. The file's first
    desk phone is registered; `mobiles` (E.164 by id) go into the secrets file.
    """
    found, user = runtime.require(), runtime.service_user()
    folder.chmod(0o755)  # Asterisk's user must be able to enter
    home = Home(folder / "office")
    configuration = config if isinstance(config, Configuration) else read_configuration(config)
    home.prepare(user)
    os.umask(0o022)
    secrets.write(home.folder, secrets.Secrets(mobiles=dict(mobiles)))
    held = read_secrets(home, configuration)
    desks = {phone: held.phones[phone] for phone in list(configuration.plan.phones)[:1]}
    ports, block = office.choose_ports(configuration, home)
    carrier = Carrier(
        found,
        folder / "carrier",
        user,
        office=("127.0.0.1", ports.sip),
        office_numbers=frozenset(line.did for line in configuration.plan.lines),
        desk_phones=desks,
        rtp=rtp,
    )
    trunk = configuration.trunk.model_copy(update={"host": carrier.host, "port": carrier.sip[1]})
    configuration = replace(configuration, trunk=trunk)
    instant = datetime.fromisoformat(at).replace(tzinfo=configuration.plan.office.zone)
    clock = DemoClock(instant)
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(block.release)
        asterisk = await stack.enter_async_context(
            running_asterisk(configuration, held, home, ports, dies_with_parent=True)
        )
        daemon = await build(configuration, held, home, ports, clock)
        stage = Stage(configuration, held, home, clock, asterisk, daemon, carrier, ports)
        await daemon.start()
        stack.push_async_callback(stage.stop_daemon)
        await carrier.start()
        stack.push_async_callback(carrier.stop)
        await daemon.heartbeat.through()
        for phone in desks:
            await stage.desk_is_registered(phone)
        yield stage
