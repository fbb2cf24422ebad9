"""New events and calls about messages, and counts of open messages. All functions block."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, bindparam, false, func, select

from pbx.db.database import reading
from pbx.db.message_rows import OPEN_STATES
from pbx.db.statements import table_of
from pbx.db.tables import Attempt, Message, MessageEvent
from routing.follow_up import RINGING

_MESSAGE, _EVENT, _ATTEMPT = table_of(Message), table_of(MessageEvent), table_of(Attempt)
_LAST_ATTEMPT = select(func.coalesce(func.max(_ATTEMPT.c.id), 0))
_ATTEMPTS = (
    select(_ATTEMPT.c.stage, func.count().label("made"), func.max(_ATTEMPT.c.id).label("last"))
    .where(_ATTEMPT.c.id > bindparam("last"))
    .group_by(_ATTEMPT.c.stage)
)
# A breach counts only since the follow-up last began, as in `routing.follow_up.todo_for`.
_SINCE_BEGUN = func.coalesce(_MESSAGE.c.reopened_at, _MESSAGE.c.opened_at)
_BROKEN = func.coalesce(_MESSAGE.c.breached_at >= _SINCE_BEGUN, false())
_LAST = select(func.coalesce(func.max(_EVENT.c.id), 0))
_SINCE = (
    select(
        *(_EVENT.c[name] for name in ("id", "message", "at", "what", "person")),
        _MESSAGE.c.state,
        _MESSAGE.c.urgency,
        _BROKEN.label("breached"),
    )
    .join_from(_EVENT, _MESSAGE)
    .where(_EVENT.c.id > bindparam("last"))
    .order_by(_EVENT.c.id)
)
_STANDING = (
    select(
        _MESSAGE.c.urgency,
        func.count().label("open"),
        func.count().filter(_MESSAGE.c.state.in_(RINGING)).label("waiting"),
        func.count().filter(_BROKEN).label("breached"),
        func.min(_MESSAGE.c.opened_at).label("oldest"),
    )
    .where(_MESSAGE.c.state.in_(OPEN_STATES))
    .group_by(_MESSAGE.c.urgency)
)


@dataclass(frozen=True)
class News:
    """One event of a message; `state` and `breached` are the message's current values."""

    id: int
    message: str
    at: datetime
    what: str
    person: str | None
    state: str
    urgency: str
    breached: bool


@dataclass(frozen=True)
class OpenCounts:
    """Counts of open messages of one urgency; nobody has taken up the `waiting` ones yet."""

    open: int = 0
    waiting: int = 0
    breached: int = 0
    oldest: datetime | None = None


def last(engine: Engine) -> int:
    """Return the id of the newest event of any message, or 0 if there is none."""
    with reading(engine) as session:
        return int(session.scalar(_LAST) or 0)


def events_since(engine: Engine, number: int, limit: int = 500) -> list[News]:
    """Return at most `limit` events with ids above `number`, in order."""
    with reading(engine) as session:
        return [News(*row) for row in session.execute(_SINCE.limit(limit), {"last": number})]


def last_attempt(engine: Engine) -> int:
    """Return the id of the newest call about any message, or 0 if there is none."""
    with reading(engine) as session:
        return int(session.scalar(_LAST_ATTEMPT) or 0)


def attempts_since(engine: Engine, number: int) -> tuple[dict[int, int], int]:
    """Return the number of calls with ids above `number` by stage, and the newest id."""
    with reading(engine) as session:
        rows = session.execute(_ATTEMPTS, {"last": number}).all()
    return {row.stage: row.made for row in rows}, max([number, *(row.last for row in rows)])


def open_counts(engine: Engine) -> dict[str, OpenCounts]:
    """Return the counts of open messages by urgency."""
    with reading(engine) as session:
        return {urgency: OpenCounts(*row) for urgency, *row in session.execute(_STANDING)}
