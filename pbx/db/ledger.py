"""Our own ledger of calls, as it is held against Asterisk's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, text

from pbx.db.database import reading
from pbx.db.tables import from_utc_text, utc_text

_CALLS = text("""
    SELECT call.id, call.started_at, call.acknowledged_at, call.ended_at, call.line, call.caller,
           call.urgency, call.outcome, call.person, call.message,
           EXISTS (SELECT 1 FROM message WHERE message.id = call.message
                   UNION ALL SELECT 1 FROM message WHERE message.call = call.id) AS is_left
    FROM call
    WHERE (call.started_at >= :start AND call.started_at < :end)
       OR call.id IN (SELECT value FROM json_each(:ids))
    ORDER BY call.started_at, call.id
""")
_OPEN = text("SELECT id, started_at FROM call WHERE outcome IS NULL")
# a message is durable before the log hears of its call: a crash may leave it alone
_ORPHANS = text("""
    SELECT call AS id, min(opened_at) AS at, min(id) AS message FROM message
    WHERE opened_at >= :start AND opened_at < :end
      AND NOT EXISTS (SELECT 1 FROM call WHERE call.id = message.call)
    GROUP BY call ORDER BY 2, 1
""")


@dataclass(frozen=True)
class OwnCall:
    """A call as our log knows it, times in UTC; `is_left` says that a message of it exists."""

    id: str
    started_at: datetime
    accepted_at: datetime | None
    ended_at: datetime | None
    line: str
    caller: str | None
    urgency: str | None
    outcome: str | None
    person: str | None
    message: str | None
    is_left: bool


@dataclass(frozen=True)
class Orphan:
    """A message whose call the log does not know; `at` is when it was opened, in UTC."""

    call: str
    at: datetime
    message: str


def calls_between(engine: Engine, start: datetime, end: datetime) -> list[OwnCall]:
    """Read the calls that started in [start, end), the earliest first."""
    return _read(engine, {"start": utc_text(start), "end": utc_text(end), "ids": "[]"})


def calls_named(engine: Engine, ids: Iterable[str]) -> list[OwnCall]:
    """Read the calls with these ids, whenever they were."""
    return _read(engine, {"start": "", "end": "", "ids": json.dumps(list(ids))})


def open_calls(engine: Engine) -> dict[str, datetime]:
    """Map the calls without an outcome to when they began."""
    with reading(engine) as session:
        rows = session.connection().execute(_OPEN)
        return {row.id: from_utc_text(row.started_at) for row in rows}


def orphans_between(engine: Engine, start: datetime, end: datetime) -> list[Orphan]:
    """Read the messages opened in [start, end) whose call is not in the log."""
    with reading(engine) as session:
        rows = session.connection().execute(
            _ORPHANS, {"start": utc_text(start), "end": utc_text(end)}
        )
        return [Orphan(row.id, from_utc_text(row.at), row.message) for row in rows]


def _read(engine: Engine, values: Mapping[str, str]) -> list[OwnCall]:
    with reading(engine) as session:
        rows = session.connection().execute(_CALLS, values)
        return [
            OwnCall(
                id=row.id,
                started_at=from_utc_text(row.started_at),
                accepted_at=from_utc_text(row.acknowledged_at) if row.acknowledged_at else None,
                ended_at=from_utc_text(row.ended_at) if row.ended_at else None,
                line=row.line,
                caller=row.caller,
                urgency=row.urgency,
                outcome=row.outcome,
                person=row.person,
                message=row.message,
                is_left=bool(row.is_left),
            )
            for row in rows
        ]
