"""All that tells the world of the line, as the daemon has it: started, heard, and never awaited."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import TYPE_CHECKING

import structlog

from pbx.clock import Clock
from pbx.conversation import Plans
from pbx.home import Home
from pbx.plan import Configuration
from pbx.store.database import open_database
from pbx.store.records import Record
from pbx.vault import Vault

if TYPE_CHECKING:
    from pbx.notify.feed import Feed
    from pbx.notify.mqtt import Publisher

log = structlog.get_logger()


class Notifier:
    """Publishes while it is started, if the file names a broker."""

    def __init__(
        self, configuration: Configuration, vault: Vault, home: Home, clock: Clock
    ) -> None:
        self._clock = clock
        self._home = home
        self._publisher: Publisher | None = None
        self._feed: Feed | None = None
        if configuration.mqtt is not None:
            from pbx.notify.feed import Feed
            from pbx.notify.mqtt import Broker, Publisher

            self._publisher = Publisher(Broker.of(configuration.mqtt, vault), clock)
            self._feed = Feed(self._publisher)
        self._tasks: list[asyncio.Task[None]] = []

    def hear(self, record: Record) -> None:
        """Take what the call log was told, on whatever thread; returns at once."""
        if self._feed is not None:
            self._feed.record(record)

    def start(self, plans: Plans) -> None:
        """Begin; nothing of it can end the daemon."""
        if self._publisher is None:
            return
        from pbx.notify.watch import Watch

        database = self._home.database
        watch = Watch(lambda: open_database(database), plans, self._clock, self._feed)
        self._tasks = [
            asyncio.create_task(_guarded(work)) for work in (self._publisher.run(), watch.run())
        ]

    async def stop(self) -> None:
        """Say to the broker that we are down, if it still listens."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._tasks = []


async def _guarded(work: Coroutine[None, None, None]) -> None:
    """Let nothing out of what is no part of a call."""
    try:
        await work
    except Exception:
        log.exception("notify.ended")
