"""How long urgent messages waited: for somebody to acknowledge them, and for the call back. Blocks.

A message whose caller spoke with a physician on the line, while it was held, waits for nobody: it
is counted as spoken, and in no waiting time. Of several acknowledgments the last one counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Engine, Row, Select, bindparam, case, false, func, or_, select

from pbx.base.percentiles import Histogram
from pbx.db.database import reading
from pbx.db.messages import SPOKEN
from pbx.db.statements import seconds_between, table_of
from pbx.db.tables import Message, UtcTime

Response = Literal["acknowledged", "called_back"]
RESPONSES: tuple[Response, ...] = ("acknowledged", "called_back")

_MESSAGE = table_of(Message)
_URGENT = _MESSAGE.c.urgency == "urgent"
_IS_SPOKEN = func.coalesce(
    (_MESSAGE.c.disposition == SPOKEN) & _MESSAGE.c.called_back_at.is_(None), false()
)


def _open_across() -> Select[int]:
    at, earliest = bindparam("at", type_=UtcTime), bindparam("earliest", type_=UtcTime)
    taken, closed = _MESSAGE.c.acknowledged_at, _MESSAGE.c.closed_at
    return select(func.count()).where(
        _URGENT,
        _MESSAGE.c.opened_at >= earliest,
        _MESSAGE.c.opened_at < at,
        or_(taken.is_(None), taken >= at),
        or_(closed.is_(None), closed >= at),
    )


_OPEN_ACROSS = _open_across()


@dataclass(frozen=True)
class Waited:
    """One act on the messages: seconds from the opening to it, by who did it.

    `pending` could still be done in time, `never` is past that, or was closed without it.
    """

    by: Mapping[str, Histogram]
    pending: int
    never: int


@dataclass(frozen=True)
class ResponseTimes:
    """The urgent messages that were opened in a span."""

    opened: int
    spoken: int
    waited: Mapping[Response, Waited]


def promises(engine: Engine, span: tuple[datetime, datetime], in_time: datetime) -> ResponseTimes:
    """Count the waiting times of a span; a message opened after `in_time` may still be in time."""
    start, until = span
    meant = (_URGENT, _MESSAGE.c.opened_at >= start, _MESSAGE.c.opened_at < until)
    opened = select(
        func.count().label("opened"), func.count().filter(_IS_SPOKEN).label("spoken")
    ).where(*meant)
    with reading(engine) as session:
        row = session.execute(opened).one()
        waited = {act: _waited(session.execute(_waiting(act, meant, in_time))) for act in RESPONSES}
        return ResponseTimes(row.opened, row.spoken, waited)


def open_across(engine: Engine, instants: Iterable[datetime], back: timedelta) -> list[int]:
    """Count the urgent messages that nobody had taken up at each instant, opened `back` before."""
    with reading(engine) as session:
        connection = session.connection()
        return [
            connection.execute(_OPEN_ACROSS, {"at": at, "earliest": at - back}).scalar_one()
            for at in instants
        ]


def _waiting(act: Response, meant: Sequence[ColumnElement[bool]], in_time: datetime) -> Select[Any]:
    by, at = _MESSAGE.c[f"{act}_by"].label("who"), _MESSAGE.c[f"{act}_at"]
    waited = seconds_between(_MESSAGE.c.opened_at, at).label("s")
    may_come = at.is_(None) & (_MESSAGE.c.state != "closed") & (_MESSAGE.c.opened_at > in_time)
    pending = case((may_come, 1), else_=0).label("pending")
    return (
        select(by, waited, pending, func.count().label("messages"))
        .where(*meant, ~_IS_SPOKEN)
        .group_by(by, waited, pending)
    )


def _waited(rows: Iterable[Row[Any]]) -> Waited:
    found: defaultdict[str, dict[int, int]] = defaultdict(dict)
    pending = never = 0
    for row in rows:
        if row.s is not None:
            found[row.who or ""][row.s] = row.messages
        elif row.pending:
            pending += row.messages
        else:
            never += row.messages
    return Waited(dict(found), pending, never)
