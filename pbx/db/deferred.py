"""Messages of callers who are still on the line: their follow-up is deferred until hangup."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Engine

from pbx.db import message_rows
from pbx.db.database import writing

# Who was cut off calls again at once, and shall not find the physician's phone busy with us.
CALLS_AGAIN = timedelta(seconds=30)


def release(engine: Engine, message_id: str, at: datetime) -> None:
    """Let the follow-up begin with a message whose call is over, durably."""
    with writing(engine, durable=True) as connection:
        message_rows.release_message(connection, message_id, at)


def release_orphans(engine: Engine, live: Iterable[str], at: datetime) -> None:
    """Release what was held for calls of which none is among these any more, as after a crash.

    What is due soon was not held: its caller was cut off. Nor is what people were called about
    since its follow-up began, or began anew.
    """
    with writing(engine, durable=True) as connection:
        message_rows.release_orphaned(connection, live, at, at + CALLS_AGAIN)
