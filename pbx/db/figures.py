"""Counts of the call log for reports, read from indexes only.

Reports hand over stretches of time, cut where the office's clock or its hours change, and get a
figure for each: so SQL never asks what an hour or a day of the office is. Blocks.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Delete,
    Engine,
    Insert,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    true,
)

from pbx.base.percentiles import Histogram
from pbx.db.callers import Callers, count_callers
from pbx.db.database import reading
from pbx.db.statements import seconds_between, table_of
from pbx.db.tables import Attempt, Call, Leg, UtcTime

Span = tuple[datetime, datetime]  # start (inclusive) and end (exclusive)

_CALL = table_of(Call)
_TEMPORARY = MetaData()
_CUT = Table(
    "cut",
    _TEMPORARY,
    Column("id", Integer, primary_key=True),
    Column("start", UtcTime),
    Column("until", UtcTime),
    Column("bin", Integer),
    prefixes=["TEMPORARY"],
)
_WHO = Table(
    "who",
    _TEMPORARY,
    Column("id", Integer, primary_key=True),
    Column("person", String),
    prefixes=["TEMPORARY"],
)


_CUT_ANEW = (delete(_CUT), insert(_CUT))
_WHO_ANEW = (delete(_WHO), insert(_WHO))


def _within(started_at: ColumnElement[Any]) -> ColumnElement[bool]:
    return (started_at >= _CUT.c.start) & (started_at < _CUT.c.until)


# An outer join keeps the order of the loops, so that groups come in order and nothing is sorted;
# a stretch without calls then has one row, of nulls.
_COUNTS = (
    select(
        _CUT.c.id,
        func.count(_CALL.c.started_at).label("calls"),
        func.count().filter(_CALL.c.urgency == "urgent").label("urgent"),
        *(
            func.count().filter(_CALL.c.outcome == outcome).label(outcome)
            for outcome in ("connected", "message", "abandoned", "blocked")
        ),
    )
    .join_from(_CUT, _CALL, _within(_CALL.c.started_at), isouter=True)
    .group_by(_CUT.c.id)
)
_WAITED = seconds_between(_CALL.c.started_at, _CALL.c.acknowledged_at).label("s")
_ANSWERS = (
    select(_CUT.c.bin, _WAITED, func.count().label("calls"))
    .join_from(
        _CUT,
        _CALL,
        _within(_CALL.c.started_at) & _CALL.c.acknowledged_at.is_not(None),
        isouter=True,
    )
    .where(_CUT.c.bin >= 0)
    .group_by(_CUT.c.bin, _WAITED)
)


def _rings(phones: Table, taken: str) -> Select[Any]:
    of_person = (phones.c.person == _WHO.c.person) & _within(phones.c.started_at)
    return (
        select(
            _WHO.c.person,
            _CUT.c.id,
            func.count(phones.c.started_at).label("rings"),
            func.count().filter(phones.c.result == taken).label("taken"),
        )
        .join_from(_WHO, _CUT, true(), isouter=True)
        .join(phones, of_person, isouter=True)
        .group_by(_WHO.c.id, _CUT.c.id)
    )


# A leg of a call, and an attempt of the follow-up; and what either is when the person took it.
_PHONES = (_rings(table_of(Leg), "accepted"), _rings(table_of(Attempt), "acknowledged"))


class Counts(NamedTuple):
    """Calls that began in a stretch, by how they ended; the rest of the total ended otherwise."""

    calls: int = 0
    urgent: int = 0
    connected: int = 0
    message: int = 0
    abandoned: int = 0
    blocked: int = 0

    @property
    def offered(self) -> int:
        """All calls but the blocked ones."""
        return self.calls - self.blocked


class Rings(NamedTuple):
    """How often a person's phone rang in a stretch, and how often the person took the call."""

    rings: int = 0
    taken: int = 0


class Figures:
    """Counts from one transaction, for the time spans given to the last `cut`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        _TEMPORARY.create_all(connection, checkfirst=False)

    def cut(self, stretches: Iterable[tuple[Span, int]]) -> None:
        """Set the time spans to count by; counts over several spans are grouped by their bin."""
        rows = [
            {"id": number, "start": start, "until": until, "bin": bin_}
            for number, ((start, until), bin_) in enumerate(stretches)
        ]
        self._fill(_CUT_ANEW, rows)

    def counts(self) -> dict[int, Counts]:
        """Return the counts of calls by index of the span; spans without calls are left out."""
        return {row.id: Counts(*row[1:]) for row in self._connection.execute(_COUNTS) if row.calls}

    def answers(self) -> dict[int, Histogram]:
        """Return the number of calls by seconds until a person answered, for each bin but -1."""
        found: defaultdict[int, dict[int, int]] = defaultdict(dict)
        for row in self._connection.execute(_ANSWERS):
            if row.s is not None:
                found[row.bin][row.s] = row.calls
        return dict(found)

    def callers(self, span: Span, most: int) -> Callers:
        """Return the most frequent callers, without anonymous ones."""
        return count_callers(self._connection, *span, most)

    def rings(
        self, people: Iterable[str], stretches: Sequence[Span]
    ) -> dict[tuple[str, int], Rings]:
        """Count how often each person's phones rang in each stretch, for calls and messages."""
        self.cut((span, -1) for span in stretches)
        self._fill(_WHO_ANEW, [{"person": one} for one in people])
        found: dict[tuple[str, int], Rings] = {}
        for statement in _PHONES:
            for row in self._connection.execute(statement):
                if row.rings:
                    before = found.get((row.person, row.id), Rings())
                    more = Rings(before.rings + row.rings, before.taken + row.taken)
                    found[row.person, row.id] = more
        return found

    def _fill(self, anew: tuple[Delete, Insert], rows: list[dict[str, Any]]) -> None:
        empty, fill = anew
        self._connection.execute(empty)
        if rows:
            self._connection.execute(fill, rows)


@contextlib.contextmanager
def measuring(engine: Engine) -> Iterator[Figures]:
    """Count within one transaction; its temporary tables are rolled back at the end."""
    with reading(engine) as session:
        yield Figures(session.connection())
