"""Wrong PINs, counted: a try is on the disk before anybody looks whether it is right.

What alone writes `pin_tries`.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Engine, Row, delete, select, update
from sqlmodel import col

from pbx.db import audit
from pbx.db.database import reading, writing
from pbx.db.statements import insert, table_of
from pbx.db.tables import PinTries

Way = Literal["inbound", "called"]

LIMIT = 5  # wrong PINs in a row, for each person and way
STRANGERS = ""  # all tries of calls that came in, whoever they named
EVERYBODY = "everybody who calls in"
TELEPHONE = "telephone"  # who keyed it in, nobody knows
STRANGERS_LIMIT = 20  # of them, within
STRANGERS_FOR = timedelta(hours=1)  # for as long nobody who calls in is let through

_TRIES = table_of(PinTries)


@dataclass(frozen=True)
class PinTry:
    """Whether a try may be looked at, and whom it locks unless it is right."""

    may: bool
    locks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Locked:
    """Who is locked, in which way, since when; `person` is empty where all strangers are."""

    person: str
    way: str
    at: datetime
    tries: int


def count_try(engine: Engine, person: str | None, way: Way, now: datetime) -> PinTry:
    """Count one more try, durably; `person` is None where a code is nobody's.

    StoreError if it cannot be counted.
    """
    limits = {STRANGERS: STRANGERS_LIMIT} if way == "inbound" else {}
    if person is not None:
        limits[person] = LIMIT
    locks = []
    with writing(engine, durable=True) as connection:
        if way == "inbound":
            _forget_past(connection, now)
        for who, limit in limits.items():
            wrong = _count(connection, who, way, now, limit)
            if wrong is None:
                return PinTry(may=False)
            if wrong == limit:
                locks.append(who)
    return PinTry(may=True, locks=tuple(locks))


def right(engine: Engine, person: str, way: Way) -> int:
    """Forgive a person's tries, the last of which was right; return how many wrong ones it ended.

    StoreError if that cannot be written.
    """
    with writing(engine, durable=True) as connection:
        row = _get(connection, person, way)
        wrong = 0 if row is None else row.wrong - 1
        _forget(connection, _TRIES.c.person == person, _TRIES.c.way == way)
        strangers = _get(connection, STRANGERS, way)
        if strangers is not None:  # it was counted with theirs, too
            _put(connection, strangers, wrong=strangers.wrong - 1, locked_at=None)
    return wrong


def wrong(  # who and when are for the audit
    engine: Engine, person: str | None, way: Way, locks: Collection[str], now: datetime
) -> None:
    """Write into the audit that a try was wrong, and whom it locked; StoreError if that fails."""
    with writing(engine, durable=True) as connection:
        for what, whom in [("pin.wrong", person or ""), *(("pin.locked", who) for who in locks)]:
            about, detail = whom or EVERYBODY if what == "pin.locked" else whom, {"way": way}
            audit.append(connection, what, by=TELEPHONE, now=now, about=about, detail=detail)


def unlock(engine: Engine, person: str, *, by: str, now: datetime) -> bool:
    """Forget a person's tries, and the strangers'; tell whether the person was locked."""
    with writing(engine, durable=True) as connection:
        theirs = _TRIES.c.person.in_([person, STRANGERS])
        rows = connection.execute(select(_TRIES).where(theirs)).all()
        _forget(connection, theirs)
        was = any(row.person == person and row.locked_at is not None for row in rows)
        if rows:
            detail = {"was_locked": was}
            audit.append(connection, "pin.unlocked", by=by, now=now, about=person, detail=detail)
        return was


def locked(engine: Engine, now: datetime) -> list[Locked]:
    """List who is locked now."""
    wanted = select(PinTries).order_by(col(PinTries.person), col(PinTries.way))
    with reading(engine) as session:
        return [
            Locked(row.person, row.way, row.locked_at, row.wrong)
            for row in session.scalars(wanted)
            if row.locked_at is not None and not (row.person == STRANGERS and _over(row, now))
        ]


def bring_tries_back(connection: Connection, now: datetime) -> None:
    """Within a transaction: let no try or lock lie in the future, which a wrong clock wrote."""
    for name in ("since", "locked_at"):
        ahead = update(_TRIES).where(_TRIES.c[name] > now)
        connection.execute(ahead.values({name: now}))


def _get(connection: Connection, person: str, way: str) -> Row[Any] | None:
    wanted = select(_TRIES).where(_TRIES.c.person == person, _TRIES.c.way == way)
    return connection.execute(wanted).first()


def _put(connection: Connection, row: Row[Any] | None, **values: Any) -> None:
    """Write a row, with what is new of it."""
    known = {} if row is None else row._asdict()
    put = insert(_TRIES).values(known | values)
    connection.execute(
        put.on_conflict_do_update(index_elements=["person", "way"], set_=known | values)
    )


def _forget(connection: Connection, *meant: ColumnElement[bool]) -> None:
    connection.execute(delete(_TRIES).where(*meant))


def _forget_past(connection: Connection, now: datetime) -> None:
    row = _get(connection, STRANGERS, "inbound")
    if row is not None and _over(row, now):
        _forget(connection, _TRIES.c.person == STRANGERS, _TRIES.c.way == "inbound")


def _count(connection: Connection, person: str, way: Way, now: datetime, limit: int) -> int | None:
    """Count one more and return how many there are, of which `limit` lock; None if locked."""
    row = _get(connection, person, way)
    if row is not None and row.locked_at is not None:
        return None
    wrong = 1 if row is None else row.wrong + 1
    since = now if row is None else row.since
    locked_at = now if wrong >= limit else None
    key = {"person": person, "way": way}
    _put(connection, row, **key, wrong=wrong, since=since, last_at=now, locked_at=locked_at)
    return wrong


def _over(row: PinTries | Row[Any], now: datetime) -> bool:
    """Tell whether strangers' tries, or the lock that they led to, are past."""
    return bool(now - (row.locked_at or row.since) >= STRANGERS_FOR)
