"""The night's report for the morning: every call after hours, and what is still to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TYPE_CHECKING

from pbx.calls.record.reconcile import Reconciliation, cdr_path, reconcile
from pbx.db import audit, inbox, messages
from pbx.db.calls import CallRow, DecisionRow, last_decisions, list_calls
from routing.follow_up import shortest_cut_off
from routing.instants import DAY, MIDNIGHT, instant

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from pbx.config.home import Home
    from pbx.db.response_times import Response
    from routing.config_history import ConfigHistory
    from routing.hours import Hours
    from routing.model import Plan

MORNING = time(8)  # ends the night on a day on which the office stays closed
MOST = 100_000  # most calls of one night


@dataclass(frozen=True)
class TimedAct:
    """Who did something and when, `seconds` after the call began."""

    person: str
    at: datetime
    seconds: float

    @property
    def minutes(self) -> float:
        """Return `seconds` in minutes, to one decimal."""
        return round(self.seconds / 60, 1)


@dataclass(frozen=True)
class NightCall:
    """A call during the night; `item` is the message that it left or joined."""

    call: CallRow
    reason: str
    item: inbox.InboxItem | None
    acknowledged: TimedAct | None
    called_back: TimedAct | None
    notes: tuple[messages.MessageEventRow, ...]

    @property
    def message(self) -> messages.MessageRow | None:
        """Return the message in its current state."""
        return None if self.item is None else self.item.message

    @property
    def spoke(self) -> bool:
        """Return whether one of the office's people answered the call itself."""
        return self.call.person is not None and self.call.acknowledged_at is not None

    def without(self, act: Response) -> str:
        """Say why nobody did this: it was not required, or it was not done."""
        left = self.message
        if left is None:
            return "not needed" if self.spoke else "-"
        if (self.spoke and left.state == "closed") or (
            act == "acknowledged" and left.urgency != "urgent"
        ):
            return "not needed"
        return "no"


@dataclass(frozen=True)
class Night:
    """From one closing to the next opening; `still_open` are all open messages of any age."""

    day: date
    start: datetime
    end: datetime
    calls: tuple[NightCall, ...]
    still_open: tuple[inbox.InboxItem, ...]
    past: ConfigHistory
    reconciliation: Reconciliation
    audit: tuple[int, str]  # number of rows, and the newest hash


def night(engine: Engine, home: Home, past: ConfigHistory, day: date, now: datetime) -> Night:
    """Return the night before a day's opening."""
    start, end = night_span(past, day)
    calls = list_calls(engine, start, end, limit=MOST)
    reasons = {call.id: reason(decision) for call, decision in last_decisions(engine, start, end)}
    found = {call.message for call in calls if call.message is not None}
    items = {item.message.id: item for item in inbox.items(engine, named=found)}
    return Night(
        day,
        start,
        end,
        tuple(
            _night_call(engine, call, reasons.get(call.id, ""), items.get(call.message or ""))
            for call in reversed(calls)
        ),
        tuple(inbox.items(engine)),
        past,
        reconcile(engine, cdr_path(home), start, end, now, shortest_cut_off(past.at(start))),
        audit.head(engine),
    )


def looked_at(plan: Plan, day: date) -> tuple[datetime, datetime]:
    """Return the span of the two local days whose hours define the night before a day."""
    zone = plan.office.zone
    return instant(day - DAY, MIDNIGHT, zone), instant(day + DAY, MIDNIGHT, zone)


def night_span(past: ConfigHistory, day: date) -> tuple[datetime, datetime]:
    """Return the start and end of the night before a day, in UTC.

    It ends at the day's first opening, or at 8 AM if there is none. It begins at the last closing
    of the day before, or where that day's own night ended, so that every closed hour of a
    weekend is in exactly one night.
    """
    end = _morning(past, day)
    closings = [one.end for one in _open_stretches(past, day - DAY)]
    start = closings[-1] if closings else _morning(past, day - DAY)
    return min(start, end), end


def reason(decision: DecisionRow) -> str:
    """Say which rule decided, and why it applied."""
    why = next((one for one in reversed(decision.reasons) if one.matched), None)
    return decision.kind if why is None else f"{why.rule}: {why.because}"


def _morning(past: ConfigHistory, day: date) -> datetime:
    opening = next(_open_stretches(past, day), None)
    return instant(day, MORNING, past.running.office.zone) if opening is None else opening.start


def _open_stretches(past: ConfigHistory, day: date) -> Iterator[Hours]:
    """Yield the open stretches of a local day."""
    zone = past.running.office.zone
    start, end = (instant(one, MIDNIGHT, zone) for one in (day, day + DAY))
    return (one for one in past.hours(start, end) if one.state == "open")


def _night_call(engine: Engine, call: CallRow, why: str, item: inbox.InboxItem | None) -> NightCall:
    left = None if item is None else item.message
    acknowledged = called_back = None
    if call.person is not None and call.acknowledged_at is not None:
        acknowledged = _moment(call, call.person, call.acknowledged_at)
    elif left is not None:
        acknowledged = _moment(call, left.acknowledged_by, left.acknowledged_at)
    if left is not None:
        called_back = _moment(call, left.called_back_by, left.called_back_at)
    events = [] if left is None else messages.message_history(engine, left.id)
    notes = tuple(one for one in events if one.what == inbox.NOTED)
    return NightCall(call, why, item, acknowledged, called_back, notes)


def _moment(call: CallRow, person: str | None, at: datetime | None) -> TimedAct | None:
    if person is None or at is None or at < call.started_at:
        return None  # an act before the patient called again does not answer this call
    return TimedAct(person, at, (at - call.started_at).total_seconds())
