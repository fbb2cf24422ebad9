"""What is older than it must be kept: found, and deleted in small transactions.

An open message is never old, nor is its call; nor is what a hold names, with all that belongs to
it. Each transaction asks again, so that what was put on hold meanwhile stays.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Engine, text

from pbx.db.database import reading, writing
from pbx.db.messages import note_event
from pbx.db.tables import utc_text

BATCH = 200  # calls or messages of one transaction: nobody who writes waits for long
DELETED = "recordings deleted"  # in a message's history

_NAMED = "SELECT target FROM hold WHERE lifted_at IS NULL"
# A message that may go: closed before the time, and neither it nor a call of it is held.
_OLD_MESSAGE = f"""
    (m.state = 'closed' AND m.closed_at < :at
     AND m.id NOT IN ({_NAMED}) AND m.call NOT IN ({_NAMED})
     AND m.id NOT IN (SELECT message FROM call WHERE message IS NOT NULL AND id IN ({_NAMED})))
"""  # noqa: S608  # our own words
_OLD_MESSAGES = text(f"SELECT m.id FROM message m WHERE {_OLD_MESSAGE} ORDER BY m.id")  # noqa: S608  # as above
# A call that may go: it ended before the time, is not held, and has no message but such.
_OLD_CALL = f"""
    (call.started_at < :began AND call.outcome IS NOT NULL AND call.id NOT IN ({_NAMED})
     AND NOT EXISTS (SELECT 1 FROM message m WHERE m.id = call.message AND NOT {_OLD_MESSAGE})
     AND NOT EXISTS (SELECT 1 FROM message m WHERE m.call = call.id AND NOT {_OLD_MESSAGE}))
"""  # noqa: S608  # as above
_OLD_CALLS = text(f"SELECT call.id FROM call WHERE {_OLD_CALL} ORDER BY call.id")  # noqa: S608  # as above
_STILL = text(f"""
    SELECT m.id FROM message m
    WHERE m.id IN (SELECT value FROM json_each(:ids)) AND {_OLD_MESSAGE}
""")  # noqa: S608  # as above
_DELETE_MESSAGES = (
    text("DELETE FROM message_event WHERE message IN (SELECT value FROM json_each(:ids))"),
    text("DELETE FROM attempt WHERE message IN (SELECT value FROM json_each(:ids))"),
    text("DELETE FROM message WHERE id IN (SELECT value FROM json_each(:ids))"),
)
_DELETE_CALLS = text(f"""
    DELETE FROM call WHERE id IN (SELECT value FROM json_each(:ids)) AND {_OLD_CALL}
""")  # noqa: S608  # as above
# A call to a patient that may go: it is over, not held, and belongs to no message that stays.
_OLD_PLACED = f"""
    (outbound_call.asked_at < :began AND outbound_call.result IS NOT NULL
     AND coalesce(outbound_call.call, '') NOT IN ({_NAMED})
     AND coalesce(outbound_call.message, '') NOT IN ({_NAMED})
     AND NOT EXISTS (
         SELECT 1 FROM message m WHERE m.id = outbound_call.message AND NOT {_OLD_MESSAGE}))
"""  # noqa: S608  # as above
_PLACED = text(f"SELECT outbound_call.id FROM outbound_call WHERE {_OLD_PLACED} ORDER BY 1")  # noqa: S608  # as above
_DELETE_PLACED = text(f"""
    DELETE FROM outbound_call WHERE id IN (SELECT value FROM json_each(:ids)) AND {_OLD_PLACED}
""")  # noqa: S608  # as above
_KEPT_CALLS = text(f"""
    SELECT id FROM call WHERE started_at < :began AND NOT {_OLD_CALL}
    UNION {_NAMED}
""")  # noqa: S608  # as above
_RECORDINGS = text("""
    SELECT id, recording FROM message WHERE recording IS NOT NULL
    UNION ALL SELECT message, json_extract(detail, '$.recording') FROM message_event
    WHERE json_extract(detail, '$.recording') IS NOT NULL
    UNION ALL SELECT message, substr(json_extract(detail, '$.text'), 11) FROM message_event
    WHERE json_extract(detail, '$.text') LIKE 'dictated: %'
""")


def old_messages(engine: Engine, at: datetime) -> list[str]:
    """List the messages that were closed before an instant and may go."""
    with reading(engine) as session:
        return list(session.connection().execute(_OLD_MESSAGES, {"at": utc_text(at)}).scalars())


def old_calls(engine: Engine, began: datetime, at: datetime) -> list[str]:
    """List the calls that began before an instant, and whose messages were closed before `at`."""
    row = {"began": utc_text(began), "at": utc_text(at)}
    with reading(engine) as session:
        return list(session.connection().execute(_OLD_CALLS, row).scalars())


def old_placed(engine: Engine, began: datetime, at: datetime) -> list[int]:
    """List the calls to patients that were asked for before an instant, as `old_calls` does."""
    row = {"began": utc_text(began), "at": utc_text(at)}
    with reading(engine) as session:
        return list(session.connection().execute(_PLACED, row).scalars())


def kept_calls(engine: Engine, began: datetime, at: datetime) -> set[str]:
    """Name the calls that began before an instant, too, and stay."""
    row = {"began": utc_text(began), "at": utc_text(at)}
    with reading(engine) as session:
        return set(session.connection().execute(_KEPT_CALLS, row).scalars())


def message_recordings(engine: Engine) -> dict[str, list[str]]:
    """Map messages to their recordings and dictated notes, as paths below the home."""
    found: dict[str, list[str]] = {}
    with reading(engine) as session:
        for message, path in session.connection().execute(_RECORDINGS):
            found.setdefault(message, []).append(path)
    return found


def held(engine: Engine) -> set[str]:
    """Name what holds name."""
    with reading(engine) as session:
        return set(session.connection().execute(text(_NAMED)).scalars())


def note_recordings_gone(
    engine: Engine, ids: Sequence[str], at: datetime, now: datetime
) -> list[str]:
    """Note with messages that their recordings go; return those whose may still go."""
    row = {"at": utc_text(at), "ids": json.dumps(ids)}
    with writing(engine, durable=True) as connection:
        still = list(connection.execute(_STILL, row).scalars())
        for message in still:
            note_event(connection, message, now, DELETED)
    return still


def delete_messages(engine: Engine, ids: Sequence[str], at: datetime) -> int:
    """Delete messages with their histories, where they may still go; return how many."""
    with writing(engine) as connection:
        row = {"at": utc_text(at), "ids": json.dumps(ids)}
        still = list(connection.execute(_STILL, row).scalars())
        for statement in _DELETE_MESSAGES:
            connection.execute(statement, {"ids": json.dumps(still)})
    return len(still)


def delete_calls(engine: Engine, ids: Sequence[str], began: datetime, at: datetime) -> int:
    """Delete calls with their legs, decisions and events, where they may still go."""
    with writing(engine) as connection:
        row = {"began": utc_text(began), "at": utc_text(at), "ids": json.dumps(ids)}
        return connection.execute(_DELETE_CALLS, row).rowcount


def delete_placed(engine: Engine, ids: Sequence[int], began: datetime, at: datetime) -> int:
    """Delete calls to patients, where they may still go; return how many."""
    with writing(engine) as connection:
        row = {"began": utc_text(began), "at": utc_text(at), "ids": json.dumps(ids)}
        return connection.execute(_DELETE_PLACED, row).rowcount
