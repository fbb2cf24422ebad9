"""The alarm about a coming shift that nobody has, logged once a day and after each change."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from routing.model import Plan
from routing.oncall import upcoming_gap
from routing.schedule import Shift

DAYS = 14  # how far ahead to look for empty shifts
AGAIN = timedelta(days=1)

log = structlog.get_logger()


class CoverageAlarm:
    """Checks the plan that runs whenever it changes, and once a day."""

    def __init__(self) -> None:
        self._plan: Plan | None = None
        self._looked: datetime | None = None
        self._gap: Shift | None = None

    def look(self, plan: Plan, now: datetime) -> Shift | None:
        """Log and return the first empty shift of the coming days; None if there is none."""
        over = self._gap is not None and self._gap.end <= now
        if plan is not self._plan or over:
            self._looked = None
        if self._looked is not None and now - self._looked < AGAIN:
            return None
        self._plan, self._looked = plan, now
        self._gap = gap = upcoming_gap(plan, now, DAYS)
        if gap is not None:
            zone = plan.office.zone
            start, end = (at.astimezone(zone).isoformat() for at in (gap.start, gap.end))
            log.error("schedule.gap", schedule=gap.schedule, start=start, end=end)
        return gap

    def covered_s(self, now: datetime) -> float:
        """Return for how many seconds from now somebody is on call, at most `DAYS` days."""
        ahead = timedelta(days=DAYS) if self._gap is None else self._gap.start - now
        return max(0.0, ahead.total_seconds())
