"""Correct timers after the machine's clock was wrong, so that none runs out late.

If the clock is set back while the daemon runs, the timers are moved back by the same time. If the
clock was ahead and was corrected before a start, the difference is unknown; a timer that is further
away than the plan allows is then set to the time that the plan would give it now.
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
HELD = timedelta(minutes=10)  # maximum wait for a caller who is still on the line

_TIMES = ("due_at", "breached_at", "reopened_at", "acknowledged_at")
_MESSAGE = table_of(Message)
_TIMED = (_MESSAGE.c.urgency == "urgent", _MESSAGE.c.state.in_(TIMED))


def set_back(engine: Engine, by: timedelta, plan: Plan, now: datetime) -> None:
    """Move the urgent messages' timers back `by` this time, and the times they are counted from.

    `now` is the clock's new time; timers that are due by then are unchanged. Reminders are limited
    to the office's next opening instead.
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
    """Correct times written by a clock that was ahead; return how many urgent messages changed."""
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
    # Calls about shifts, limits on placed calls and locks for wrong PINs depend on stored times,
    # too: with a time in the future they would last until then.
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
    """Correct a message's timer and the time it is counted from; return whether it was wrong."""
    view = view_of(message)
    if message.state in RINGING:
        if view.since > now:  # the true waiting time is unknown, so it is due now
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
