"""The count of wrong PINs. A try is stored durably before the PIN is checked.

The only module that writes `pin_tries`.
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

LIMIT = 5  # wrong PINs in a row until the lock, for each person and way
STRANGERS = ""  # all tries of inbound calls together, for any person
EVERYBODY = "everybody who calls in"
TELEPHONE = "telephone"  # the audit's `who`: nobody knows who keyed in the PIN
STRANGERS_LIMIT = 20  # tries within STRANGERS_FOR until the lock
STRANGERS_FOR = timedelta(hours=1)  # how long tries of inbound calls count, and their lock lasts

_TRIES = table_of(PinTries)


@dataclass(frozen=True)
class PinTry:
    """Whether the PIN may be checked, and whom the try locks if it is wrong."""

    may: bool
    locks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Locked:
    """A lock: who, in which way, since when. `person` is empty for the lock on all strangers."""

    person: str
    way: str
    at: datetime
    tries: int


def count_try(engine: Engine, person: str | None, way: Way, now: datetime) -> PinTry:
    """Count one more try durably; `person` is None if the code belongs to nobody.

    Raises StoreError if it cannot be stored.
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
    """Delete a person's tries after a right PIN; return how many wrong ones came before it.

    Raises StoreError if it cannot be stored.
    """
    with writing(engine, durable=True) as connection:
        row = _get(connection, person, way)
        wrong = 0 if row is None else row.wrong - 1
        _forget(connection, _TRIES.c.person == person, _TRIES.c.way == way)
        strangers = _get(connection, STRANGERS, way)
        if strangers is not None:  # the right try was counted among the strangers', too
            _put(connection, strangers, wrong=strangers.wrong - 1, locked_at=None)
    return wrong


def wrong(  # it has many arguments for the audit
    engine: Engine, person: str | None, way: Way, locks: Collection[str], now: datetime
) -> None:
    """Record in the audit that a try was wrong, and whom it locked.

    Raises StoreError if it cannot be stored.
    """
    with writing(engine, durable=True) as connection:
        for what, whom in [("pin.wrong", person or ""), *(("pin.locked", who) for who in locks)]:
            about, detail = whom or EVERYBODY if what == "pin.locked" else whom, {"way": way}
            audit.append(connection, what, by=TELEPHONE, now=now, about=about, detail=detail)


def unlock(engine: Engine, person: str, *, by: str, now: datetime) -> bool:
    """Delete the tries of a person and of strangers; return whether the person was locked."""
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
    """Return the locks that apply now."""
    wanted = select(PinTries).order_by(col(PinTries.person), col(PinTries.way))
    with reading(engine) as session:
        return [
            Locked(row.person, row.way, row.locked_at, row.wrong)
            for row in session.scalars(wanted)
            if row.locked_at is not None and not (row.person == STRANGERS and _over(row, now))
        ]


def bring_tries_back(connection: Connection, now: datetime) -> None:
    """Within a transaction: move future times, written by a wrong clock, back to `now`."""
    for name in ("since", "locked_at"):
        ahead = update(_TRIES).where(_TRIES.c[name] > now)
        connection.execute(ahead.values({name: now}))


def _get(connection: Connection, person: str, way: str) -> Row[Any] | None:
    wanted = select(_TRIES).where(_TRIES.c.person == person, _TRIES.c.way == way)
    return connection.execute(wanted).first()


def _put(connection: Connection, row: Row[Any] | None, **values: Any) -> None:
    """Insert or update a row, with these new values."""
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
    """Count one more try, which locks at `limit`; return the count, or None if already locked."""
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
    """Return whether the strangers' tries, or their lock, have expired."""
    return bool(now - (row.locked_at or row.since) >= STRANGERS_FOR)
