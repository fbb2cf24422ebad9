"""Messages of callers who are still on the line: held back from the relay until they are not."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Engine, text

from pbx.store.database import writing
from pbx.store.tables import utc_text
from routing.relay import RINGING

_STATES = ", ".join(f"'{state}'" for state in RINGING)
_RELEASE = text(f"""
    UPDATE message SET due_at = :at
    WHERE id = :id AND state IN ({_STATES}) AND due_at > :at
""")  # noqa: S608  # the states are our own constants
_ORPHANS = text(f"""
    UPDATE message SET due_at = :at
    WHERE urgency = 'urgent' AND state IN ({_STATES}) AND due_at > :at
      AND call NOT IN (SELECT value FROM json_each(:live))
      AND NOT EXISTS (SELECT 1 FROM attempt WHERE attempt.message = message.id)
""")  # noqa: S608  # as above


def release(engine: Engine, message_id: str, at: datetime) -> None:
    """Let the relay begin with a message whose call is over, durably."""
    with writing(engine, durable=True) as connection:
        connection.execute(_RELEASE, {"id": message_id, "at": utc_text(at)})


def release_orphans(engine: Engine, live: Iterable[str], at: datetime) -> None:
    """Release what was held for calls that are not among these any more, as after a crash."""
    with writing(engine, durable=True) as connection:
        connection.execute(_ORPHANS, {"live": json.dumps(sorted(live)), "at": utc_text(at)})
