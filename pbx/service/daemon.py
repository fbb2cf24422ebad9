"""The control layer as one object: it starts, runs and stops the parts that `build` made."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from pbx.asterisk.agi.server import AgiServer
from pbx.asterisk.ami.client import AmiClient
from pbx.base.clock import Clock
from pbx.base.errors import EngineError
from pbx.calls.live import LivePlan
from pbx.calls.record.recorder import Recorder
from pbx.calls.record.spool_import import SpoolImport
from pbx.config.home import Home
from pbx.db import damage
from pbx.db.database import StoreError
from pbx.db.writer import LogWriter
from pbx.escalation.coverage_alarm import CoverageAlarm
from pbx.escalation.dialer import FollowUpDialer
from pbx.notify.notifier import Notifier
from pbx.service.heartbeat import EVERY_S, Heartbeat
from pbx.service.heartbeat_file import HeartbeatFile
from pbx.service.listener import Listener

CONNECT_S = 15.0

Loop = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Daemon:
    """Answers Asterisk's questions and logs what happens, from `start` to `stop`.

    `loops` are further tasks that run until canceled; `closing` closes what `build` opened.
    """

    home: Home
    clock: Clock
    plans: LivePlan
    writer: LogWriter
    recorder: Recorder
    spool_import: SpoolImport
    dialer: FollowUpDialer
    coverage: CoverageAlarm
    notifier: Notifier
    agi: AgiServer
    ami: AmiClient
    listener: Listener
    heartbeat_file: HeartbeatFile
    heartbeat: Heartbeat
    remember: Callable[[], None]
    loops: tuple[Loop, ...]
    closing: contextlib.AsyncExitStack
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def start(self) -> None:
        """Catch up, listen for questions, connect to Asterisk; an error leaves nothing open."""
        self.writer.start()
        try:
            await self.spool_import.once(end=False)
            await asyncio.to_thread(self.plans.open)
            await asyncio.to_thread(self.remember)
            await asyncio.to_thread(self.heartbeat_file.open)
            await self.notifier.start(self.plans)
            await self.agi.start()
            listening = self.ami.run(self.listener.event, self.listener.resync)
            self.tasks.append(asyncio.create_task(listening))
            for loop in (self._beat, self.listener.run, self.spool_import.run, *self.loops):
                self.tasks.append(asyncio.create_task(loop()))
            await self._ready()
        except BaseException:
            await self.stop()
            raise

    async def _ready(self) -> None:
        """Wait until Asterisk's events arrive; raise if the password is wrong."""
        waiting = asyncio.create_task(self.ami.wait_connected(CONNECT_S))
        await asyncio.wait({waiting, self.tasks[0]}, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            waiting.cancel()
            self.tasks[0].result()
        try:
            await waiting
        except TimeoutError as error:
            raise EngineError(
                f"No Asterisk answers on manager port {self.ami.port} of this machine; "
                "start it with 'officeline up', or name its ports in [network]."
            ) from error

    async def run(self) -> None:
        """Run until something fatal happens, such as a wrong AMI password."""
        done, _ = await asyncio.wait(self.tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    async def stop(self) -> None:
        """Disconnect from Asterisk, then write everything that is still queued."""
        for task in self.tasks:
            task.cancel()
        for task in self.tasks:
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task
        self.tasks.clear()
        await self.agi.close()
        await self.notifier.stop()
        self.recorder.settle()
        await asyncio.to_thread(self.writer.close)
        await asyncio.to_thread(self.plans.close)
        self.heartbeat_file.close()
        await self.closing.aclose()

    @property
    def calls_nobody(self) -> bool:
        """Return whether the follow-up is calling nobody now."""
        return self.dialer.idle

    async def _beat(self) -> None:
        """Send heartbeats; in between, check for a damaged database and for empty shifts."""
        while True:
            await self.heartbeat.beat()
            if self.writer.damaged:
                damage.mark_damaged(self.home.database)
                raise StoreError(
                    f"The database {self.home.database} is damaged; the next start of the line "
                    "sets it aside and begins a new one."
                )
            await asyncio.to_thread(self.coverage.look, self.plans.plan, self.clock.now())
            await asyncio.sleep(EVERY_S)
