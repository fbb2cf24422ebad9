"""Calls that go on, and whom the follow-up calls now, as the log has heard of them. Blocks."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, text

from pbx.db.database import reading
from pbx.db.tables import from_utc_text

MOST = 500  # calls of one look

_CALLS = text("""
    SELECT id, started_at, line, caller, urgency, person, acknowledged_at,
           (SELECT json_extract(detail, '$.verb') FROM event
            WHERE event.call = call.id AND what = 'turn' ORDER BY at DESC, id DESC LIMIT 1) AS verb,
           EXISTS (SELECT 1 FROM event WHERE event.call = call.id AND what = :failsafe) AS alone
    FROM call WHERE outcome IS NULL ORDER BY started_at, id LIMIT :most
""")
_LEGS = text("""
    SELECT leg.call, leg.person FROM call JOIN leg ON leg.call = call.id
    WHERE call.outcome IS NULL AND leg.result IS NULL AND leg.person IS NOT NULL
    ORDER BY leg.started_at, leg.channel
""")
_ATTEMPTS = text("SELECT message, person FROM attempt WHERE result IS NULL ORDER BY id")


@dataclass(frozen=True)
class UnderWay:
    """A call that goes on; `verb` is what the dialplan was told last, `ringing` whose phones ring.

    `person` accepted it, at `accepted_at`; `failsafe` says that Asterisk went on by itself.
    """

    id: str
    started_at: datetime
    line: str
    caller: str | None
    urgency: str | None
    verb: str | None
    ringing: tuple[str, ...]
    person: str | None
    accepted_at: datetime | None
    failsafe: bool


def calls_under_way(engine: Engine, failsafe: str) -> list[UnderWay]:
    """Read the calls without an end, the longest first; `failsafe` is the name of its event."""
    with reading(engine) as session:
        connection = session.connection()
        ringing: defaultdict[str, list[str]] = defaultdict(list)
        for row in connection.execute(_LEGS):
            ringing[row.call].append(row.person)
        return [
            UnderWay(
                row.id,
                from_utc_text(row.started_at),
                row.line,
                row.caller,
                row.urgency,
                row.verb,
                tuple(dict.fromkeys(ringing[row.id])),
                row.person,
                from_utc_text(row.acknowledged_at) if row.acknowledged_at else None,
                bool(row.alone),
            )
            for row in connection.execute(_CALLS, {"failsafe": failsafe, "most": MOST})
        ]


def called_now(engine: Engine) -> dict[str, tuple[str, ...]]:
    """Say whom the follow-up calls at this moment, by message."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    with reading(engine) as session:
        for row in session.connection().execute(_ATTEMPTS):
            found[row.message].append(row.person)
    return {message: tuple(people) for message, people in found.items()}
