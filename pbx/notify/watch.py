"""Detect changes in the database and the plan, twice a second.

Messages are changed by calls, the physician's menu, the escalator and commands in other processes.
All of these write to the messages' history, so this module follows the history.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Engine

from pbx.base.clock import Clock
from pbx.calls.conversation import Plans
from pbx.config.hosts import Unresolved
from pbx.db import news
from pbx.db.news import News, OpenCounts
from pbx.notify.feed import EventFeed, schedules_now
from routing.model import Plan

EVERY_S = 0.5
ONCALL_AGAIN = timedelta(hours=1)  # if the end of the shift is unknown

log = structlog.get_logger()


@dataclass(frozen=True)
class WatchResult:
    """What one look found; `attempts` counts new calls about messages by stage."""

    news: list[News]
    standing: Mapping[str, OpenCounts]
    attempts: Mapping[int, int]


class ChangeWatch:
    """Passes changes to a feed; calls `on_look` after each look. `open_` opens the database."""

    def __init__(
        self,
        open_: Callable[[], Engine],
        plans: Plans,
        clock: Clock,
        feed: EventFeed | None,
        on_look: Callable[[WatchResult], None] = lambda _: None,
        unresolved: Callable[[], Unresolved] = Unresolved,
    ) -> None:
        self._open = open_
        self._engine: Engine | None = None
        self._plans = plans
        self._clock = clock
        self._feed = feed
        self._on_look = on_look
        self._last: int | None = None
        self._attempt = 0
        self._urgent: OpenCounts | None = None
        self._plan: Plan | None = None
        self._until: datetime | None = None
        self._blind = False
        self._unresolved = unresolved
        self._names: Unresolved | None = None

    async def run(self) -> None:
        """Look until canceled; log an error once, and try again."""
        try:
            while True:
                try:
                    await self._look()
                    self._blind = False
                except Exception as error:  # after any error, try again
                    if not self._blind:
                        log.exception("notify.blind", error=type(error).__name__)
                    self._blind = True
                await asyncio.sleep(EVERY_S)
        finally:
            if self._engine is not None:
                self._engine.dispose()

    async def _look(self) -> None:
        if self._feed is not None:  # first, because it needs no database
            names = await asyncio.to_thread(self._unresolved)
            if names != self._names:
                self._feed.names(names, self._clock.now())
                self._names = names
        found = await asyncio.to_thread(self._read)
        now = self._clock.now()
        self._on_look(found)
        if self._feed is None:
            return
        self._feed.news(found.news)
        urgent = found.standing.get("urgent", OpenCounts())
        if urgent != self._urgent:
            self._feed.urgent(urgent, now)
            self._urgent = urgent
        plan = self._plans.plan
        if plan is not self._plan or self._until is None or now >= self._until:
            known = await asyncio.to_thread(schedules_now, plan, now)
            self._feed.oncall(known, now)
            ends = [one.until for one in known if one.until is not None and one.until > now]
            self._plan, self._until = plan, min([*ends, now + ONCALL_AGAIN])

    def _read(self) -> WatchResult:
        """Read what is new since the last look; the first look finds nothing old."""
        engine = self._engine = self._engine or self._open()
        if self._last is None:
            self._last = news.last(engine)
            self._attempt = news.last_attempt(engine)
        found = news.events_since(engine, self._last)
        self._last = found[-1].id if found else self._last
        attempts, self._attempt = news.attempts_since(engine, self._attempt)
        return WatchResult(found, news.open_counts(engine), attempts)
