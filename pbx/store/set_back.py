"""Timers after the machine's clock was set back: each runs out when its time has really passed."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from pbx.store.database import writing
from pbx.store.tables import Message
from routing.relay import RINGING


def set_back(engine: Engine, by: timedelta, now: datetime) -> None:
    """Set the urgent messages' timers back as the clock was, and what they are counted from.

    What is due at `now`, the clock's new time, stays so. Reminders follow the office's hours.
    """
    states = (*RINGING, "acknowledged")
    wanted = select(Message).where(
        Message.urgency == "urgent", col(Message.state).in_(states), col(Message.due_at) > now
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
        session.commit()  # the transaction itself is committed by `writing`
