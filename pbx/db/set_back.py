"""Timers after the machine's clock was wrong: each runs out when its time has really passed.

A clock that is set back while we run is seen as that, and timers go back with it. Of one that was
ahead and is right again at the next start nothing is known but what it wrote: a timer that lies
further off than the plan ever sets one is brought back to where the plan would set it now.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, or_, text
from sqlmodel import Session, col, select

from pbx.db.database import writing
from pbx.db.message_states import view_of
from pbx.db.tables import Message, utc_text
from routing.follow_up import RINGING, call_back_by, escalation_of, next_opening, next_round
from routing.model import Plan

TIMED = (*RINGING, "acknowledged")
HELD = timedelta(minutes=10)  # for so long a message may wait for a caller who is still with us

# Shifts are called about by the minute, calls that were placed count for a day, wrong PINs for an
# hour; from a future that did not come they would count until it does.
_OTHERS = (
    "UPDATE shift_start SET due_at = :now WHERE due_at > :tomorrow",
    "UPDATE shift_start SET made_at = :now WHERE made_at > :now",
    "UPDATE outbound_call SET placed_at = :now WHERE placed_at > :now",
    "UPDATE pin_tries SET since = :now WHERE since > :now",
    "UPDATE pin_tries SET locked_at = :now WHERE locked_at > :now",
)
_REMINDERS = """
    UPDATE message SET due_at = :opening WHERE due_at > :opening
    AND NOT (urgency = 'urgent' AND state IN ('open', 'delivered', 'acknowledged'))
"""


def set_back(engine: Engine, by: timedelta, plan: Plan, now: datetime) -> None:
    """Set the urgent messages' timers back as the clock was, and what they are counted from.

    What is due at `now`, the clock's new time, stays so. Reminders follow the office's hours.
    """
    wanted = select(Message).where(
        Message.urgency == "urgent", col(Message.state).in_(TIMED), col(Message.due_at) > now
    )
    with writing(engine, durable=True) as connection, Session(connection) as session:
        for message in session.exec(wanted):
            if message.due_at is not None:
                message.due_at -= by
            if message.breached_at is not None:
                message.breached_at -= by
            if message.state in RINGING:
                message.reopened_at = (message.reopened_at or message.opened_at) - by
            elif message.acknowledged_at is not None:
                message.acknowledged_at -= by
        session.flush()
        _bring_back(session, connection, plan, now)
        session.commit()  # the transaction itself is committed by `writing`


def after_start(engine: Engine, plan: Plan, now: datetime) -> int:
    """Bring back what a clock wrote that was ahead; return of how many urgent messages."""
    with writing(engine, durable=True) as connection, Session(connection) as session:
        brought = _bring_back(session, connection, plan, now)
        session.commit()  # as above
        return brought


def _bring_back(session: Session, connection: Connection, plan: Plan, now: datetime) -> int:
    wanted = select(Message).where(
        Message.urgency == "urgent",
        col(Message.state).in_(TIMED),
        or_(
            col(Message.due_at) > now,
            col(Message.opened_at) > now,
            col(Message.reopened_at) > now,
            col(Message.acknowledged_at) > now,
        ),
    )
    brought = sum(_is_brought(message, plan, now) for message in session.exec(wanted))
    session.flush()
    times = {"now": utc_text(now), "tomorrow": utc_text(now + timedelta(days=1))}
    for statement in _OTHERS:
        connection.execute(text(statement), times)
    opening = {"opening": utc_text(next_opening(plan, now))}
    connection.execute(text(_REMINDERS), opening)
    return brought


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
