"""Which plan ran when, so that past events are judged by the plan in force at that time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from routing import hours
from routing.model import Plan


@dataclass(frozen=True)
class Ran:
    """A plan that ran from `start` up to `end` (aware), including the temporary changes of then.

    `unread` is set if the plan that really ran cannot be read any more: it is that plan's hash,
    and `plan` is a substitute.
    """

    start: datetime
    end: datetime
    plan: Plan
    unread: str | None = None


@dataclass(frozen=True)
class ConfigHistory:
    """The plans that ran, in order and without a gap; `running` is the current one.

    Days and nights use the current plan's time zone; everything else is as it was then.
    """

    running: Plan
    ran: tuple[Ran, ...]

    def at(self, instant: datetime) -> Plan:
        """Return the plan at an aware instant; outside the known span, the nearest one."""
        return next((one for one in self.ran if instant < one.end), self.ran[-1]).plan

    def within(self, start: datetime, end: datetime) -> Iterator[Ran]:
        """Yield the plans that ran in [start, end), each clipped to that span."""
        for one in self.ran:
            begins, ends = max(one.start, start), min(one.end, end)
            if begins < ends:
                yield replace(one, start=begins, end=ends)

    def hours(self, start: datetime, end: datetime) -> Iterator[hours.Hours]:
        """Yield the open and closed times of the office in [start, end), without a gap."""
        for one in self.within(start, end):
            yield from hours.spans(one.plan, one.start, one.end)
