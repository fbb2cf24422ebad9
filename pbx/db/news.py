"""What is new of messages, whoever wrote it, and how many are open. All functions block."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, bindparam, text

from pbx.db.messages import OPEN_STATES
from pbx.db.tables import from_utc_text
from routing.follow_up import RINGING

_LAST_ATTEMPT = text("SELECT coalesce(max(id), 0) FROM attempt")
_ATTEMPTS = text("""
    SELECT stage, count(*) AS made, max(id) AS last FROM attempt WHERE id > :last GROUP BY stage
""")
# A promise is broken since the follow-up last began, as `routing.follow_up.due` sees it.
_BROKEN = "coalesce(breached_at >= coalesce(reopened_at, opened_at), 0)"
_LAST = text("SELECT coalesce(max(id), 0) FROM message_event")
_SINCE = text(f"""
    SELECT message_event.id, message, at, what, person, state, urgency, {_BROKEN} AS breached
    FROM message_event JOIN message ON message.id = message_event.message
    WHERE message_event.id > :last ORDER BY message_event.id LIMIT :limit
""")  # noqa: S608  # our own constant
_STANDING = text(f"""
    SELECT urgency, count(*) AS open, sum(state IN :ringing) AS waiting,
           sum({_BROKEN}) AS breached, min(opened_at) AS oldest
    FROM message WHERE state IN :states GROUP BY urgency
""").bindparams(bindparam("states", expanding=True), bindparam("ringing", expanding=True))  # noqa: S608  # as above


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
    with engine.connect() as connection:
        return int(connection.execute(_LAST).scalar_one())


def events_since(engine: Engine, number: int, limit: int = 500) -> list[News]:
    """Read what happened to messages after that one, in its order, at most `limit` things."""
    with engine.connect() as connection:
        return [
            News(
                row.id,
                row.message,
                from_utc_text(row.at),
                row.what,
                row.person,
                row.state,
                row.urgency,
                bool(row.breached),
            )
            for row in connection.execute(_SINCE, {"last": number, "limit": limit})
        ]


def last_attempt(engine: Engine) -> int:
    """Number the newest call about any message; 0 if there was none."""
    with engine.connect() as connection:
        return int(connection.execute(_LAST_ATTEMPT).scalar_one())


def attempts_since(engine: Engine, number: int) -> tuple[dict[int, int], int]:
    """Count the calls about messages after that one by stage, and number the newest."""
    with engine.connect() as connection:
        rows = connection.execute(_ATTEMPTS, {"last": number}).all()
    return {row.stage: row.made for row in rows}, max([number, *(row.last for row in rows)])


def open_counts(engine: Engine) -> dict[str, OpenCounts]:
    """Count the messages that are not closed, by urgency."""
    wanted = {"states": OPEN_STATES, "ringing": RINGING}
    with engine.connect() as connection:
        return {
            row.urgency: OpenCounts(row.open, row.waiting, row.breached, from_utc_text(row.oldest))
            for row in connection.execute(_STANDING, wanted)
        }
