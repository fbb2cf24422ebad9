"""How long urgent messages waited for an acknowledgment and for the callback. It blocks.

A message whose caller spoke with a physician during the call is counted as spoken, and not in the
waiting times. Of several acknowledgments, the last one counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Engine, Row, Select, and_, bindparam, case, false, func, or_, select

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


# Statements are made once: making one costs as much as counting a day with it
_AT, _EARLIEST, _START, _UNTIL, _IN_TIME = (
    bindparam(name, type_=UtcTime) for name in ("at", "earliest", "start", "until", "in_time")
)
_OPENED = _MESSAGE.c.opened_at
_IN_SPAN = and_(_URGENT, _OPENED >= _START, _OPENED < _UNTIL)
_COUNTS = select(
    func.count().label("opened"), func.count().filter(_IS_SPOKEN).label("spoken")
).where(_IN_SPAN)
_OPEN_ACROSS = select(func.count()).where(
    _URGENT,
    _OPENED >= _EARLIEST,
    _OPENED < _AT,
    *(
        or_(past.is_(None), past >= _AT)
        for past in (_MESSAGE.c.acknowledged_at, _MESSAGE.c.closed_at)
    ),
)


def _waiting(act: Response) -> Select[Any]:
    by, at = _MESSAGE.c[f"{act}_by"].label("who"), _MESSAGE.c[f"{act}_at"]
    waited = seconds_between(_OPENED, at).label("s")
    may_come = and_(at.is_(None), _MESSAGE.c.state != "closed", _OPENED > _IN_TIME)
    pending = case((may_come, 1), else_=0).label("pending")
    return (
        select(by, waited, pending, func.count().label("messages"))
        .where(_IN_SPAN, ~_IS_SPOKEN)
        .group_by(by, waited, pending)
    )


_WAITING: Mapping[Response, Select[Any]] = {act: _waiting(act) for act in RESPONSES}


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
    values = {"start": span[0], "until": span[1], "in_time": in_time}
    with reading(engine) as session:
        connection = session.connection()
        row = connection.execute(_COUNTS, values).one()
        waited = {act: _waited(connection.execute(_WAITING[act], values)) for act in RESPONSES}
        return ResponseTimes(row.opened, row.spoken, waited)


def open_across(engine: Engine, instants: Iterable[datetime], back: timedelta) -> list[int]:
    """Count the urgent messages that nobody had taken up at each instant, opened `back` before."""
    with reading(engine) as session:
        connection = session.connection()
        return [
            connection.execute(_OPEN_ACROSS, {"at": at, "earliest": at - back}).scalar_one()
            for at in instants
        ]


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
