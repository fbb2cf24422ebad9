"""OfficeLine's record of calls, for the comparison with Asterisk's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, Select, exists, func, select

from pbx.db.database import reading
from pbx.db.statements import table_of
from pbx.db.tables import Call, Message

_CALL, _MESSAGE = table_of(Call), table_of(Message)
_AT_ONCE = 500  # maximum ids per statement


def _calls() -> Select[Any]:
    """Read what an `OwnCall` has; a message names its call, and a call that joined one names it."""
    known = _CALL.c
    named = select(1).where(_MESSAGE.c.id == known.message)
    left = select(1).where(_MESSAGE.c.call == known.id)
    return select(
        known.id,
        known.started_at,
        known.acknowledged_at.label("accepted_at"),
        known.ended_at,
        *(known[name] for name in ("line", "caller", "urgency", "outcome", "person", "message")),
        (exists(named) | exists(left)).label("is_left"),
    ).order_by(known.started_at, known.id)


_CALLS = _calls()


@dataclass(frozen=True)
class OwnCall:
    """A call in the call log, times in UTC; `is_left` is true if a message of it exists."""

    id: str
    started_at: datetime
    accepted_at: datetime | None
    ended_at: datetime | None
    line: str
    caller: str | None
    urgency: str | None
    outcome: str | None
    person: str | None
    message: str | None
    is_left: bool


@dataclass(frozen=True)
class Orphan:
    """A message whose call is not in the call log; `at` is when it was opened, in UTC."""

    call: str
    at: datetime
    message: str


def calls_between(engine: Engine, start: datetime, end: datetime) -> list[OwnCall]:
    """Return the calls that started in [start, end), earliest first."""
    return _read(engine, _CALL.c.started_at >= start, _CALL.c.started_at < end)


def calls_named(engine: Engine, ids: Iterable[str]) -> list[OwnCall]:
    """Return the calls with these ids, of any time."""
    named = sorted(ids)
    parts = (named[at : at + _AT_ONCE] for at in range(0, len(named), _AT_ONCE))
    found = [call for part in parts for call in _read(engine, _CALL.c.id.in_(part))]
    return sorted(found, key=lambda call: (call.started_at, call.id))


def open_calls(engine: Engine) -> dict[str, datetime]:
    """Return the start times of calls without an outcome, by call id."""
    wanted = select(_CALL.c.id, _CALL.c.started_at).where(_CALL.c.outcome.is_(None))
    with reading(engine) as session:
        return {row.id: row.started_at for row in session.execute(wanted)}


def orphans_between(engine: Engine, start: datetime, end: datetime) -> list[Orphan]:
    """Read the messages opened in [start, end) whose call is not in the log.

    A message is durable before the log hears of its call: a crash may leave it alone.
    """
    opened_at, known = _MESSAGE.c.opened_at, exists().where(_CALL.c.id == _MESSAGE.c.call)
    first = func.min(opened_at)
    wanted = (
        select(_MESSAGE.c.call, first, func.min(_MESSAGE.c.id))
        .where(opened_at >= start, opened_at < end, ~known)
        .group_by(_MESSAGE.c.call)
        .order_by(first, _MESSAGE.c.call)
    )
    with reading(engine) as session:
        return [Orphan(*row) for row in session.execute(wanted)]


def _read(engine: Engine, *meant: ColumnElement[bool]) -> list[OwnCall]:
    with reading(engine) as session:
        return [OwnCall(*row) for row in session.execute(_CALLS.where(*meant))]
