"""Who calls most in a span of time, and the share of calls made by the most frequent callers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    bindparam,
    func,
    insert,
    literal,
    select,
)

from pbx.db.statements import hidden, table_of
from pbx.db.tables import Call, PatientNumber, UtcTime

FEW_PER_MILLE = 6  # the 0.6 % of patients whose share of the calls was published

_CALL, _NUMBER = table_of(Call), table_of(PatientNumber)
_TEMPORARY = MetaData()
# The numbers of patients with several numbers.
_OWN = Table(
    "own", _TEMPORARY, Column("patient", String), Column("number", String), prefixes=["TEMPORARY"]
)
# Who called, by the number used most.
_HEARD = Table(
    "heard",
    _TEMPORARY,
    Column("number", String),
    Column("numbers", Integer),
    Column("calls", Integer),
    prefixes=["TEMPORARY"],
)


def _own() -> Select[Any]:
    """Return the query of patients' numbers; a number shared by several patients is left out."""
    patient = func.min(_NUMBER.c.patient).label("patient")
    unshared = select(patient, _NUMBER.c.number).group_by(_NUMBER.c.number)
    one = unshared.having(func.count() == 1).subquery()
    numbers = func.count().over(partition_by=one.c.patient).label("numbers")
    counted = select(one.c.patient, one.c.number, numbers).subquery()
    return select(counted.c.patient, counted.c.number).where(counted.c.numbers > 1)


def _in_span() -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Return conditions for the span that use the index on callers, which also has the times."""
    started_at = hidden(_CALL.c.started_at)
    start, until = bindparam("start", type_=UtcTime), bindparam("until", type_=UtcTime)
    return started_at >= start, started_at < until


def _one() -> Select[Any]:
    """Return the query for callers with a single number: one pass over the index."""
    heard = select(_CALL.c.caller, literal(1), func.count()).group_by(_CALL.c.caller)
    of_several = _CALL.c.caller.in_(select(_OWN.c.number))
    return heard.where(_CALL.c.caller.is_not(None), *_in_span()).having(~of_several)


def _several() -> Select[Any]:
    """Return the query for callers with several numbers: one index lookup for each number."""
    started_at = _CALL.c.started_at
    start, until = bindparam("start", type_=UtcTime), bindparam("until", type_=UtcTime)
    of_number = (_CALL.c.caller == _OWN.c.number) & (started_at >= start) & (started_at < until)
    used = (
        select(_OWN.c.patient, _OWN.c.number, func.count(started_at).label("calls"))
        .join_from(_OWN, _CALL, of_number, isouter=True)  # from `own`, despite SQLite's estimate
        .group_by(_OWN.c.patient, _OWN.c.number)
        .subquery()
    )
    of_patient = used.c.patient
    most = func.row_number().over(
        partition_by=of_patient, order_by=(used.c.calls.desc(), used.c.number)
    )
    ranked = (
        select(
            used.c.number,
            func.count().over(partition_by=of_patient).label("numbers"),
            func.sum(used.c.calls).over(partition_by=of_patient).label("calls"),
            most.label("place"),
        )
        .where(used.c.calls > 0)
        .subquery()
    )
    return select(ranked.c.number, ranked.c.numbers, ranked.c.calls).where(ranked.c.place == 1)


# The counts are in a temporary table, because a window function over them would take longer.
_HEARD_COLUMNS = ["number", "numbers", "calls"]
_FILL = (
    insert(_OWN).from_select(["patient", "number"], _own()),
    insert(_HEARD).from_select(_HEARD_COLUMNS, _one()),
    insert(_HEARD).from_select(_HEARD_COLUMNS, _several()),
)
_ALL = select(func.count(), func.coalesce(func.sum(_HEARD.c.calls), 0)).select_from(_HEARD)
_FIRST = select(_HEARD).order_by(_HEARD.c.calls.desc(), _HEARD.c.number)


@dataclass(frozen=True)
class CallerCount:
    """One caller: the number used most, how many numbers they used, and how often they called."""

    number: str
    numbers: int
    calls: int


@dataclass(frozen=True)
class Callers:
    """The top callers with a known number, and the calls of the top 0.6 % (at least one caller).

    `total` counts the calls of all `everybody` callers.
    """

    first: tuple[CallerCount, ...] = ()
    everybody: int = 0
    total: int = 0
    few: int = 0
    few_calls: int = 0


def count_callers(connection: Connection, start: datetime, until: datetime, most: int) -> Callers:
    """Return the calls per caller in [start, until), with the `most` top callers listed."""
    span = {"start": start, "until": until}
    _TEMPORARY.create_all(connection, checkfirst=False)
    for statement in _FILL:
        connection.execute(statement, span)
    everybody, total = connection.execute(_ALL).one()
    first = tuple(CallerCount(*row) for row in connection.execute(_FIRST.limit(most)))
    few = (everybody * FEW_PER_MILLE + 999) // 1000
    top = _FIRST.limit(few).subquery()
    made = connection.scalar(select(func.sum(top.c.calls))) or 0
    _TEMPORARY.drop_all(connection, checkfirst=False)
    return Callers(first, everybody, total, few, made)
