"""Timers after the machine's clock was wrong: each runs out when its time has really passed.

A clock that is set back while we run is seen as that, and timers go back with it. Of one that was
ahead and is right again at the next start nothing is known but what it wrote: a timer that lies
further off than the plan ever sets one is brought back to where the plan would set it now.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, or_

from pbx.db import message_rows, outbound, pins, shifts
from pbx.db.database import writing
from pbx.db.message_progress import view_of
from pbx.db.statements import table_of
from pbx.db.tables import Message
from routing.follow_up import RINGING, call_back_by, escalation_of, next_opening, next_round
from routing.model import Plan

TIMED = (*RINGING, "acknowledged")
HELD = timedelta(minutes=10)  # for so long a message may wait for a caller who is still with us

_TIMES = ("due_at", "breached_at", "reopened_at", "acknowledged_at")
_MESSAGE = table_of(Message)
_TIMED = (_MESSAGE.c.urgency == "urgent", _MESSAGE.c.state.in_(TIMED))


def set_back(engine: Engine, by: timedelta, plan: Plan, now: datetime) -> None:
    """Set the urgent messages' timers back as the clock was, and what they are counted from.

    What is due at `now`, the clock's new time, stays so. Reminders follow the office's hours.
    """
    with writing(engine, durable=True) as connection:
        for message in message_rows.stored_messages(connection, *_TIMED, _MESSAGE.c.due_at > now):
            if message.due_at is not None:
                message.due_at -= by
            if message.breached_at is not None:
                message.breached_at -= by
            if message.state in RINGING:
                message.reopened_at = (message.reopened_at or message.opened_at) - by
            elif message.acknowledged_at is not None:
                message.acknowledged_at -= by
            _store(connection, message)
        _bring_back(connection, plan, now)


def after_start(engine: Engine, plan: Plan, now: datetime) -> int:
    """Bring back what a clock wrote that was ahead; return of how many urgent messages."""
    with writing(engine, durable=True) as connection:
        return _bring_back(connection, plan, now)


def _bring_back(connection: Connection, plan: Plan, now: datetime) -> int:
    ahead = or_(
        _MESSAGE.c.due_at > now,
        _MESSAGE.c.opened_at > now,
        _MESSAGE.c.reopened_at > now,
        _MESSAGE.c.acknowledged_at > now,
    )
    brought = 0
    for message in message_rows.stored_messages(connection, *_TIMED, ahead):
        brought += _is_brought(message, plan, now)
        _store(connection, message)
    # Shifts are called about by the minute, calls that were placed count for a day, wrong PINs for
    # an hour; from a future that did not come they would count until it does.
    shifts.bring_shifts_back(connection, now)
    outbound.bring_outbound_back(connection, now)
    pins.bring_tries_back(connection, now)
    message_rows.remind_by(connection, next_opening(plan, now))
    return brought


def _store(connection: Connection, message: Message) -> None:
    message_rows.change_message(
        connection, message.id, **{name: getattr(message, name) for name in _TIMES}
    )


def _is_brought(message: Message, plan: Plan, now: datetime) -> bool:
    """Bring a message's timer back, and what it is counted from; tell whether it had to be."""
    view = view_of(message)
    if message.state in RINGING:
        if view.since > now:  # how long it has waited is not known: it is due
            message.reopened_at = message.due_at = now
            return True
        latest = next_round(escalation_of(view, plan).follow_up, view.since, now)
        allowed = max(latest, now + HELD)
    else:
        if message.acknowledged_at is not None and message.acknowledged_at > now:
            message.acknowledged_at = now
        latest = allowed = call_back_by(view_of(message), plan) or now
    if message.due_at is None or message.due_at <= allowed:
        return False
    message.due_at = latest
    return True
