"""What is new of messages, whoever wrote it, and how many are open. All functions block."""

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
# A promise is broken since the follow-up last began, as `routing.follow_up.todo_for` sees it.
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
    """One thing that happened to a message; `state` and `breached` are how it stands now."""

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
    """The messages of one urgency that are not closed; `waiting` ones nobody has taken up."""

    open: int = 0
    waiting: int = 0
    breached: int = 0
    oldest: datetime | None = None


def last(engine: Engine) -> int:
    """Number the newest thing that happened to any message; 0 if nothing did."""
    with reading(engine) as session:
        return int(session.scalar(_LAST) or 0)


def events_since(engine: Engine, number: int, limit: int = 500) -> list[News]:
    """Read what happened to messages after that one, in its order, at most `limit` things."""
    with reading(engine) as session:
        return [News(*row) for row in session.execute(_SINCE.limit(limit), {"last": number})]


def last_attempt(engine: Engine) -> int:
    """Number the newest call about any message; 0 if there was none."""
    with reading(engine) as session:
        return int(session.scalar(_LAST_ATTEMPT) or 0)


def attempts_since(engine: Engine, number: int) -> tuple[dict[int, int], int]:
    """Count the calls about messages after that one by stage, and number the newest."""
    with reading(engine) as session:
        rows = session.execute(_ATTEMPTS, {"last": number}).all()
    return {row.stage: row.made for row in rows}, max([number, *(row.last for row in rows)])


def open_counts(engine: Engine) -> dict[str, OpenCounts]:
    """Count the messages that are not closed, by urgency."""
    with reading(engine) as session:
        return {urgency: OpenCounts(*row) for urgency, *row in session.execute(_STANDING)}
