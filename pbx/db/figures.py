"""Counting in the call log: what a report needs, from indexes alone, flat in what is not asked for.

Reports hand over stretches of time, cut where the office's clock or its hours change, and get a
figure for each: so SQL never asks what an hour or a day of the office is. Blocks.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, text

from pbx.base.percentiles import Histogram
from pbx.db.callers import Callers, count_callers
from pbx.db.database import reading
from pbx.db.tables import utc_text

Span = tuple[datetime, datetime]  # from the first up to, but without, the second

_CUT = "CREATE TEMP TABLE cut (id INTEGER PRIMARY KEY, start TEXT, until TEXT, bin INTEGER)"
_WHO = "CREATE TEMP TABLE who (id INTEGER PRIMARY KEY, person TEXT)"
# CROSS JOIN keeps the order of the loops, so that groups come in order and nothing is sorted.
_COUNTS = text("""
    SELECT cut.id, count(*) AS calls, sum(urgency = 'urgent') AS urgent,
           sum(outcome = 'connected') AS connected, sum(outcome = 'message') AS message,
           sum(outcome = 'abandoned') AS abandoned, sum(outcome = 'blocked') AS blocked
    FROM cut CROSS JOIN call ON call.started_at >= cut.start AND call.started_at < cut.until
    GROUP BY cut.id
""")
_ANSWERS = text("""
    SELECT cut.bin, count(*) AS calls,
           CAST(round((julianday(acknowledged_at) - julianday(started_at)) * 86400) AS INTEGER) AS s
    FROM cut CROSS JOIN call ON call.started_at >= cut.start AND call.started_at < cut.until
    WHERE cut.bin >= 0 AND acknowledged_at IS NOT NULL
    GROUP BY cut.bin, s
""")
_RINGS = """
    SELECT who.person, cut.id, count(*) AS rings, sum({table}.result = :taken) AS taken
    FROM who CROSS JOIN cut CROSS JOIN {table} ON {table}.person = who.person
        AND {table}.started_at >= cut.start AND {table}.started_at < cut.until
    GROUP BY who.id, cut.id
"""
# A leg of a call, and an attempt of the follow-up; and what either is when the person took it.
_PHONES = (
    (text(_RINGS.format(table="leg")), "accepted"),
    (text(_RINGS.format(table="attempt")), "acknowledged"),
)


class Counts(NamedTuple):
    """Calls that began in a stretch, and how they ended; what is left over ended otherwise."""

    calls: int = 0
    urgent: int = 0
    connected: int = 0
    message: int = 0
    abandoned: int = 0
    blocked: int = 0

    @property
    def offered(self) -> int:
        """Calls that were to reach somebody: all but the blocked ones."""
        return self.calls - self.blocked


class Rings(NamedTuple):
    """How often a person's phone rang in a stretch, and how often the person took the call."""

    rings: int = 0
    taken: int = 0


class Figures:
    """Counts within one look at the database, for the stretches that it was cut into last."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        for statement in (_CUT, _WHO):
            connection.exec_driver_sql(statement)

    def cut(self, stretches: Iterable[tuple[Span, int]]) -> None:
        """Count by these stretches from now on; each has a bin for what is counted over several."""
        self._connection.exec_driver_sql("DELETE FROM cut")
        rows = [
            (number, utc_text(start), utc_text(until), bin_)
            for number, ((start, until), bin_) in enumerate(stretches)
        ]
        self._insert("INSERT INTO cut VALUES (?, ?, ?, ?)", rows)

    def counts(self) -> dict[int, Counts]:
        """Count the calls that began in each stretch, by its place; where none did is nothing."""
        return {
            row.id: Counts(*(value or 0 for value in row[1:]))
            for row in self._connection.execute(_COUNTS)
        }

    def answers(self) -> dict[int, Histogram]:
        """Count by whole seconds how long callers waited for a person, by bin; -1 is left out."""
        found: defaultdict[int, dict[int, int]] = defaultdict(dict)
        for row in self._connection.execute(_ANSWERS):
            found[row.bin][row.s] = row.calls
        return dict(found)

    def callers(self, span: Span, most: int) -> Callers:
        """Say who called most often; without anonymous callers."""
        return count_callers(self._connection, *span, most)

    def rings(
        self, people: Iterable[str], stretches: Sequence[Span]
    ) -> dict[tuple[str, int], Rings]:
        """Count how often each person's phones rang in each stretch, for calls and messages."""
        self.cut((span, -1) for span in stretches)
        self._connection.exec_driver_sql("DELETE FROM who")
        self._insert("INSERT INTO who (person) VALUES (?)", [(one,) for one in people])
        found: dict[tuple[str, int], Rings] = {}
        for statement, taken in _PHONES:
            for row in self._connection.execute(statement, {"taken": taken}):
                before = found.get((row.person, row.id), Rings())
                more = Rings(before.rings + row.rings, before.taken + (row.taken or 0))
                found[row.person, row.id] = more
        return found

    def _insert(self, statement: str, rows: list[tuple[Any, ...]]) -> None:
        if rows:
            self._connection.exec_driver_sql(statement, rows)


@contextlib.contextmanager
def measuring(engine: Engine) -> Iterator[Figures]:
    """Hold one look at the database; its temporary tables are rolled back at the end."""
    with reading(engine) as session:
        yield Figures(session.connection())
