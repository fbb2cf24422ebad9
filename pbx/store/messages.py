"""Messages: each is on the disk before anybody is dialled. All functions block for the disk."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, select

from pbx.errors import OfficeLineError
from pbx.store.database import file_of, reading, writing
from pbx.store.tables import Message, utc_text

OPEN_STATES = ("open", "delivered", "acknowledged", "called back")

# Told twice, a message stays one; what is known later is added, and urgent never becomes routine.
_OPEN = text("""
    INSERT INTO message (id, call, opened_at, state, urgency, callback_number, recording, flags)
    VALUES (:id, :call, :opened_at, 'open', :urgency, :callback_number, :recording, :flags)
    ON CONFLICT (id) DO UPDATE SET
        urgency = CASE WHEN excluded.urgency = 'urgent' THEN 'urgent' ELSE message.urgency END,
        callback_number = coalesce(message.callback_number, excluded.callback_number),
        recording = coalesce(message.recording, excluded.recording)
""")
_ATTACH = text("UPDATE message SET recording = :recording WHERE id = :id")


class NotDurableError(OfficeLineError, OSError):
    """A message could not be brought to the disk; an OSError, because that is what failed."""


@dataclass(frozen=True)
class MessageRow:
    """A message as it stands; `recording` is a path below the home, `opened_at` is in UTC."""

    id: str
    call: str
    opened_at: datetime
    state: str
    urgency: str
    callback_number: str | None
    recording: str | None
    flags: tuple[str, ...]


def open_message(
    engine: Engine,
    *,
    message_id: str,
    call: str,
    at: datetime,
    urgency: str,
    callback_number: str | None,
    recording: str | None,
) -> None:
    """Write a message and return when the disk has it; NotDurableError if it has not."""
    row = {
        "id": message_id,
        "call": call,
        "opened_at": utc_text(at),
        "urgency": urgency,
        "callback_number": callback_number,
        "recording": recording,
        "flags": json.dumps([]),
    }
    try:
        with writing(engine, durable=True) as connection:
            connection.execute(_OPEN, row)
    except SQLAlchemyError as error:
        raise NotDurableError(_sentence(engine)) from error


def attach_recording(engine: Engine, message_id: str, recording: str) -> None:
    """Say durably where a message's recording is, below the home; unknown ids are ignored."""
    try:
        with writing(engine, durable=True) as connection:
            connection.execute(_ATTACH, {"id": message_id, "recording": recording})
    except SQLAlchemyError as error:
        raise NotDurableError(_sentence(engine)) from error


def get(engine: Engine, message_id: str) -> MessageRow | None:
    """Read one message; None if there is none of this id."""
    with reading(engine) as session:
        found = session.get(Message, message_id)
        return None if found is None else row_of(found)


def list_open(engine: Engine) -> list[MessageRow]:
    """Read every message that is not closed yet, the oldest first."""
    wanted = select(Message).where(col(Message.state).in_(OPEN_STATES))
    with reading(engine) as session:
        found = session.exec(wanted.order_by(col(Message.opened_at), col(Message.id)))
        return [row_of(message) for message in found]


def row_of(message: Message) -> MessageRow:
    """Copy a table's row, so that it outlives its session."""
    return MessageRow(
        id=message.id,
        call=message.call,
        opened_at=message.opened_at,
        state=message.state,
        urgency=message.urgency,
        callback_number=message.callback_number,
        recording=message.recording,
        flags=tuple(message.flags),
    )


def _sentence(engine: Engine) -> str:
    return (
        f"A message could not be written to {file_of(engine)}; "
        "make sure that the disk has room and that nothing else holds the database."
    )
