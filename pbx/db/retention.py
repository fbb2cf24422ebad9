"""What is older than it must be kept: found, and deleted in small transactions.

An open message is never old, nor is its call; nor is what a hold names, with all that belongs to
it. Each transaction asks again, so that what was put on hold meanwhile stays.
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

BATCH = 200  # calls or messages of one transaction: nobody who writes waits for long
DELETED = "recordings deleted"  # in a message's history
DICTATED = "dictated: "  # how a note begins whose words are a recording

_CALL, _MESSAGE, _EVENT = table_of(Call), table_of(Message), table_of(MessageEvent)
_PLACED, _HOLD = table_of(OutboundCall), table_of(HoldRow)
_AT, _BEGAN = bindparam("at", type_=UtcTime), bindparam("began", type_=UtcTime)
_NAMED = select(_HOLD.c.target).where(_HOLD.c.lifted_at.is_(None))


def _is_old(message: FromClause) -> ColumnElement[bool]:
    """Say that a message may go: closed before the time, and neither it nor a call of it held."""
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
    """Say that there is a message whose column has this value, and which may not go."""
    return exists().where(of == value, ~_is_old(_MESSAGE)).correlate(value.table)


# A call that may go: it ended before the time, is not held, and has no message but such.
_OLD_CALL = and_(
    _CALL.c.started_at < _BEGAN,
    _CALL.c.outcome.is_not(None),
    _CALL.c.id.not_in(_NAMED),
    ~_stays(_MESSAGE.c.id, _CALL.c.message),
    ~_stays(_MESSAGE.c.call, _CALL.c.id),
)
# A call to a patient that may go: it is over, not held, and belongs to no message that stays.
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
    """List the messages that were closed before an instant and may go."""
    with reading(engine) as session:
        return list(session.scalars(_OLD_MESSAGES, {"at": at}))


def old_calls(engine: Engine, began: datetime, at: datetime) -> list[str]:
    """List the calls that began before an instant, and whose messages were closed before `at`."""
    with reading(engine) as session:
        return list(session.scalars(_OLD_CALLS, {"began": began, "at": at}))


def old_placed(engine: Engine, began: datetime, at: datetime) -> list[int]:
    """List the calls to patients that were asked for before an instant, as `old_calls` does."""
    with reading(engine) as session:
        return list(session.scalars(_OLD_PLACES, {"began": began, "at": at}))


def kept_calls(engine: Engine, began: datetime, at: datetime) -> set[str]:
    """Name the calls that began before an instant, too, and stay."""
    with reading(engine) as session:
        return set(session.scalars(_KEPT_CALLS, {"began": began, "at": at}))


def message_recordings(engine: Engine) -> dict[str, list[str]]:
    """Map messages to their recordings and dictated notes, as paths below the home."""
    found: dict[str, list[str]] = {}
    with reading(engine) as session:
        for message, path in session.execute(_RECORDINGS):
            found.setdefault(message, []).append(path)
    return found


def held(engine: Engine) -> set[str]:
    """Name what holds name."""
    with reading(engine) as session:
        return set(session.scalars(_NAMED))


def note_recordings_gone(
    engine: Engine, ids: Sequence[str], at: datetime, now: datetime
) -> list[str]:
    """Note with messages that their recordings go; return those whose may still go."""
    with writing(engine, durable=True) as connection:
        still = _still(connection, _OLD_MESSAGES, _MESSAGE, ids, {"at": at})
        for message in still:
            note_event(connection, message, now, DELETED)
    return still


def delete_messages(engine: Engine, ids: Sequence[str], at: datetime) -> int:
    """Delete messages with their histories, where they may still go; return how many."""
    with writing(engine) as connection:
        still = _still(connection, _OLD_MESSAGES, _MESSAGE, ids, {"at": at})
        message_events.remove_events(connection, still)
        follow_ups.remove_attempts(connection, still)
        message_rows.remove_messages(connection, still)
    return len(still)


def delete_calls(engine: Engine, ids: Sequence[str], began: datetime, at: datetime) -> int:
    """Delete calls with their legs, decisions and events, where they may still go."""
    with writing(engine) as connection:
        times = {"began": began, "at": at}
        return call_rows.remove_calls(connection, _still(connection, _OLD_CALLS, _CALL, ids, times))


def delete_placed(engine: Engine, ids: Sequence[int], began: datetime, at: datetime) -> int:
    """Delete calls to patients, where they may still go; return how many."""
    with writing(engine) as connection:
        times = {"began": began, "at": at}
        return outbound.remove_outbound(
            connection, _still(connection, _OLD_PLACES, _PLACED, ids, times)
        )


def _still(
    connection: Connection, old: Select[Any], of: Table, ids: Sequence[Any], times: dict[str, Any]
) -> list[Any]:
    """Name those of these ids that may still go."""
    return list(connection.scalars(old.where(of.c.id.in_(ids)), times))
