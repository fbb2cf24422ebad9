"""Reads the call log: lists that stay fast at a million calls, and one call's whole history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Engine, Table, bindparam, func, select
from sqlmodel import col

from pbx.db import messages
from pbx.db.database import reading
from pbx.db.statements import table_of
from pbx.db.tables import Call, Event, Leg, Message, StoredDecision
from routing.decision import Reason

PORTION = 1000  # rows in memory at once when all are read


@dataclass(frozen=True)
class CallRow:
    """A summary of a call, times in UTC; None means unknown, or not yet known.

    `message` is a message's id, `person` who accepted, `caller` E.164 or None (anonymous).
    """

    id: str
    started_at: datetime
    answered_at: datetime | None
    acknowledged_at: datetime | None
    ended_at: datetime | None
    line: str
    did: str
    caller: str | None
    urgency: str | None
    decision: str | None
    outcome: str | None
    person: str | None
    message: str | None
    plan: str | None

    @property
    def ring_s(self) -> float | None:
        """Return the seconds until a person accepted or the call ended; None while it waits."""
        return _seconds(self.started_at, self.acknowledged_at or self.ended_at)

    @property
    def talk_s(self) -> float | None:
        """Return the seconds from acceptance to the end; None if not accepted or not over."""
        return _seconds(self.acknowledged_at, self.ended_at)


@dataclass(frozen=True)
class LegRow:
    """One attempt to reach a person; `result` is None while it lasts."""

    channel: str
    person: str | None
    kind: str | None
    started_at: datetime | None
    answered_at: datetime | None
    acknowledged_at: datetime | None
    ended_at: datetime | None
    result: str | None


@dataclass(frozen=True)
class DecisionRow:
    """The decision at one turn, with every rule that was checked.

    `facts` are those of `pbx.calls.explain.details_to_keep`.
    """

    turn: int
    at: datetime
    kind: str
    target: str
    urgency: str | None
    reasons: tuple[Reason, ...]
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class CallEventRow:
    """Any other event of a call; `detail` has pairs."""

    at: datetime
    what: str
    detail: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class History:
    """Everything that is known about one call, each part in chronological order."""

    call: CallRow
    decisions: tuple[DecisionRow, ...]
    legs: tuple[LegRow, ...]
    events: tuple[CallEventRow, ...]
    message: messages.MessageRow | None


def _columns(of: Table, row: type) -> list[ColumnElement[Any]]:
    """Return the columns for the fields of a row class, in their order."""
    return [of.c[one.name] for one in fields(row)]


_CALL, _LEG, _DECISION, _EVENT = (
    table_of(Call),
    table_of(Leg),
    table_of(StoredDecision),
    table_of(Event),
)
_REASONS = [one.name for one in fields(DecisionRow)].index("reasons")
_LATEST = (_CALL.c.started_at.desc(), _CALL.c.id.desc())
_EARLIEST = (_CALL.c.started_at, _CALL.c.id)
_CALLS = select(*_columns(_CALL, CallRow))
_DECISIONS = (
    select(*_columns(_DECISION, DecisionRow))
    .where(_DECISION.c.call == bindparam("call"))
    .order_by(_DECISION.c.turn)
)
_LEGS = (
    select(*_columns(_LEG, LegRow))
    .where(_LEG.c.call == bindparam("call"))
    .order_by(_LEG.c.started_at, _LEG.c.channel)
)
_EVENTS = (
    select(*_columns(_EVENT, CallEventRow))
    .where(_EVENT.c.call == bindparam("call"))
    .order_by(_EVENT.c.at, _EVENT.c.id)
)


@dataclass(frozen=True)
class Filter:
    """Which calls to select; they started in [since, until)."""

    since: datetime | None = None
    until: datetime | None = None
    line: str | None = None
    outcome: str | None = None

    @property
    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the filter as SQL conditions."""
        found = [
            None if self.since is None else _CALL.c.started_at >= self.since,
            None if self.until is None else _CALL.c.started_at < self.until,
            None if self.line is None else _CALL.c.line == self.line,
            None if self.outcome is None else _CALL.c.outcome == self.outcome,
        ]
        return [one for one in found if one is not None]


def list_calls(
    engine: Engine,
    since: datetime | None = None,
    until: datetime | None = None,
    line: str | None = None,
    outcome: str | None = None,
    limit: int = 50,
) -> list[CallRow]:
    """Return the calls that started in [since, until), the latest first."""
    meant = Filter(since, until, line, outcome).conditions
    with reading(engine) as session:
        rows = session.execute(_CALLS.where(*meant).order_by(*_LATEST).limit(limit))
        return [CallRow(*row) for row in rows]


def count_calls(engine: Engine, meant: Filter) -> int:
    """Return the number of calls that match the filter."""
    with reading(engine) as session:
        counted = select(func.count()).select_from(_CALL).where(*meant.conditions)
        return int(session.execute(counted).scalar_one())


def each_call(engine: Engine, meant: Filter) -> Iterator[CallRow]:
    """Yield calls, the earliest first, without holding them all in memory."""
    wanted = _CALLS.where(*meant.conditions).order_by(*_EARLIEST)
    with reading(engine) as session:
        for row in session.connection().execution_options(yield_per=PORTION).execute(wanted):
            yield CallRow(*row)


def recent_callers(
    engine: Engine, now: datetime, back: timedelta, limit: int = 20_000
) -> list[tuple[str, str, datetime]]:
    """Return (caller, call, start) of the last calls with a known number, the oldest first.

    Calls dated in the future, written while the clock was wrong, are left out.
    """
    wanted = (
        select(_CALL.c.caller, _CALL.c.id, _CALL.c.started_at)
        .where(_CALL.c.started_at.between(now - back, now), _CALL.c.caller.is_not(None))
        .order_by(*_LATEST)
        .limit(limit)
    )
    with reading(engine) as session:
        rows = session.execute(wanted).all()
    return [(caller, call, at) for caller, call, at in reversed(rows)]


def get_call(engine: Engine, call_id: str) -> History | None:
    """Return one call with all its parts; None if there is no such call."""
    of_call = {"call": call_id}
    with reading(engine) as session:
        call = session.execute(_CALLS.where(_CALL.c.id == call_id)).first()
        if call is None:
            return None
        # only a call that joined a message names it, and the log may lag behind the message
        left = select(Message).where(col(Message.call) == call_id).order_by(col(Message.opened_at))
        named = session.get(Message, call.message) if call.message is not None else None
        message = named or session.scalars(left).first()
        return History(
            call=CallRow(*call),
            decisions=tuple(_decision(*row) for row in session.execute(_DECISIONS, of_call)),
            legs=tuple(LegRow(*row) for row in session.execute(_LEGS, of_call)),
            events=tuple(
                CallEventRow(at, what, tuple(detail.items()))
                for at, what, detail in session.execute(_EVENTS, of_call)
            ),
            message=None if message is None else messages.row_of(message),
        )


def dialed_did(engine: Engine, call_id: str) -> str:
    """Return which of our numbers a caller dialed; empty if unknown."""
    with reading(engine) as session:
        found = session.get(Call, call_id)
        return "" if found is None else found.did


def last_decisions(
    engine: Engine, since: datetime, until: datetime | None = None
) -> list[tuple[CallRow, DecisionRow]]:
    """Return the last decision of each call that began in [since, until), earliest call first."""
    later = _DECISION.alias("later")
    last = select(func.max(later.c.turn)).where(later.c.call == _CALL.c.id).scalar_subquery()
    wanted = (
        _CALLS.add_columns(*_columns(_DECISION, DecisionRow))
        .join_from(_CALL, _DECISION)
        .where(_CALL.c.started_at >= since, _DECISION.c.turn == last)
        .order_by(*_EARLIEST)
    )
    if until is not None:
        wanted = wanted.where(_CALL.c.started_at < until)
    width = len(fields(CallRow))
    with reading(engine) as session:
        return [(CallRow(*row[:width]), _decision(*row[width:])) for row in session.execute(wanted)]


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    if start is None or end is None:
        return None
    return round((end - start).total_seconds(), 1)


def _decision(*row: Any) -> DecisionRow:
    found = DecisionRow(*row)
    return replace(found, reasons=tuple(Reason(**why) for why in row[_REASONS]))
