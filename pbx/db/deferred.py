"""Messages of callers who are still on the line: their follow-up is deferred until hangup."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Engine, text

from pbx.db.database import writing
from pbx.db.tables import utc_text
from routing.follow_up import RINGING

# Who was cut off calls again at once, and shall not find the physician's phone busy with us.
CALLS_AGAIN = timedelta(seconds=30)

_STATES = ", ".join(f"'{state}'" for state in RINGING)
_RELEASE = text(f"""
    UPDATE message SET due_at = :at
    WHERE id = :id AND state IN ({_STATES}) AND due_at > :at
""")  # noqa: S608  # the states are our own constants
_ORPHANS = text(f"""
    UPDATE message SET due_at = :at
    WHERE urgency = 'urgent' AND state IN ({_STATES}) AND due_at > :soon
      AND call NOT IN (SELECT value FROM json_each(:live))
      AND NOT EXISTS (
        SELECT 1 FROM message_event WHERE message_event.message = message.id AND what = 'joined'
          AND json_extract(detail, '$.call') IN (SELECT value FROM json_each(:live)))
      AND NOT EXISTS (
        SELECT 1 FROM attempt WHERE attempt.message = message.id
          AND attempt.started_at >= coalesce(message.reopened_at, message.opened_at))
""")  # noqa: S608  # as above


def release(engine: Engine, message_id: str, at: datetime) -> None:
    """Let the follow-up begin with a message whose call is over, durably."""
    with writing(engine, durable=True) as connection:
        connection.execute(_RELEASE, {"id": message_id, "at": utc_text(at)})


def release_orphans(engine: Engine, live: Iterable[str], at: datetime) -> None:
    """Release what was held for calls of which none is among these any more, as after a crash.

    What is due soon was not held: its caller was cut off. Nor is what people were called about
    since its follow-up began, or began anew.
    """
    values = {"live": json.dumps(sorted(live)), "at": utc_text(at)}
    with writing(engine, durable=True) as connection:
        connection.execute(_ORPHANS, {**values, "soon": utc_text(at + CALLS_AGAIN)})
