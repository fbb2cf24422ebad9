"""Store plans and recent callers for the standby."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import cached_property

import structlog

from pbx.asterisk.engine.runtime import service_user
from pbx.base import files
from pbx.base.clock import Clock
from pbx.base.errors import OfficeLineError
from pbx.calls.conversation import Book
from pbx.calls.live import LivePlan
from pbx.calls.recent import RecentCallers
from pbx.calls.standby.cache import Cache, kept_revisions
from pbx.config.home import Home
from pbx.db.overlay import applied_texts
from routing.model import Plan

EVERY_S = 0.5
DAY = timedelta(hours=24)  # no rule looks further back

log = structlog.get_logger()


class PlanShelf:
    """The standby's folder with the revisions of the plan. All methods block."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._writing = threading.Lock()

    def keep(self, plan: Plan) -> None:
        """Store a revision before it goes live; if that fails, `StandBy` tries again."""
        try:
            with self._writing:
                self._cache.keep(plan)
        except (OSError, OfficeLineError) as error:
            log.error("standby.not_cached", error=type(error).__name__)  # noqa: TRY400  # one line

    def kept(self) -> Iterable[Plan]:
        """Read the revisions that an earlier daemon stored."""
        try:
            return kept_revisions(self.home.standby)
        except OSError:
            return ()

    def write(self, plan: Plan, book: Book, of_late: Sequence[Plan]) -> None:
        """Write the plan that runs and those that ongoing calls began with. Raises OSError."""
        with self._writing:
            self._cache.write(plan, book, of_late)

    def write_recent(self, calls: Sequence[tuple[str, str, datetime]]) -> None:
        """Write recent callers. Raises OSError."""
        self._cache.write_recent(calls)

    @cached_property
    def _cache(self) -> Cache:
        user = service_user()
        self.home.prepare(user)
        return Cache(self.home.standby, user.gid if user.name is not None else None)


class StandBy:
    """Keeps the shelf up to date; a failed write is tried again."""

    def __init__(
        self, shelf: PlanShelf, plans: LivePlan, recent: RecentCallers, clock: Clock
    ) -> None:
        self._shelf = shelf
        self._home = shelf.home
        self._plans = plans
        self._recent = recent
        self._clock = clock
        self._calls: list[object] = []
        self._fails = False
        self._kept = ""  # the hash of the plan whose text is also stored beside the database

    async def run(self) -> None:
        """Check for changes until canceled."""
        while True:
            try:
                await asyncio.to_thread(self.write)
                self._fails = False
            except (OSError, OfficeLineError) as error:
                if not self._fails:
                    log.error("standby.not_cached", error=type(error).__name__)  # noqa: TRY400  # one line
                self._fails = True
            await asyncio.sleep(EVERY_S)

    def write(self) -> None:
        """Write what has changed. Blocks; raises OSError."""
        plans = self._plans
        self._shelf.write(plans.plan, plans.book, plans.of_late)
        if self._plans.plan.hash != self._kept:
            self._keep_text()
        if not any(rule.when.repeat for rule in self._plans.plan.rules):
            return
        calls = self._recent.since(self._clock.now() - DAY)
        if calls != self._calls:
            self._shelf.write_recent(calls)
            self._calls = list(calls)

    def _keep_text(self) -> None:
        for applied in applied_texts(self._home.database):
            files.replace(self._home.applied, applied.text, 0o600)
            self._kept = applied.hash
