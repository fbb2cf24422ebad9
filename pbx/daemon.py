"""The control layer as one object: the only place where its parts are wired together."""

from __future__ import annotations

import asyncio
import contextlib

import structlog

from dialplan import manager, names
from pbx import office
from pbx.agi.server import AgiServer
from pbx.ami.client import AmiClient, AmiUnavailable
from pbx.callflow import CallFlow
from pbx.clock import Clock
from pbx.engine.ports import Ports
from pbx.errors import EngineError
from pbx.handlers import Handlers
from pbx.home import Home
from pbx.plan import Configuration
from pbx.recorder import Recorder
from pbx.store.database import open_database
from pbx.store.writer import LogWriter
from pbx.vault import Vault

HEARTBEAT_S = 20.0
CONNECT_S = 15.0

log = structlog.get_logger()


class Daemon:
    """Answers Asterisk's questions and writes down what happens, from `start` to `stop`."""

    def __init__(
        self, configuration: Configuration, vault: Vault, home: Home, ports: Ports, clock: Clock
    ) -> None:
        plan = configuration.plan
        self.clock = clock
        self._dial = office.dial_strings(plan, vault)
        self.writer = LogWriter(lambda: open_database(home.database))
        self.recorder = Recorder(self.writer, home, plan, clock, vault.token)
        flow = CallFlow(lambda: plan, lambda: self._dial)
        self._handlers = Handlers(
            flow, self.recorder, clock, lambda: plan, lambda: self._dial, home.messages
        )
        self._agi = AgiServer(
            {names.ROUTE: self._handlers.route, names.BEAT: self._handlers.beat}, port=ports.agi
        )
        self._ami = AmiClient(
            host="127.0.0.1",
            port=ports.ami,
            username=manager.USER,
            secret=vault.manager,
            on_event=self.recorder.event,
            on_resync=self._resync,
        )
        self._port = ports.ami
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Open the log, listen for questions, connect to Asterisk; raise before anything stays."""
        await asyncio.to_thread(self.recorder.open)
        self.writer.start()
        try:
            await self._agi.start()
            self._tasks = [asyncio.create_task(self._ami.run()), asyncio.create_task(self._beat())]
            await self._ready()
        except BaseException:
            await self.stop()
            raise

    async def _ready(self) -> None:
        """Wait until Asterisk's events arrive; a wrong password ends the start."""
        waiting = asyncio.create_task(self._ami.wait_connected(CONNECT_S))
        await asyncio.wait({waiting, self._tasks[0]}, return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            waiting.cancel()
            self._tasks[0].result()
        try:
            await waiting
        except TimeoutError as error:
            raise EngineError(
                f"No Asterisk answers on manager port {self._port} of this machine; "
                "start it with 'officeline up', or name its ports in [network]."
            ) from error

    async def run(self) -> None:
        """Run until something fatal happens, such as an AMI password that does not fit."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    async def stop(self) -> None:
        """Let go of Asterisk, then write down everything that is still in the queue."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task
        self._tasks = []
        await self._agi.close()
        await asyncio.to_thread(self.writer.close)

    async def heartbeat(self) -> None:
        """Call ourselves through the real dialplan, so that the failsafe knows whom to ring."""
        self._handlers.last_beat.clear()
        await self._ami.action(
            "Originate",
            Channel=f"Local/s@{names.HEARTBEAT}/n",
            Context=names.HEARTBEAT,
            Exten="done",
            Priority="1",
            Async="true",
        )
        await asyncio.wait_for(self._handlers.last_beat.wait(), HEARTBEAT_S)

    async def _beat(self) -> None:
        while True:
            try:
                await self._ami.wait_connected(HEARTBEAT_S)
                await self.heartbeat()
            except (AmiUnavailable, TimeoutError):
                log.warning("heartbeat.missed")
            await asyncio.sleep(HEARTBEAT_S)

    async def _resync(self, client: AmiClient) -> None:
        """After every connect, tell the log which calls are still alive."""
        answer = await client.action("Status")  # what the right `call` allows us to ask
        if not answer.ok:
            raise AmiUnavailable(f"Asterisk does not say which calls there are ({answer.message})")
        live = frozenset(event.fields.get("Linkedid", "") for event in answer.events)
        await self.recorder.resync(live)
