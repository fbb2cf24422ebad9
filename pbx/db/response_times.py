"""How long urgent messages waited: for somebody to acknowledge them, and for the call back. Blocks.

A message whose caller spoke with a physician on the line, while it was held, waits for nobody: it
is counted as spoken, and in no waiting time. Of several acknowledgments the last one counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, Engine, TextClause, text

from pbx.base.percentiles import Histogram
from pbx.db.database import reading
from pbx.db.messages import SPOKEN
from pbx.db.tables import utc_text

Act = Literal["acknowledged", "called_back"]
ACTS: tuple[Act, ...] = ("acknowledged", "called_back")

_WHERE = "urgency = 'urgent' AND opened_at >= :start AND opened_at < :until"
_SPOKEN = "coalesce(disposition = :spoken AND called_back_at IS NULL, 0)"
_OPENED = text(
    f"SELECT count(*) AS opened, sum({_SPOKEN}) AS spoken FROM message WHERE {_WHERE}"  # noqa: S608  # our own constants
)
_OPEN_ACROSS = text("""
    SELECT count(*) FROM message INDEXED BY message_by_opening
    WHERE urgency = 'urgent' AND opened_at >= :earliest AND opened_at < :at
      AND (acknowledged_at IS NULL OR acknowledged_at >= :at)
      AND (closed_at IS NULL OR closed_at >= :at)
""")


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
    waited: Mapping[Act, Waited]


def promises(engine: Engine, span: tuple[datetime, datetime], in_time: datetime) -> ResponseTimes:
    """Count the waiting times of a span; a message opened after `in_time` may still be in time."""
    start, until = map(utc_text, span)
    values = {"start": start, "until": until, "in_time": utc_text(in_time), "spoken": SPOKEN}
    with reading(engine) as session:
        connection = session.connection()
        row = connection.execute(_OPENED, values).one()
        waited = {act: _waited(connection, act, values) for act in ACTS}
        return ResponseTimes(row.opened, row.spoken or 0, waited)


def open_across(engine: Engine, instants: Iterable[datetime], back: timedelta) -> list[int]:
    """Count the urgent messages that nobody had taken up at each instant, opened `back` before."""
    with reading(engine) as session:
        return [
            session.connection()
            .execute(_OPEN_ACROSS, {"at": utc_text(at), "earliest": utc_text(at - back)})
            .scalar_one()
            for at in instants
        ]


def _waited(connection: Connection, act: Act, values: Mapping[str, str]) -> Waited:
    by: defaultdict[str, dict[int, int]] = defaultdict(dict)
    pending = never = 0
    for row in connection.execute(_STATEMENTS[act], values):
        if row.s is not None:
            by[row.who or ""][row.s] = row.messages
        elif row.pending:
            pending += row.messages
        else:
            never += row.messages
    return Waited(dict(by), pending, never)


def _statement(act: Act) -> TextClause:
    return text(f"""
        SELECT {act}_by AS who,
               CAST(round((julianday({act}_at) - julianday(opened_at)) * 86400) AS INTEGER) AS s,
               {act}_at IS NULL AND state <> 'closed' AND opened_at > :in_time AS pending,
               count(*) AS messages
        FROM message WHERE {_WHERE} AND NOT {_SPOKEN}
        GROUP BY 1, 2, 3
    """)  # noqa: S608  # our own constants


_STATEMENTS = {act: _statement(act) for act in ACTS}
