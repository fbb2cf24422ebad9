"""What the control layer leaves for the standby: the plan, and who called of late."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from datetime import timedelta

import structlog

from pbx.asterisk.engine.runtime import service_user
from pbx.base import files
from pbx.base.clock import Clock
from pbx.base.errors import OfficeLineError
from pbx.calls.live import LivePlan
from pbx.calls.recent import RecentCallers
from pbx.calls.standby.cache import Cache, kept_revisions
from pbx.config.home import Home
from pbx.db.overlay import applied_texts
from routing.model import Plan

EVERY_S = 0.5
DAY = timedelta(hours=24)  # no rule asks for more

log = structlog.get_logger()


class StandBy:
    """Keeps the standby's cache up to date; what cannot be written is tried again."""

    def __init__(self, home: Home, plans: LivePlan, recent: RecentCallers, clock: Clock) -> None:
        self._home = home
        self._plans = plans
        self._recent = recent
        self._clock = clock
        self._cache: Cache | None = None
        self._writing = threading.Lock()
        self._calls: list[object] = []
        self._fails = False
        self._kept = ""  # the hash of the plan whose text is beside the database, too

    async def run(self) -> None:
        """Look for changes until canceled."""
        while True:
            try:
                await asyncio.to_thread(self.write)
                self._fails = False
            except (OSError, OfficeLineError) as error:
                if not self._fails:
                    log.error("standby.not_cached", error=type(error).__name__)  # noqa: TRY400  # one line
                self._fails = True
            await asyncio.sleep(EVERY_S)

    def keep(self, plan: Plan) -> None:
        """Put down a revision before it goes live; what cannot be written `run` tries again."""
        try:
            with self._writing:
                self._prepared().keep(plan)
        except (OSError, OfficeLineError) as error:
            log.error("standby.not_cached", error=type(error).__name__)  # noqa: TRY400  # one line

    def kept(self) -> Iterable[Plan]:
        """Read the revisions that an earlier daemon put down."""
        try:
            return kept_revisions(self._home.standby)
        except OSError:
            return ()

    def _prepared(self) -> Cache:
        if self._cache is None:
            user = service_user()
            self._home.prepare(user)
            self._cache = Cache(self._home.standby, user.gid if user.name is not None else None)
        return self._cache

    def write(self) -> None:
        """Write what has changed; blocking, OSError."""
        with self._writing:
            cache, plans = self._prepared(), self._plans
            cache.write(plans.plan, plans.book, plans.of_late)
        if self._plans.plan.hash != self._kept:
            self._keep_text()
        if not any(rule.when.repeat for rule in self._plans.plan.rules):
            return
        calls = self._recent.since(self._clock.now() - DAY)
        if calls != self._calls:
            cache.write_recent(calls)
            self._calls = list(calls)

    def _keep_text(self) -> None:
        for applied in applied_texts(self._home.database):
            files.replace(self._home.applied, applied.text, 0o600)
            self._kept = applied.hash
