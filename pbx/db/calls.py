"""Reading the call log: lists that stay flat at a million calls, and one call's whole history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Engine, func
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from pbx.db import messages
from pbx.db.database import reading
from pbx.db.tables import Call, Event, Leg, Message, StoredDecision
from routing.decision import Reason

PORTION = 1000  # rows that are held at once where all are read


@dataclass(frozen=True)
class CallRow:
    """A call at a glance, times in UTC; None means not known, or not yet.

    `message` is the message's id, `person` who accepted, `caller` E.164 or None (anonymous).
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
        """Seconds until a person accepted, or until the call ended; None while it waits."""
        return _seconds(self.started_at, self.acknowledged_at or self.ended_at)

    @property
    def talk_s(self) -> float | None:
        """Seconds from a person's accepting to the end; None if nobody did, or while they talk."""
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
    """What was decided at a turn, with every rule that was looked at.

    `facts` has "presses" and "earlier" (ISO instants), None where an older version wrote none.
    """

    turn: int
    at: datetime
    kind: str
    target: str
    urgency: str | None
    reasons: tuple[Reason, ...]
    facts: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class CallEventRow:
    """Something else that happened; `detail` as pairs."""

    at: datetime
    what: str
    detail: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class History:
    """Everything that is known of one call, each part in the order in which it happened."""

    call: CallRow
    decisions: tuple[DecisionRow, ...]
    legs: tuple[LegRow, ...]
    events: tuple[CallEventRow, ...]
    message: messages.MessageRow | None


@dataclass(frozen=True)
class Filter:
    """Which calls are meant: those that started from `since` up to but without `until`."""

    since: datetime | None = None
    until: datetime | None = None
    line: str | None = None
    outcome: str | None = None

    @property
    def conditions(self) -> list[ColumnElement[bool]]:
        """Say it in SQL."""
        found = [
            None if self.since is None else col(Call.started_at) >= self.since,
            None if self.until is None else col(Call.started_at) < self.until,
            None if self.line is None else col(Call.line) == self.line,
            None if self.outcome is None else col(Call.outcome) == self.outcome,
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
    """Read the latest calls first: those that started from `since` up to but without `until`."""
    meant = Filter(since, until, line, outcome).conditions
    latest = (col(Call.started_at).desc(), col(Call.id).desc())
    wanted = select(Call).where(*meant).order_by(*latest).limit(limit)
    with reading(engine) as session:
        return [_call_row(call) for call in session.exec(wanted)]


def count_calls(engine: Engine, meant: Filter) -> int:
    """Count calls."""
    with reading(engine) as session:
        return session.exec(select(func.count(col(Call.id))).where(*meant.conditions)).one()


def each_call(engine: Engine, meant: Filter) -> Iterator[CallRow]:
    """Read calls one by one, the earliest first, however many there are."""
    columns = [getattr(Call, one.name) for one in fields(CallRow)]
    earliest = (col(Call.started_at), col(Call.id))
    wanted = select(*columns).where(*meant.conditions).order_by(*earliest)
    with reading(engine) as session:
        rows = session.connection().execution_options(yield_per=PORTION).execute(wanted)
        for row in rows:
            yield CallRow(*row)


def recent_callers(
    engine: Engine, now: datetime, back: timedelta, limit: int = 20_000
) -> list[tuple[str, str, datetime]]:
    """List (caller, call, start) of the last calls whose number is known, the oldest first.

    What a clock wrote that was ahead is none of them.
    """
    wanted = (
        select(Call.caller, Call.id, Call.started_at)
        .where(col(Call.started_at).between(now - back, now), col(Call.caller).is_not(None))
        .order_by(col(Call.started_at).desc(), col(Call.id).desc())
        .limit(limit)
    )
    with reading(engine) as session:
        rows = session.exec(wanted).all()
    return [(caller, call, at) for caller, call, at in reversed(rows) if caller is not None]


def get_call(engine: Engine, call_id: str) -> History | None:
    """Read one call with all its parts; None if there is none of this id."""
    with reading(engine) as session:
        call = session.get(Call, call_id)
        if call is None:
            return None
        by_turn = (
            select(StoredDecision)
            .where(StoredDecision.call == call_id)
            .order_by(col(StoredDecision.turn))
        )
        by_start = select(Leg).where(Leg.call == call_id)
        by_time = select(Event).where(Event.call == call_id)
        # a call that joined a message names it; the log may not have heard of it yet
        left = select(Message).where(Message.call == call_id).order_by(col(Message.opened_at))
        named = session.get(Message, call.message) if call.message is not None else None
        message = named or session.exec(left).first()
        return History(
            call=_call_row(call),
            decisions=tuple(_decision_row(one) for one in session.exec(by_turn)),
            legs=tuple(
                _leg_row(leg)
                for leg in session.exec(by_start.order_by(col(Leg.started_at), col(Leg.channel)))
            ),
            events=tuple(
                CallEventRow(one.at, one.what, tuple(one.detail.items()))
                for one in session.exec(by_time.order_by(col(Event.at), col(Event.id)))
            ),
            message=None if message is None else messages.row_of(message),
        )


def last_decisions(
    engine: Engine, since: datetime, until: datetime | None = None
) -> list[tuple[CallRow, DecisionRow]]:
    """Read the last decision of each call that began in [since, until), the earliest call first."""
    later = aliased(StoredDecision)
    last = select(func.max(later.turn)).where(later.call == Call.id).scalar_subquery()
    wanted = (
        select(Call, StoredDecision)
        .join(StoredDecision, col(StoredDecision.call) == col(Call.id))
        .where(col(Call.started_at) >= since, col(StoredDecision.turn) == last)
        .order_by(col(Call.started_at), col(Call.id))
    )
    if until is not None:
        wanted = wanted.where(col(Call.started_at) < until)
    with reading(engine) as session:
        return [(_call_row(call), _decision_row(one)) for call, one in session.exec(wanted)]


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    if start is None or end is None:
        return None
    return round((end - start).total_seconds(), 1)


def _call_row(call: Call) -> CallRow:
    return CallRow(
        id=call.id,
        started_at=call.started_at,
        answered_at=call.answered_at,
        acknowledged_at=call.acknowledged_at,
        ended_at=call.ended_at,
        line=call.line,
        did=call.did,
        caller=call.caller,
        urgency=call.urgency,
        decision=call.decision,
        outcome=call.outcome,
        person=call.person,
        message=call.message,
        plan=call.plan,
    )


def _leg_row(leg: Leg) -> LegRow:
    return LegRow(
        channel=leg.channel,
        person=leg.person,
        kind=leg.kind,
        started_at=leg.started_at,
        answered_at=leg.answered_at,
        acknowledged_at=leg.acknowledged_at,
        ended_at=leg.ended_at,
        result=leg.result,
    )


def _decision_row(decision: StoredDecision) -> DecisionRow:
    reasons = tuple(
        Reason(rule=why["rule"], matched=why["matched"], because=why["because"])
        for why in decision.reasons
    )
    return DecisionRow(
        turn=decision.turn,
        at=decision.at,
        kind=decision.kind,
        target=decision.target,
        urgency=decision.urgency,
        reasons=reasons,
        facts=decision.facts,
    )
