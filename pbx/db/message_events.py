"""The events of messages. The only module that writes `message_event`; it never changes a row.

They go with their message when it is deleted.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, exists, func, insert, or_, select

from pbx.db.statements import table_of
from pbx.db.tables import Message, MessageEvent

OPENED, JOINED = "opened", "joined"

_EVENT, _MESSAGE = table_of(MessageEvent), table_of(Message)
_NOTE = insert(_EVENT)


def note_event(
    connection: Connection,
    message_id: str,
    at: datetime,
    what: str,
    person: str | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    """Add to a message's history, within a transaction."""
    row = {"message": message_id, "at": at, "what": what, "person": person}
    connection.execute(_NOTE, {**row, "detail": detail or {}})


def remove_events(connection: Connection, message_ids: Collection[str]) -> None:
    """Delete the histories of messages."""
    connection.execute(delete(_EVENT).where(_EVENT.c.message.in_(message_ids)))


def joined_by(message_id: Any) -> tuple[ColumnElement[bool], ColumnElement[str]]:
    """Say which events are calls that joined a message, and name the call of each."""
    return (
        (_EVENT.c.message == message_id) & (_EVENT.c.what == JOINED),
        _EVENT.c.detail["call"].as_string(),
    )


def count_joins(connection: Connection, message_id: str) -> int:
    """Return how often a call joined a message."""
    joined, _ = joined_by(message_id)
    return connection.execute(select(func.count()).where(joined)).scalar_one()


def is_shared(connection: Connection, message_id: str, call: str) -> bool:
    """Return whether the message also contains another call, perhaps of another patient."""
    joined, of_call = joined_by(message_id)
    opened_by_other = exists().where(_MESSAGE.c.id == message_id, _MESSAGE.c.call != call)
    joined_by_other = exists().where(joined, of_call != call)
    return bool(connection.scalar(select(or_(opened_by_other, joined_by_other))))
