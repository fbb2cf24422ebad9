"""Which plan ran when: what was is judged by what was in force then, not by what is now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from routing import hours
from routing.model import Plan


@dataclass(frozen=True)
class Ran:
    """A plan that ran from `start` up to `end` (aware), with the changes that held meanwhile.

    `unread` is the hash of the plan that really ran, where this one stands in for it.
    """

    start: datetime
    end: datetime
    plan: Plan
    unread: str | None = None


@dataclass(frozen=True)
class ConfigHistory:
    """The plans that ran, in order and without a gap; `running` is today's.

    Days and nights are those of today's time zone; everything else is as it was.
    """

    running: Plan
    ran: tuple[Ran, ...]

    def at(self, instant: datetime) -> Plan:
        """Return the plan of an aware instant; outside of the span that is known, the nearest."""
        return next((one for one in self.ran if instant < one.end), self.ran[-1]).plan

    def within(self, start: datetime, end: datetime) -> Iterator[Ran]:
        """List what ran in [start, end), each cut to it."""
        for one in self.ran:
            begins, ends = max(one.start, start), min(one.end, end)
            if begins < ends:
                yield replace(one, start=begins, end=ends)

    def hours(self, start: datetime, end: datetime) -> Iterator[hours.Hours]:
        """List when the office was open and closed in [start, end), without a gap."""
        for one in self.within(start, end):
            yield from hours.spans(one.plan, one.start, one.end)
