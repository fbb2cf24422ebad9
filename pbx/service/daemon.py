"""The control layer as one object: the only place where its parts are wired together."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import structlog
from sqlalchemy import Engine

from dialplan import manager, names
from pbx.asterisk.agi.server import AgiServer, Handler
from pbx.asterisk.ami.client import AmiClient, AmiUnavailable
from pbx.asterisk.ami.lanes import Lane
from pbx.asterisk.ami.protocol import AmiEvent
from pbx.asterisk.engine.ports import Ports
from pbx.base.clock import Clock
from pbx.base.errors import EngineError
from pbx.base.watchdog import ALIVE, tell
from pbx.calls import trial
from pbx.calls.callflow import CallFlow
from pbx.calls.live import LivePlan
from pbx.calls.recent import RecentCallers
from pbx.calls.record.cdr import milliseconds
from pbx.calls.record.live_calls import under_way
from pbx.calls.record.recorder import Recorder
from pbx.calls.record.spool import Fact, Spool
from pbx.calls.record.spool_import import TakingIn
from pbx.calls.silence import Silence
from pbx.calls.standby.keeper import StandBy
from pbx.config.home import Home
from pbx.config.plan import Configuration
from pbx.config.secrets import Secrets
from pbx.db import damage
from pbx.db.calls import recent_callers
from pbx.db.database import StoreError, open_database
from pbx.db.records import Record
from pbx.db.writer import LogWriter
from pbx.escalation.callbacks import Callbacks
from pbx.escalation.dialer import FollowUpDialer
from pbx.escalation.escalator import Escalator
from pbx.escalation.gap_alarm import GapAlarm
from pbx.escalation.physician_line import PhysicianLine
from pbx.escalation.pins import Pins
from pbx.escalation.placing import Placing
from pbx.escalation.push import PushingDialer
from pbx.escalation.shift_caller import ShiftCaller
from pbx.notify.notifier import Notifier
from pbx.service.handlers import Handlers
from pbx.service.pulse import Pulse

HEARTBEAT_S = 5.0  # also how old the failsafe's knowledge may be
CONNECT_S = 15.0
HEARD_S = 5.0  # for events that came before a connection was lost
MEMORY = timedelta(hours=24)  # how far back a caller counts as one who calls again

log = structlog.get_logger()


class Daemon:
    """Answers Asterisk's questions and writes down what happens, from `start` to `stop`."""

    def __init__(
        self, configuration: Configuration, secrets: Secrets, home: Home, ports: Ports, clock: Clock
    ) -> None:
        self.clock = clock
        self.plans = LivePlan(configuration.plan, secrets, home)
        self._notifier = Notifier(configuration, secrets, home, clock)
        self.writer = LogWriter(
            lambda: open_database(home.database), hear=self._notifier.hear, spill=self._spill
        )
        self.recorder = Recorder(
            self.writer, home, self.plans, clock, secrets.token, self._message_waits
        )
        self._home = home
        self._recent = RecentCallers()
        self._gaps = GapAlarm()
        self._pulse = Pulse(home)
        self.plans.shelf = self._stand_by = StandBy(home, self.plans, self._recent, clock)
        flow = CallFlow(self.plans, self._recent)
        self._handlers = Handlers(flow, self.plans, self.recorder, clock, home.messages)
        scripts: dict[str, Handler] = {
            names.ROUTE: self._handlers.route,
            names.BEAT: self._handlers.beat,
            names.CONSULT: self._handlers.consult,
            names.PIN: self._handlers.pin,
            trial.SCRIPT: self._handlers.canary,
        }
        self._agi = AgiServer(self._notifier.timed(scripts), port=ports.agi)
        self._ami = AmiClient(
            host="127.0.0.1",
            port=ports.ami,
            username=manager.USER,
            secret=secrets.manager,
            on_event=self._event,
            on_resync=self._resync,
            keep=manager.FIELDS,
        )
        # what waits for the database delays nothing that does not
        self._recorded, self._patients = Lane(self.recorder.event), Lane(self._patient)
        covered = self._gaps.covered_s
        self._notifier.measure(self._ami, self.writer, lambda: covered(clock.now()))
        self._taking_in = TakingIn(self.recorder, self._live_calls, clock)
        self._dialer = FollowUpDialer(self._ami, self.plans)
        self._silence = Silence(self._ami, lambda: self.recorder.talking)
        self._escalator: Escalator | None = None
        self._pushing: PushingDialer | None = None
        self._line: PhysicianLine | None = None
        self._placing: Placing | None = None
        self._follow_up_engine: Engine | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._port = ports.ami
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Open the log, listen for questions, connect to Asterisk; raise before anything stays."""
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self.recorder.open)
        self.writer.start()
        try:
            await self._taking_in.once(end=False)
            await asyncio.to_thread(self._remember)
            await asyncio.to_thread(self._pulse.open)
            silence = self._silence
            escalator, shifts, callbacks = await asyncio.to_thread(self._open_follow_up)
            await self._notifier.start(self.plans)
            await self._agi.start()
            own = (self._beat(), self.plans.watch(), escalator.run(), shifts.run())
            more = (self._stand_by.run(), self._taking_in.run(), callbacks.run(), silence.run())
            lanes = (self._recorded.run(), self._patients.run())
            work = (self._ami.run(), *own, *more, *lanes)
            self._tasks = [asyncio.create_task(one) for one in work]
            await self._ready()
        except BaseException:
            await self.stop()
            raise

    def _remember(self) -> None:
        """Take up from the database which plan runs, and who called of late; blocking."""
        self.plans.open()
        engine = open_database(self._home.database)
        try:
            for caller, call, at in recent_callers(engine, self.clock.now(), MEMORY):
                self._recent.note(caller, call, at)
        finally:
            engine.dispose()

    def _open_follow_up(self) -> tuple[Escalator, ShiftCaller, Callbacks]:
        """Open what takes care of messages, shifts that begin, and calls to patients; blocking."""
        self._follow_up_engine = open_database(self._home.database)
        self._pushing = PushingDialer(
            self._dialer, self._follow_up_engine, self.plans, lambda: self.plans.secrets, self.clock
        )
        self._escalator = Escalator(self._follow_up_engine, self.plans, self._pushing, self.clock)
        self._handlers.pins = pins = Pins(self._home.folder, self._follow_up_engine, self.clock)
        self._placing = Placing(self._follow_up_engine, self.plans, self.clock)
        self._handlers.line = self._line = PhysicianLine(
            self._follow_up_engine,
            self._home,
            self.plans,
            self.clock,
            pins,
            self._dialer,
            self._placing,
            self._dialer.taken,
        )
        shifts = ShiftCaller(self._follow_up_engine, self.plans, self._dialer, self.clock)
        return self._escalator, shifts, Callbacks(self._placing, self._dialer)

    def _message_waits(self) -> None:
        """Wake the follow-up, from whatever thread."""
        if self._escalator is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self._escalator.notify)

    def _spill(self, batch: Sequence[Record]) -> None:
        """Keep on the disk what the database does not take now."""
        Spool(self._home.spool).put(Fact(batch[0].call, self.clock.now(), tuple(batch)))

    async def _event(self, event: AmiEvent) -> None:
        """Take one of Asterisk's events: for the calls that we placed, and for the log."""
        self._dialer.event(event)
        self._silence.event(event)
        event = replace(event, at=self.clock.now())  # the lanes may have to wait for the database
        if event.fields.get("What") == names.TALKED or _is_end_of_ours(event):
            await self._patients.put(event)
        await self._recorded.put(event)

    async def _patient(self, event: AmiEvent) -> None:
        """Note which patients whom our people call answered, and whose calls are over."""
        at = event.at or self.clock.now()
        if self._placing is None:
            return
        if _is_end_of_ours(event):
            await self._placing.ended(event.fields["Uniqueid"], at=at)
        elif self.recorder.is_ours(event):
            ago = timedelta(milliseconds=milliseconds(event.fields.get("Up", "")))
            await self._placing.answered(event.fields.get("Call", ""), at - ago)

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
        await self._notifier.stop()
        if self._pushing is not None:
            await self._pushing.stop()
        self.recorder.settle()
        await asyncio.to_thread(self.writer.close)
        await asyncio.to_thread(self.plans.close)
        self._pulse.close()
        if self._follow_up_engine is not None:
            self._follow_up_engine.dispose()

    @property
    def calls_nobody(self) -> bool:
        """Tell whether the follow-up calls nobody at this moment."""
        return self._dialer.idle

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
            Variable="CDR_PROP(disable)=1",  # the other half of the Local channel says so itself
        )
        async with asyncio.timeout(HEARTBEAT_S):
            await self._handlers.last_beat.wait()

    async def _beat(self) -> None:
        while True:
            came = True
            try:
                await self._ami.wait_connected(HEARTBEAT_S)
                await self.heartbeat()
            except (AmiUnavailable, TimeoutError):
                came = False
                log.warning("heartbeat.missed")
            self._pulse.beat(self.clock.now(), came=came)
            if came or not self._ami.connected:  # without Asterisk another start fixes nothing
                tell(ALIVE)
            if self.writer.damaged:
                damage.mark_damaged(self._home.database)
                raise StoreError(
                    f"The database {self._home.database} is damaged; the next start of the line "
                    "sets it aside and begins a new one."
                )
            await asyncio.to_thread(self._gaps.look, self.plans.plan, self.clock.now())
            await asyncio.sleep(HEARTBEAT_S)

    async def _resync(self, _client: AmiClient) -> None:
        """After every connect, tell the log which calls are still alive."""
        # first what was heard before; a database that keeps it waiting is told the rest later
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HEARD_S):
                await self._recorded.done()
                await self._patients.done()
        ours = self._dialer.under_way
        live = await self.recorder.resync(self._live_calls)
        self._dialer.resync(ours, live)
        if self._placing is not None:
            await self._placing.resync(live)

    async def _live_calls(self) -> frozenset[str]:
        """Ask Asterisk which calls there are."""
        answer = await self._ami.action("Status")  # what the right `call` allows us to ask
        if not answer.ok:
            raise AmiUnavailable(f"Asterisk does not say which calls there are ({answer.message})")
        return under_way(event.fields for event in answer.events)


def _is_end_of_ours(event: AmiEvent) -> bool:
    """Tell whether a channel is gone that we placed."""
    return event.name == "Hangup" and event.fields.get("Uniqueid", "").startswith(
        names.FOLLOW_UP_CALL
    )
