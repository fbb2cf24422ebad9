"""Messages, each stored durably before anybody is dialed. All functions wait for the disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, Engine, Select, bindparam, exists, select
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col

from pbx.base.errors import OfficeLineError
from pbx.db import message_rows
from pbx.db.database import StoreError, file_of, reading, writing
from pbx.db.message_events import JOINED, OPENED, is_shared, joined_by, note_event
from pbx.db.message_rows import OPEN_STATES
from pbx.db.statements import hidden, table_of
from pbx.db.tables import Message, MessageEvent
from routing.follow_up import AFTER, JOINABLE, RINGING, State

SPOKEN = "spoke while the patient was on the line"  # disposition of messages that need no callback
AGAIN = "-2"  # suffix of the id of a call's second message, after the first was settled

_MESSAGE = table_of(Message)
_OF_NUMBER = _MESSAGE.c.callback_number == bindparam("callback_number")


def _joined_before() -> Select[Any]:
    joined, of_call = joined_by(_MESSAGE.c.id)
    of_this_call = exists().where(joined, of_call == bindparam("call"))
    waits = _MESSAGE.c.state.in_(RINGING)
    return select(_MESSAGE.c.id).where(_OF_NUMBER, waits, of_this_call).limit(1)


_JOINED_BEFORE = _joined_before()
# A number has few messages, but very many were urgent.
_JOINABLE = (
    select(_MESSAGE.c.id, _MESSAGE.c.state)
    .where(_OF_NUMBER, hidden(_MESSAGE.c.urgency) == "urgent", _MESSAGE.c.state.in_(JOINABLE))
    .order_by(_MESSAGE.c.opened_at)
    .limit(1)
)
_STATE = select(_MESSAGE.c.state).where(_MESSAGE.c.id == bindparam("id"))


class NotDurableError(OfficeLineError, OSError):
    """A message could not be brought to the disk; an OSError, because that is what failed."""


@dataclass(frozen=True)
class MessageRow:
    """A message as it stands; `recording` is a path below the home, times are in UTC."""

    id: str
    call: str
    opened_at: datetime
    state: str
    urgency: str
    callback_number: str | None
    recording: str | None
    flags: tuple[str, ...]
    owner: str | None = None
    due_at: datetime | None = None
    breached_at: datetime | None = None
    delivered_by: str | None = None
    delivered_at: datetime | None = None
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None
    called_back_by: str | None = None
    called_back_at: datetime | None = None
    closed_by: str | None = None
    closed_at: datetime | None = None
    disposition: str | None = None
    escalation: str | None = None


@dataclass(frozen=True)
class MessageEventRow:
    """One event of a message."""

    at: datetime
    what: str
    person: str | None
    detail: dict[str, Any]


def open_message(
    engine: Engine,
    *,
    message_id: str,
    call: str,
    at: datetime,
    urgency: str,
    callback_number: str | None,
    recording: str | None,
    escalation: str | None = None,
    owner: str | None = None,
    due_at: datetime | None = None,
) -> str:
    """Write a message and return its id when the disk has it; NotDurableError if it has not.

    While an urgent message of the same callback number waits for its call back, this call joins it,
    and its id is returned. What a call says after its message was settled is a message of its own.
    The escalator looks at a message from `due_at` on (None: at once).
    """
    row = {
        "id": message_id,
        "call": call,
        "opened_at": at,
        "urgency": urgency,
        "callback_number": callback_number,
        "recording": recording,
        "escalation": escalation,
        "owner": owner,
        "due_at": due_at or at,
    }
    try:
        with writing(engine, durable=True) as connection:
            return _opened_or_joined(connection, row, at)
    except (StoreError, SQLAlchemyError) as error:
        raise NotDurableError(_sentence(engine)) from error


def _opened_or_joined(connection: Connection, row: dict[str, Any], at: datetime) -> str:
    while (state := _state(connection, row["id"])) not in {None, *JOINABLE}:
        row = {**row, "id": f"{row['id']}{AGAIN}"}
    message = str(row["id"])
    if state is None and (other := _join(connection, row, at)) is not None:
        return other
    message_rows.put_message(connection, row)
    if state is None:
        detail = {"call": row["call"], "urgency": row["urgency"]}
        note_event(connection, message, at, OPENED, detail=detail)
    return message


def _state(connection: Connection, message_id: str) -> str | None:
    return connection.scalar(_STATE, {"id": message_id})


def _join(connection: Connection, row: dict[str, Any], at: datetime) -> str | None:
    """Let a call join the urgent message of its patient, if there is one.

    Joined before, it is in the message as long as that waits to be heard: who settled it since then
    cannot have heard what this call says now.
    """
    if (known := connection.scalar(_JOINED_BEFORE, row)) is not None:
        return str(known)
    found = connection.execute(_JOINABLE, row).first()
    if found is None:
        return None
    _joined(connection, str(found.id), found.state, row, at)
    return str(found.id)


def _joined(
    connection: Connection, message: str, state: State, row: Mapping[str, Any], at: datetime
) -> None:
    """Add a call's recording to a message, and reopen it if nobody has called back yet."""
    if state in JOINABLE:
        message_rows.change_message(connection, message, state=AFTER[state, "joined"])
        if state not in RINGING:  # the person who acknowledged it has not heard the new part
            anew = {"reopened_at": at, "due_at": row["due_at"], "stage": 0}
            message_rows.change_message(connection, message, **anew)
    detail = {key: row[key] for key in ("call", "urgency", "recording")}
    note_event(connection, message, at, JOINED, detail=detail)


def calls_in(engine: Engine, message: MessageRow) -> set[str]:
    """Return the ids of the calls in a message."""
    return {call for call, _ in message_parts(engine, message)}


def shared(engine: Engine, message_id: str, call: str) -> bool:
    """Return whether the message also contains another call, perhaps of another patient."""
    with reading(engine) as session:
        return is_shared(session.connection(), message_id, call)


def add_recording(engine: Engine, message_id: str, call: str, recording: str, at: datetime) -> None:
    """Add durably what a call of a message said besides; unknown ids are ignored."""
    row = {"call": call, "urgency": "urgent", "recording": recording, "due_at": at}
    with writing(engine, durable=True) as connection:
        state = _state(connection, message_id)
        if state is not None:
            _joined(connection, message_id, cast("State", state), row, at)


def attach_recording(engine: Engine, message_id: str, recording: str) -> None:
    """Store durably the path of a recording, relative to the home; unknown ids are ignored."""
    try:
        with writing(engine, durable=True) as connection:
            message_rows.change_message(connection, message_id, recording=recording)
    except (StoreError, SQLAlchemyError) as error:
        raise NotDurableError(_sentence(engine)) from error


def flag(engine: Engine, message_id: str, flags: Sequence[str], at: datetime) -> None:
    """Flag a message with its problems durably, each only once; unknown ids are ignored."""
    with writing(engine, durable=True) as connection:
        message = message_rows.stored_message(connection, message_id)
        if message is None:
            return
        new = [one for one in flags if one not in message.flags]
        message_rows.change_message(connection, message_id, flags=message.flags + new)
        for one in new:
            note_event(connection, message_id, at, "flagged", detail={"flag": one})


def get_message(engine: Engine, message_id: str) -> MessageRow | None:
    """Return one message, or None if there is none with this id."""
    with reading(engine) as session:
        found = session.get(Message, message_id)
        return None if found is None else row_of(found)


def list_open(engine: Engine) -> list[MessageRow]:
    """Return all messages that are not closed, oldest first."""
    wanted = select(Message).where(col(Message.state).in_(OPEN_STATES))
    with reading(engine) as session:
        found = session.scalars(wanted.order_by(col(Message.opened_at), col(Message.id)))
        return [row_of(message) for message in found]


def message_history(engine: Engine, message_id: str) -> list[MessageEventRow]:
    """Return the events of a message, in order."""
    wanted = select(MessageEvent).where(col(MessageEvent.message) == message_id)
    with reading(engine) as session:
        found = session.scalars(wanted.order_by(col(MessageEvent.id)))
        return [MessageEventRow(one.at, one.what, one.person, one.detail) for one in found]


def recordings(engine: Engine, message_id: str) -> list[str]:
    """List a message's recordings below the home, in their order: its own, then of those joined."""
    message = get_message(engine, message_id)
    found = [] if message is None else message_parts(engine, message)
    return list(dict.fromkeys(place for _, place in found if place))  # a call may join twice


def message_parts(engine: Engine, message: MessageRow) -> list[tuple[str, str | None]]:
    """List the calls of a message with their recordings: its own, then each that joined, again."""
    joined = [one.detail for one in message_history(engine, message.id) if one.what == JOINED]
    own = (message.call, message.recording)
    return [own, *((one["call"], one.get("recording")) for one in joined)]


def row_of(message: Message) -> MessageRow:
    """Copy a table's row, so that it outlives its session."""
    found = {name: getattr(message, name) for name in MessageRow.__dataclass_fields__}
    return MessageRow(**{**found, "flags": tuple(message.flags)})


def _sentence(engine: Engine) -> str:
    return (
        f"A message could not be written to {file_of(engine)}; "
        "make sure that the disk has space and that no other program uses the database."
    )
