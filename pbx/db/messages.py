"""Messages: each is on the disk before anybody is dialed. All functions block for the disk."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, Engine, bindparam, text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, select

from pbx.base.errors import OfficeLineError
from pbx.db.database import file_of, reading, writing
from pbx.db.tables import Message, MessageEvent, utc_text
from routing.follow_up import AFTER, JOINABLE, RINGING, STATES, State

SPOKEN = "spoke while the patient was on the line"  # the disposition of what needs no call back
OPEN_STATES = tuple(state for state in STATES if state != "closed")
OPENED, JOINED = "opened", "joined"
AGAIN = "-2"  # ends the id of a call's further message, where its first one is settled

# Told twice, a message stays one; what is known later is added, and urgent never becomes routine.
# One that becomes urgent is due at once.
_OPEN = text("""
    INSERT INTO message (id, call, opened_at, state, urgency, callback_number, recording, flags,
                         escalation, owner, due_at)
    VALUES (:id, :call, :opened_at, 'open', :urgency, :callback_number, :recording, :flags,
            :escalation, :owner, :due_at)
    ON CONFLICT (id) DO UPDATE SET
        due_at = CASE WHEN message.state <> 'closed' AND message.urgency <> 'urgent'
                      AND excluded.urgency = 'urgent' THEN excluded.due_at ELSE message.due_at END,
        urgency = CASE WHEN excluded.urgency = 'urgent' THEN 'urgent' ELSE message.urgency END,
        callback_number = coalesce(excluded.callback_number, message.callback_number),
        recording = coalesce(message.recording, excluded.recording)
""")
_JOINED_ALREADY = text("""
    SELECT message.id FROM message JOIN message_event ON message_event.message = message.id
    WHERE message.callback_number = :callback_number AND what = 'joined' AND state IN :states
      AND json_extract(detail, '$.call') = :call
    LIMIT 1
""").bindparams(bindparam("states", expanding=True))
# Few are open, whatever was logged; SQLite itself would rather look through all that were urgent.
_JOINABLE = text("""
    SELECT id, state FROM message INDEXED BY message_by_state
    WHERE callback_number = :callback_number AND urgency = 'urgent' AND state IN :states
    ORDER BY opened_at LIMIT 1
""").bindparams(bindparam("states", expanding=True))
_JOIN = text("UPDATE message SET state = :state WHERE id = :id")
_FOLLOW_UP_ANEW = text(
    "UPDATE message SET reopened_at = :at, due_at = :due_at, stage = 0 WHERE id = :id"
)
_NOTE = text(
    "INSERT INTO message_event (message, at, what, person, detail) "
    "VALUES (:message, :at, :what, :person, :detail)"
)
_SHARED = text("""
    SELECT EXISTS (SELECT 1 FROM message WHERE id = :id AND call <> :call)
        OR EXISTS (SELECT 1 FROM message_event WHERE message = :id AND what = 'joined'
                   AND json_extract(detail, '$.call') <> :call)
""")
_JOINS = text("SELECT count(*) FROM message_event WHERE message = :id AND what = 'joined'")
_STATE = text("SELECT state FROM message WHERE id = :id")
_FLAGS = text("SELECT flags FROM message WHERE id = :id")
_FLAG = text("UPDATE message SET flags = :flags WHERE id = :id")
_ATTACH = text("UPDATE message SET recording = :recording WHERE id = :id")


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
    """What happened to a message once."""

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
        "opened_at": utc_text(at),
        "urgency": urgency,
        "callback_number": callback_number,
        "recording": recording,
        "flags": json.dumps([]),
        "escalation": escalation,
        "owner": owner,
        "due_at": utc_text(due_at or at),
    }
    try:
        with writing(engine, durable=True) as connection:
            return _opened_or_joined(connection, row, at)
    except SQLAlchemyError as error:
        raise NotDurableError(_sentence(engine)) from error


def _opened_or_joined(connection: Connection, row: dict[str, Any], at: datetime) -> str:
    while (state := connection.execute(_STATE, row).scalar()) not in {None, *JOINABLE}:
        row = {**row, "id": f"{row['id']}{AGAIN}"}
    message = str(row["id"])
    if state is None and (other := _join(connection, row, at)) is not None:
        return other
    connection.execute(_OPEN, row)
    if state is None:
        detail = {"call": row["call"], "urgency": row["urgency"]}
        note_event(connection, message, at, OPENED, detail=detail)
    return message


def _join(connection: Connection, row: dict[str, Any], at: datetime) -> str | None:
    """Let a call join the urgent message of its patient, if there is one.

    Joined before, it is in the message as long as that waits to be heard: who settled it since then
    cannot have heard what this call says now.
    """
    joined = connection.execute(_JOINED_ALREADY, {**row, "states": RINGING}).scalar()
    if joined is not None:
        return str(joined)
    found = connection.execute(_JOINABLE, {**row, "states": JOINABLE}).first()
    if found is None:
        return None
    _joined(connection, str(found.id), found.state, row, at)
    return str(found.id)


def _joined(
    connection: Connection, message: str, state: State, row: Mapping[str, Any], at: datetime
) -> None:
    """Add a call's words to a message: it is open again, as long as nobody called back."""
    if state in JOINABLE:
        connection.execute(_JOIN, {"id": message, "state": AFTER[state, "joined"]})
        if state not in RINGING:  # who acknowledged it has not heard what is new
            anew = {"id": message, "at": utc_text(at), "due_at": row["due_at"]}
            connection.execute(_FOLLOW_UP_ANEW, anew)
    detail = {key: row[key] for key in ("call", "urgency", "recording")}
    note_event(connection, message, at, JOINED, detail=detail)


def is_shared(connection: Connection, message_id: str, call: str) -> bool:
    """Tell whether a message is the matter of any other call, too: perhaps of another patient."""
    return bool(connection.execute(_SHARED, {"id": message_id, "call": call}).scalar())


def calls_in(engine: Engine, message: MessageRow) -> set[str]:
    """Name the calls that are in a message."""
    return {call for call, _ in message_parts(engine, message)}


def joins(connection: Connection, message_id: str) -> int:
    """Count how often a call joined a message."""
    return int(connection.execute(_JOINS, {"id": message_id}).scalar_one())


def shared(engine: Engine, message_id: str, call: str) -> bool:
    """Tell the same of a message outside of a transaction."""
    with engine.connect() as connection:
        return is_shared(connection, message_id, call)


def note_event(
    connection: Connection,
    message_id: str,
    at: datetime,
    what: str,
    person: str | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    """Add to a message's history, within a transaction."""
    row = {"message": message_id, "at": utc_text(at), "what": what, "person": person}
    connection.execute(_NOTE, {**row, "detail": json.dumps(detail or {})})


def add_recording(engine: Engine, message_id: str, call: str, recording: str, at: datetime) -> None:
    """Add durably what a call of a message said besides; unknown ids are ignored."""
    row = {"call": call, "urgency": "urgent", "recording": recording, "due_at": utc_text(at)}
    with writing(engine, durable=True) as connection:
        state = connection.execute(_STATE, {"id": message_id}).scalar()
        if state is not None:
            _joined(connection, message_id, cast("State", state), row, at)


def attach_recording(engine: Engine, message_id: str, recording: str) -> None:
    """Say durably where a message's recording is, below the home; unknown ids are ignored."""
    try:
        with writing(engine, durable=True) as connection:
            connection.execute(_ATTACH, {"id": message_id, "recording": recording})
    except SQLAlchemyError as error:
        raise NotDurableError(_sentence(engine)) from error


def flag(engine: Engine, message_id: str, flags: Sequence[str], at: datetime) -> None:
    """Mark a message with what is wrong with it, each once, durably; unknown ids are ignored."""
    with writing(engine, durable=True) as connection:
        held = connection.execute(_FLAGS, {"id": message_id}).scalar()
        if held is None:
            return
        known = json.loads(held)
        new = [one for one in flags if one not in known]
        connection.execute(_FLAG, {"id": message_id, "flags": json.dumps(known + new)})
        for one in new:
            note_event(connection, message_id, at, "flagged", detail={"flag": one})


def get_message(engine: Engine, message_id: str) -> MessageRow | None:
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


def message_history(engine: Engine, message_id: str) -> list[MessageEventRow]:
    """Read what happened to a message, in its order."""
    wanted = select(MessageEvent).where(MessageEvent.message == message_id)
    with reading(engine) as session:
        found = session.exec(wanted.order_by(col(MessageEvent.id)))
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
        "make sure that the disk has room and that nothing else holds the database."
    )
