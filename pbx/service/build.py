"""Build the daemon: the only place where its parts are wired together.

Each part gets everything it needs in its constructor, so the order below follows the dependencies,
and these cannot be circular.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from sqlalchemy import Engine

from dialplan import manager, names
from pbx.asterisk.agi.server import AgiServer, Handler
from pbx.asterisk.ami.client import AmiClient
from pbx.asterisk.engine.ports import Ports
from pbx.base.clock import Clock
from pbx.calls import trial
from pbx.calls.callflow import CallFlow
from pbx.calls.live import LivePlan
from pbx.calls.recent import RecentCallers
from pbx.calls.record.recorder import Recorder
from pbx.calls.record.spool import Fact, Spool
from pbx.calls.record.spool_import import SpoolImport
from pbx.calls.silence_watch import SilenceWatch
from pbx.calls.standby.keeper import PlanShelf, StandBy
from pbx.config.home import Home
from pbx.config.plan import Configuration
from pbx.config.secrets import Secrets
from pbx.db.calls import recent_callers
from pbx.db.database import open_database
from pbx.db.records import Record
from pbx.db.writer import LogWriter
from pbx.escalation.callbacks import Callbacks
from pbx.escalation.coverage_alarm import CoverageAlarm
from pbx.escalation.dialer import FollowUpDialer
from pbx.escalation.escalator import Escalator
from pbx.escalation.heard_messages import HeardMessages
from pbx.escalation.outbound_calls import OutboundCalls
from pbx.escalation.physician_menu import PhysicianMenu
from pbx.escalation.pins import Pins
from pbx.escalation.push import PushingDialer
from pbx.escalation.shift_caller import ShiftCaller
from pbx.escalation.shift_menu import ShiftMenu
from pbx.escalation.trunk_alarm import TrunkAlarm
from pbx.notify.notifier import Notifier
from pbx.service.daemon import Daemon
from pbx.service.handlers import Handlers
from pbx.service.heartbeat import Heartbeat
from pbx.service.heartbeat_file import HeartbeatFile
from pbx.service.listener import Listener, live_calls

MEMORY = timedelta(hours=24)  # earlier calls of this time count as repeated calls


@dataclass(frozen=True)
class _Ground:
    """What nearly every part needs."""

    configuration: Configuration
    secrets: Secrets
    home: Home
    ports: Ports
    clock: Clock
    engine: Engine
    plans: LivePlan
    recent: RecentCallers
    notifier: Notifier
    ami: AmiClient


@dataclass(frozen=True)
class _People:
    """The parts that call the office's people and answer their calls."""

    dialer: FollowUpDialer
    outbound_calls: OutboundCalls
    pins: Pins
    line: PhysicianMenu
    escalator: Escalator
    pushing: PushingDialer


async def build(
    configuration: Configuration, secrets: Secrets, home: Home, ports: Ports, clock: Clock
) -> Daemon:
    """Open the database and build the daemon; StoreError if the database is unusable.

    The daemon's `stop` closes what was opened.
    """
    engine = await asyncio.to_thread(open_database, home.database)
    async with contextlib.AsyncExitStack() as opened:
        opened.callback(engine.dispose)
        shelf, recent = PlanShelf(home), RecentCallers()
        plans = LivePlan(configuration.plan, secrets, home, shelf)
        ground = _Ground(
            *(configuration, secrets, home, ports, clock, engine, plans, recent),
            notifier=Notifier(configuration, secrets, home, clock),
            ami=_ami(secrets, ports),
        )
        stand_by = StandBy(shelf, plans, recent, clock)
        people = _people(ground)
        opened.push_async_callback(people.pushing.stop)
        return _daemon(ground, people, stand_by, opened.pop_all())


def _ami(secrets: Secrets, ports: Ports) -> AmiClient:
    return AmiClient(
        host="127.0.0.1",
        port=ports.ami,
        username=manager.USER,
        secret=secrets.manager,
        keep=manager.FIELDS,
    )


def _people(on: _Ground) -> _People:
    """Build the parts for messages and for the people on call."""
    engine, plans, clock = on.engine, on.plans, on.clock
    dialer = FollowUpDialer(on.ami, plans)
    pushing = PushingDialer(dialer, engine, plans, lambda: plans.secrets, clock)
    outbound_calls = OutboundCalls(engine, plans, clock)
    pins = Pins(on.home.folder, engine, clock)
    line = PhysicianMenu(
        HeardMessages(engine, on.home, plans, clock),
        ShiftMenu(engine, plans, clock),
        clock,
        pins,
        caller=dialer,
        outbound_calls=outbound_calls,
        taken=dialer.taken,
    )
    escalator = Escalator(engine, plans, pushing, clock)
    return _People(dialer, outbound_calls, pins, line, escalator, pushing)


def _daemon(
    on: _Ground, people: _People, stand_by: StandBy, closing: contextlib.AsyncExitStack
) -> Daemon:
    """Build the parts that answer and log calls, and the daemon from everything."""
    engine, home, plans, clock, ami = on.engine, on.home, on.plans, on.clock, on.ami
    writer = LogWriter(
        lambda: open_database(home.database),
        hear=on.notifier.hear,
        spill=partial(_spill, home, clock),
    )
    loop = asyncio.get_running_loop()

    def wake() -> None:  # messages are opened on other threads
        loop.call_soon_threadsafe(people.escalator.notify)

    recorder = Recorder(engine, writer, home, plans, clock, on.secrets.token, wake)
    silence = SilenceWatch(ami, lambda: recorder.talking)
    coverage, heartbeat_file = CoverageAlarm(), HeartbeatFile(home)
    registers = on.configuration.trunk.kind == "registration"
    trunk = TrunkAlarm(
        *(ami, plans, lambda: plans.secrets, clock, on.notifier.trunk), registers=registers
    )
    on.notifier.measure(ami, writer, lambda: coverage.covered_s(clock.now()), trunk.down_s)
    handlers = Handlers(
        CallFlow(plans, on.recent), plans, recorder, clock, home.messages, people.line, people.pins
    )
    shifts = ShiftCaller(engine, plans, people.dialer, clock)
    callbacks = Callbacks(people.outbound_calls, people.dialer)
    return Daemon(
        home=home,
        clock=clock,
        plans=plans,
        writer=writer,
        recorder=recorder,
        spool_import=SpoolImport(recorder, partial(live_calls, ami), clock),
        dialer=people.dialer,
        coverage=coverage,
        notifier=on.notifier,
        agi=AgiServer(on.notifier.timed(_scripts(handlers)), port=on.ports.agi),
        ami=ami,
        listener=Listener(people.dialer, silence, recorder, people.outbound_calls, trunk, clock),
        heartbeat_file=heartbeat_file,
        heartbeat=Heartbeat(ami, handlers.heartbeat_came, heartbeat_file, clock),
        remember=partial(_remember, engine, on.recent, clock),
        loops=(
            plans.watch,
            people.escalator.run,
            shifts.run,
            callbacks.run,
            stand_by.run,
            silence.run,
            trunk.run,
        ),
        closing=closing,
    )


def _scripts(handlers: Handlers) -> dict[str, Handler]:
    """Map the dialplan's names of the FastAGI scripts to their handlers."""
    return {
        names.ROUTE: handlers.route,
        names.BEAT: handlers.beat,
        names.CONSULT: handlers.consult,
        names.PIN: handlers.pin,
        trial.SCRIPT: handlers.canary,
    }


def _spill(home: Home, clock: Clock, batch: Sequence[Record]) -> None:
    """Write records to the spool that the database cannot take now."""
    Spool(home.spool).put(Fact(batch[0].call, clock.now(), tuple(batch)))


def _remember(engine: Engine, recent: RecentCallers, clock: Clock) -> None:
    """Read recent callers from the database. Blocks."""
    for caller, call, at in recent_callers(engine, clock.now(), MEMORY):
        recent.note(caller, call, at)
