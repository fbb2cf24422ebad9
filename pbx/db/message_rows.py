"""The rows of messages. The only module that writes `message`.

Each function runs within a transaction that its caller began, and decides nothing: what may happen
to a message in its state is asked before, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    bindparam,
    case,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)

from pbx.db.message_events import joined_by
from pbx.db.statements import insert, table_of
from pbx.db.tables import Attempt, Message
from routing.follow_up import RINGING, STATES, FollowUpStage

OPEN_STATES = tuple(state for state in STATES if state != "closed")

_MESSAGE, _ATTEMPT = table_of(Message), table_of(Attempt)
_OF_ID = _MESSAGE.c.id == bindparam("of_id")
_WAITS = _MESSAGE.c.state.in_(RINGING)  # nobody has taken it up yet


def _open() -> Any:
    """Given twice, a message stays one: what is known later is added.

    Urgent never becomes routine; one that becomes urgent is due at once.
    """
    put = insert(_MESSAGE)
    kept, new = _MESSAGE.c, put.excluded
    becomes_urgent = (
        (kept.state != "closed") & (kept.urgency != "urgent") & (new.urgency == "urgent")
    )
    return put.on_conflict_do_update(
        index_elements=["id"],
        set_={
            "due_at": case((becomes_urgent, new.due_at), else_=kept.due_at),
            "urgency": case((new.urgency == "urgent", "urgent"), else_=kept.urgency),
            "callback_number": func.coalesce(new.callback_number, kept.callback_number),
            "recording": func.coalesce(kept.recording, new.recording),
        },
    )


_OPEN = _open()
_GET = select(_MESSAGE).where(_OF_ID)


def put_message(connection: Connection, row: dict[str, Any]) -> None:
    """Insert a message, or fill in columns that were unknown before."""
    connection.execute(_OPEN, {**row, "state": "open", "flags": [], "stage": 0})


def stored_message(connection: Connection, message_id: str) -> Message | None:
    """Return a message as this transaction sees it, or None if there is none with this id."""
    row = connection.execute(_GET, {"of_id": message_id}).mappings().first()
    return None if row is None else Message(**row)


def change_message(connection: Connection, message_id: str, **values: Any) -> None:
    """Set columns of one message."""
    connection.execute(update(_MESSAGE).where(_OF_ID).values(**values), {"of_id": message_id})


def set_due_at(
    connection: Connection, message_id: str, state: str, due_at: datetime | None
) -> None:
    """Set a message's timer, unless its state has changed."""
    meant = (_MESSAGE.c.id == message_id, _MESSAGE.c.state == state)
    connection.execute(update(_MESSAGE).where(*meant).values(due_at=due_at))


def release_message(connection: Connection, message_id: str, at: datetime) -> None:
    """Move the timer of a waiting message forward to this time."""
    meant = (_MESSAGE.c.id == message_id, _WAITS, _MESSAGE.c.due_at > at)
    connection.execute(update(_MESSAGE).where(*meant).values(due_at=at))


def release_orphaned(
    connection: Connection, live: Iterable[str], at: datetime, soon: datetime
) -> None:
    """Release the urgent messages of which no call is live, and about which nobody was called.

    What is due before `soon` is left alone.
    """
    calls = sorted(live)
    joined, of_call = joined_by(_MESSAGE.c.id)
    since = func.coalesce(_MESSAGE.c.reopened_at, _MESSAGE.c.opened_at)
    orphaned = (
        _MESSAGE.c.urgency == "urgent",
        _WAITS,
        _MESSAGE.c.due_at > soon,
        _MESSAGE.c.call.not_in(calls),
        ~exists().where(joined, of_call.in_(calls)).correlate(_MESSAGE),
        ~exists()
        .where(_ATTEMPT.c.message == _MESSAGE.c.id, _ATTEMPT.c.started_at >= since)
        .correlate(_MESSAGE),
    )
    connection.execute(update(_MESSAGE).where(*orphaned).values(due_at=at))


def climb_stage(connection: Connection, attempt_id: int, at: datetime) -> None:
    """Let the next stage be due at once, if the stage of an attempt came to nothing.

    That is if none of those who were called together could be reached, and no call goes on.
    """
    this, other = _ATTEMPT.alias("this"), _ATTEMPT.alias("other")
    reached = (other.c.started_at == this.c.started_at) & (other.c.result != "unreachable")
    goes_on = exists().where(
        this.c.id == attempt_id,
        other.c.message == this.c.message,
        or_(other.c.result.is_(None), reached),
    )
    ended = (_ATTEMPT.c.message == _MESSAGE.c.id) & (_ATTEMPT.c.stage == _MESSAGE.c.stage)
    to_next_stage = (
        exists().where(_ATTEMPT.c.id == attempt_id, ended).correlate(_MESSAGE),
        _WAITS,
        _MESSAGE.c.stage < int(FollowUpStage.EVERYONE),
        ~goes_on,
    )
    connection.execute(
        update(_MESSAGE).where(*to_next_stage).values(stage=_MESSAGE.c.stage + 1, due_at=at)
    )


def resume_timers(connection: Connection, at: datetime) -> None:
    """At the start of the daemon: make messages with interrupted calls or without a timer due."""
    cut_off = select(_ATTEMPT.c.message).where(_ATTEMPT.c.result.is_(None))
    connection.execute(update(_MESSAGE).where(_MESSAGE.c.id.in_(cut_off), _WAITS).values(due_at=at))
    # no message may be without a timer: one check too many is better than none
    timerless = (_MESSAGE.c.state.in_(OPEN_STATES), _MESSAGE.c.due_at.is_(None))
    connection.execute(update(_MESSAGE).where(*timerless).values(due_at=at))


def remind_by(connection: Connection, opening: datetime) -> None:
    """Move reminders that are later than the office's next opening back to it."""
    timed = (_MESSAGE.c.urgency == "urgent") & _MESSAGE.c.state.in_((*RINGING, "acknowledged"))
    meant = (_MESSAGE.c.due_at > opening, ~timed)
    connection.execute(update(_MESSAGE).where(*meant).values(due_at=opening))


def stored_messages(connection: Connection, *meant: ColumnElement[bool]) -> list[Message]:
    """Return messages as this transaction sees them."""
    rows = connection.execute(select(_MESSAGE).where(*meant)).mappings()
    return [Message(**row) for row in rows]


def remove_messages(connection: Connection, message_ids: Collection[str]) -> None:
    """Delete messages whose histories and attempts were already deleted."""
    connection.execute(delete(_MESSAGE).where(_MESSAGE.c.id.in_(message_ids)))
