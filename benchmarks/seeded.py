"""A call log as after a year: calls, a leg of each, decisions, and the messages that were left."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

from pbx.config.home import Home
from pbx.db.database import open_database
from pbx.db.tables import utc_text

START, DAYS = datetime(2025, 11, 1, tzinfo=UTC), 365
PEOPLE = ("lee", "osei", "patel")
ENDS = {"connected": 70, "message": 20, "abandoned": 8, "blocked": 2}

_CALL = """INSERT INTO call (id, started_at, acknowledged_at, ended_at, line, did, caller, urgency,
    decision, outcome, person) VALUES (?, ?, ?, ?, 'main', '+12125550100', ?, ?,
    'escalation', ?, ?)"""
_LEGS = """INSERT INTO leg (call, channel, person, kind, started_at, ended_at, result)
    SELECT id, id || '.1', coalesce(person, 'lee'), 'mobile', started_at, ended_at,
           iif(person IS NULL, 'no answer', 'accepted') FROM call"""
_DECISIONS = """INSERT INTO decision (call, turn, at, kind, target, urgency, reasons,
    facts)
    SELECT id, 1, started_at, 'escalation', 'urgent', urgency,
           '[{"rule": "urgent at night", "matched": true, "because": "every condition holds"}]',
           '{}'
    FROM call"""
_MESSAGES = """INSERT INTO message (id, call, opened_at, state, urgency, flags, acknowledged_by,
    acknowledged_at, called_back_by, called_back_at, due_at)
    SELECT id, id, started_at, 'called back', urgency, '[]', 'lee', ended_at, 'osei', ended_at, ?
    FROM call WHERE outcome = 'message'"""


def seed(home: Home, calls: int) -> None:
    """Fill the empty log of a home with so many calls of a year."""
    open_database(home.database).dispose()
    with closing(sqlite3.connect(home.database)) as connection:
        connection.executemany(_CALL, _calls(calls))
        connection.execute(_LEGS)
        connection.execute(_DECISIONS)
        # nobody closed them: all are due at the next opening, and none while we measure
        connection.execute(_MESSAGES, [utc_text(datetime.now(UTC) + timedelta(days=1))])
        connection.commit()


def _calls(count: int) -> Iterator[tuple[Any, ...]]:
    """Make calls through the year, each from one of a fifth as many callers."""
    chance = random.Random(7)  # noqa: S311  # figures, no secrets
    step = DAYS * 86_400 / count
    for number in range(count):
        at = START.timestamp() + number * step
        outcome = chance.choices(list(ENDS), list(ENDS.values()))[0]
        answered = outcome == "connected"
        yield (
            f"{at:.3f}.{number}",
            _text(at),
            _text(at + chance.lognormvariate(2.7, 0.6)) if answered else None,
            _text(at + 120),
            f"+1212{chance.randrange(max(1, count // 5)):07}",
            chance.choice(("urgent", "routine")),
            outcome,
            chance.choice(PEOPLE) if answered else None,
        )


def _text(at: float) -> str:
    return utc_text(datetime.fromtimestamp(at, UTC))
