"""Messages of callers who are still on the line: their follow-up is deferred until hangup."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Engine

from pbx.db import message_rows
from pbx.db.database import writing

# A caller who was cut off calls again at once; the physician's phone must not be busy then.
CALLS_AGAIN = timedelta(seconds=30)


def release(engine: Engine, message_id: str, at: datetime) -> None:
    """Start the follow-up of a message whose call is over, durably."""
    with writing(engine, durable=True) as connection:
        message_rows.release_message(connection, message_id, at)


def release_orphans(engine: Engine, live: Iterable[str], at: datetime) -> None:
    """Start deferred follow-ups whose calls are not among the `live` ones, as after a crash.

    Messages that are due soon were not deferred, because their callers were cut off. Messages with
    attempts since their follow-up last began were not deferred either.
    """
    with writing(engine, durable=True) as connection:
        message_rows.release_orphaned(connection, live, at, at + CALLS_AGAIN)
