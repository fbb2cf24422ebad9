"""Find calls and messages past their retention time, and delete them in small transactions.

Open messages and their calls are never deleted, nor is anything under a retention hold. Each
transaction checks again, so that anything put on hold in the meantime is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Engine,
    FromClause,
    Select,
    Table,
    and_,
    bindparam,
    exists,
    func,
    select,
    union,
    union_all,
)

from pbx.db import call_rows, follow_ups, message_events, message_rows, outbound
from pbx.db.database import reading, writing
from pbx.db.message_events import note_event
from pbx.db.outbound_tables import OutboundCall
from pbx.db.statements import table_of
from pbx.db.tables import Call, Message, MessageEvent, UtcTime
from pbx.db.trust_tables import HoldRow

BATCH = 200  # calls or messages per transaction; small, so that other writers do not wait long
DELETED = "recordings deleted"  # in a message's history
DICTATED = "dictated: "  # prefix of a note whose text is the path of a recording

_CALL, _MESSAGE, _EVENT = table_of(Call), table_of(Message), table_of(MessageEvent)
_PLACED, _HOLD = table_of(OutboundCall), table_of(HoldRow)
_AT, _BEGAN = bindparam("at", type_=UtcTime), bindparam("began", type_=UtcTime)
_NAMED = select(_HOLD.c.target).where(_HOLD.c.lifted_at.is_(None))


def _is_old(message: FromClause) -> ColumnElement[bool]:
    """Match messages that may be deleted: closed before the time, and not on hold with any call."""
    call = _CALL.alias("held")
    held_calls = select(call.c.message).where(call.c.message.is_not(None), call.c.id.in_(_NAMED))
    return and_(
        message.c.state == "closed",
        message.c.closed_at < _AT,
        message.c.id.not_in(_NAMED),
        message.c.call.not_in(_NAMED),
        message.c.id.not_in(held_calls),
    )


def _stays(of: ColumnElement[Any], value: ColumnElement[Any]) -> ColumnElement[bool]:
    """Match values for which there is a message that has to be kept."""
    return exists().where(of == value, ~_is_old(_MESSAGE)).correlate(value.table)


# Calls that may be deleted: began before the time, over, not on hold, no message to be kept.
_OLD_CALL = and_(
    _CALL.c.started_at < _BEGAN,
    _CALL.c.outcome.is_not(None),
    _CALL.c.id.not_in(_NAMED),
    ~_stays(_MESSAGE.c.id, _CALL.c.message),
    ~_stays(_MESSAGE.c.call, _CALL.c.id),
)
# Calls to patients that may be deleted: over, not on hold, of no message that has to be kept.
_OLD_PLACED = and_(
    _PLACED.c.asked_at < _BEGAN,
    _PLACED.c.result.is_not(None),
    func.coalesce(_PLACED.c.call, "").not_in(_NAMED),
    func.coalesce(_PLACED.c.message, "").not_in(_NAMED),
    ~_stays(_MESSAGE.c.id, _PLACED.c.message),
)
_OLD_MESSAGES = select(_MESSAGE.c.id).where(_is_old(_MESSAGE)).order_by(_MESSAGE.c.id)
_OLD_CALLS = select(_CALL.c.id).where(_OLD_CALL).order_by(_CALL.c.id)
_OLD_PLACES = select(_PLACED.c.id).where(_OLD_PLACED).order_by(_PLACED.c.id)
_KEPT_CALLS = union(select(_CALL.c.id).where(_CALL.c.started_at < _BEGAN, ~_OLD_CALL), _NAMED)


def _recordings() -> CompoundSelect[Any]:
    heard = _EVENT.c.detail["recording"].as_string()
    words = _EVENT.c.detail["text"].as_string()
    return union_all(
        select(_MESSAGE.c.id, _MESSAGE.c.recording).where(_MESSAGE.c.recording.is_not(None)),
        select(_EVENT.c.message, heard).where(heard.is_not(None)),
        select(_EVENT.c.message, func.substr(words, len(DICTATED) + 1)).where(
            words.like(f"{DICTATED}%")
        ),
    )


_RECORDINGS = _recordings()


def old_messages(engine: Engine, at: datetime) -> list[str]:
    """Return the ids of messages that were closed before `at` and may be deleted."""
    with reading(engine) as session:
        return list(session.scalars(_OLD_MESSAGES, {"at": at}))


def old_calls(engine: Engine, began: datetime, at: datetime) -> list[str]:
    """Return the ids of calls to delete: started before `began`, messages closed before `at`."""
    with reading(engine) as session:
        return list(session.scalars(_OLD_CALLS, {"began": began, "at": at}))


def old_placed(engine: Engine, began: datetime, at: datetime) -> list[int]:
    """Return the ids of calls to patients to delete, by the same rule as `old_calls`."""
    with reading(engine) as session:
        return list(session.scalars(_OLD_PLACES, {"began": began, "at": at}))


def kept_calls(engine: Engine, began: datetime, at: datetime) -> set[str]:
    """Return the ids of calls to keep although they started before `began`, and all held ids."""
    with reading(engine) as session:
        return set(session.scalars(_KEPT_CALLS, {"began": began, "at": at}))


def message_recordings(engine: Engine) -> dict[str, list[str]]:
    """Return the paths of recordings and dictated notes, relative to the home, by message id."""
    found: dict[str, list[str]] = {}
    with reading(engine) as session:
        for message, path in session.execute(_RECORDINGS):
            found.setdefault(message, []).append(path)
    return found


def held(engine: Engine) -> set[str]:
    """Return the ids that are under a retention hold."""
    with reading(engine) as session:
        return set(session.scalars(_NAMED))


def note_recordings_gone(
    engine: Engine, ids: Sequence[str], at: datetime, now: datetime
) -> list[str]:
    """Record that recordings will be deleted; return the messages for which that is still due."""
    with writing(engine, durable=True) as connection:
        still = _still(connection, _OLD_MESSAGES, _MESSAGE, ids, {"at": at})
        for message in still:
            note_event(connection, message, now, DELETED)
    return still


def delete_messages(engine: Engine, ids: Sequence[str], at: datetime) -> int:
    """Delete those messages that may still be deleted, with their histories; return how many."""
    with writing(engine) as connection:
        still = _still(connection, _OLD_MESSAGES, _MESSAGE, ids, {"at": at})
        message_events.remove_events(connection, still)
        follow_ups.remove_attempts(connection, still)
        message_rows.remove_messages(connection, still)
    return len(still)


def delete_calls(engine: Engine, ids: Sequence[str], began: datetime, at: datetime) -> int:
    """Delete those calls that may still be deleted, with all their parts; return how many."""
    with writing(engine) as connection:
        times = {"began": began, "at": at}
        return call_rows.remove_calls(connection, _still(connection, _OLD_CALLS, _CALL, ids, times))


def delete_placed(engine: Engine, ids: Sequence[int], began: datetime, at: datetime) -> int:
    """Delete those calls to patients that may still be deleted; return how many."""
    with writing(engine) as connection:
        times = {"began": began, "at": at}
        return outbound.remove_outbound(
            connection, _still(connection, _OLD_PLACES, _PLACED, ids, times)
        )


def _still(
    connection: Connection, old: Select[Any], of: Table, ids: Sequence[Any], times: dict[str, Any]
) -> list[Any]:
    """Return those of the ids that may still be deleted."""
    return list(connection.scalars(old.where(of.c.id.in_(ids)), times))
