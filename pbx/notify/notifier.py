"""Everything that publishes events and metrics; the daemon never waits for it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

import structlog

from pbx.asterisk.agi.server import Handler
from pbx.asterisk.ami.client import AmiClient
from pbx.base.clock import Clock
from pbx.calls.conversation import Plans
from pbx.calls.record.spool import Spool
from pbx.config import hosts
from pbx.config.home import Home
from pbx.config.plan import Configuration
from pbx.config.secrets import Secrets
from pbx.db.damage import aside_of
from pbx.db.database import open_database
from pbx.db.records import Record
from pbx.db.writer import LogWriter
from pbx.escalation.trunk_alarm import TrunkHealth

if TYPE_CHECKING:
    from pbx.notify.feed import EventFeed
    from pbx.notify.metrics import Metrics
    from pbx.notify.mqtt import Publisher
    from pbx.notify.watch import WatchResult

STOP_S = 10.0  # seconds after which the daemon ends without waiting for them

log = structlog.get_logger()


class Notifier:
    """Publishes events and metrics if the file asks for them; otherwise imports no library."""

    def __init__(
        self, configuration: Configuration, secrets: Secrets, home: Home, clock: Clock
    ) -> None:
        self._clock = clock
        self._home = home
        self._phones = configuration.network.phones
        self._publisher: Publisher | None = None
        self._feed: EventFeed | None = None
        self._metrics: Metrics | None = None
        if configuration.mqtt is not None:
            from pbx.notify.feed import EventFeed
            from pbx.notify.mqtt import Broker, Publisher

            self._publisher = Publisher(Broker.of(configuration.mqtt, secrets), clock)
            self._feed = EventFeed(self._publisher)
        if configuration.metrics is not None:
            from pbx.notify.metrics import Metrics

            self._metrics = Metrics(configuration.metrics.port)
        self._tasks: list[asyncio.Task[None]] = []

    def hear(self, record: Record) -> None:
        """Take a record of the call log, on any thread; return at once."""
        if self._feed is not None:
            self._feed.record(record)
        if self._metrics is not None:
            self._metrics.record(record)

    def trunk(self, health: TrunkHealth) -> None:
        """Publish the state of the link to the carrier."""
        if self._feed is not None:
            self._feed.trunk(health)

    def timed(self, handlers: Mapping[str, Handler]) -> Mapping[str, Handler]:
        """Wrap the FastAGI scripts that are measured."""
        return handlers if self._metrics is None else self._metrics.timed(handlers)

    def measure(
        self,
        ami: AmiClient,
        writer: LogWriter,
        covered_s: Callable[[], float],
        trunk_down_s: Callable[[], float],
    ) -> None:
        """Add the metrics of these objects and of the home."""
        if self._metrics is None:
            return
        pull, publisher = self._metrics.pull, self._publisher
        pull("ami_connected", "Whether Asterisk's events arrive.", lambda: ami.connected)
        pull("log_waiting", "Records that are not written yet.", lambda: writer.waiting)
        about = "Records that were dropped because too many waited."
        pull("log_lost", about, lambda: writer.lost, is_counter=True)
        spool = Spool(self._home.spool)
        about = "Records of the standby that wait to be imported."
        pull("spool_waiting", about, lambda: len(spool.waiting()))
        about = "For how long from now on somebody is on call for each schedule, at most 14 days."
        pull("schedule_covered_seconds", about, covered_s)
        about = "For how long the carrier has not answered or has refused us; 0 if it does neither."
        pull("trunk_down_seconds", about, trunk_down_s)
        home = self._home
        about = "Damaged databases that were moved away."
        pull("database_aside", about, lambda: len(aside_of(home.database)))
        about = "Free space on the disk of database and recordings."
        pull("disk_free_bytes", about, lambda: shutil.disk_usage(home.folder).free)
        about = "Host names, such as the carrier's, that have no address."
        pull("unresolved_names", about, lambda: len(hosts.unknown_hosts(home)))
        if publisher is not None:
            about = "Whether the broker takes events."
            pull("mqtt_connected", about, lambda: publisher.connected)
            about = "Events that the broker has not received."
            pull("mqtt_waiting", about, lambda: publisher.waiting)

    async def start(self, plans: Plans) -> None:
        """Start; an error here does not end the daemon."""
        if self._publisher is None and self._metrics is None:
            return
        from pbx.notify.watch import ChangeWatch

        watch = ChangeWatch(
            lambda: open_database(self._home.database),
            *(plans, self._clock, self._feed, self._looked),
            unresolved=lambda: hosts.unresolved(self._home, self._phones),
        )
        work = [watch.run]
        if self._publisher is not None:
            work.append(self._publisher.run)
        self._tasks = [asyncio.create_task(_guarded(one)) for one in work]
        if self._metrics is not None:
            await asyncio.to_thread(self._metrics.start)

    def _looked(self, look: WatchResult) -> None:
        if self._metrics is not None:
            self._metrics.look(look)

    async def stop(self) -> None:
        """Publish that we are down, if the broker can be reached, and close the port."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=STOP_S)
            if late:
                log.error("notify.late", waiting=len(late))
        self._tasks = []
        if self._metrics is not None:
            await asyncio.to_thread(self._metrics.stop)


async def _guarded(run: Callable[[], Awaitable[None]]) -> None:
    """Run a task and log its errors, because they must not affect calls."""
    try:
        await run()
    except Exception:
        log.exception("notify.ended")
