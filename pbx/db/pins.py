"""Wrong PINs, counted: a try is on the disk before anybody looks whether it is right."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, col, select

from pbx.db import audit
from pbx.db.database import damage_sentence, file_of, reading, writing
from pbx.db.tables import PinTries

Way = Literal["inbound", "called"]

LIMIT = 5  # wrong PINs in a row, for each person and way
STRANGERS = ""  # all tries of calls that came in, whoever they named
EVERYBODY = "everybody who calls in"
TELEPHONE = "telephone"  # who keyed it in, nobody knows
STRANGERS_LIMIT = 20  # of them, within
STRANGERS_FOR = timedelta(hours=1)  # for as long nobody who calls in is let through


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
    with _counting(engine) as session:
        if way == "inbound":
            _forget_past(session, now)
        for who, limit in limits.items():
            wrong = _count(session, who, way, now, limit)
            if wrong is None:
                return PinTry(may=False)
            if wrong == limit:
                locks.append(who)
    return PinTry(may=True, locks=tuple(locks))


def right(engine: Engine, person: str, way: Way) -> int:
    """Forgive a person's tries, the last of which was right; return how many wrong ones it ended.

    StoreError if that cannot be written.
    """
    with _counting(engine) as session:
        row = session.get(PinTries, (person, way))
        wrong = 0 if row is None else row.wrong - 1
        if row is not None:
            session.delete(row)
        strangers = session.get(PinTries, (STRANGERS, way))
        if strangers is not None:  # it was counted with theirs, too
            strangers.wrong -= 1
            strangers.locked_at = None
            session.add(strangers)
    return wrong


def wrong(  # who and when are for the audit
    engine: Engine, person: str | None, way: Way, locks: Collection[str], now: datetime
) -> None:
    """Write into the audit that a try was wrong, and whom it locked; StoreError if that fails."""
    with _counting(engine) as session:
        connection = session.connection()
        for what, whom in [("pin.wrong", person or ""), *(("pin.locked", who) for who in locks)]:
            about, detail = whom or EVERYBODY if what == "pin.locked" else whom, {"way": way}
            audit.append(connection, what, by=TELEPHONE, now=now, about=about, detail=detail)


def unlock(engine: Engine, person: str, *, by: str, now: datetime) -> bool:
    """Forget a person's tries, and the strangers'; tell whether the person was locked."""
    with _counting(engine) as session:
        rows = session.exec(
            select(PinTries).where(col(PinTries.person).in_([person, STRANGERS]))
        ).all()
        for row in rows:
            session.delete(row)
        was = any(row.person == person and row.locked_at is not None for row in rows)
        if rows:
            connection, detail = session.connection(), {"was_locked": was}
            audit.append(connection, "pin.unlocked", by=by, now=now, about=person, detail=detail)
        return was


def locked(engine: Engine, now: datetime) -> list[Locked]:
    """List who is locked now."""
    wanted = select(PinTries).order_by(col(PinTries.person), col(PinTries.way))
    with reading(engine) as session:
        return [
            Locked(row.person, row.way, row.locked_at, row.wrong)
            for row in session.exec(wanted)
            if row.locked_at is not None and not (row.person == STRANGERS and _over(row, now))
        ]


def _forget_past(session: Session, now: datetime) -> None:
    row = session.get(PinTries, (STRANGERS, "inbound"))
    if row is not None and _over(row, now):
        session.delete(row)
        session.flush()


def _count(session: Session, person: str, way: Way, now: datetime, limit: int) -> int | None:
    """Count one more and return how many there are, of which `limit` lock; None if locked."""
    row = session.get(PinTries, (person, way))
    if row is None:
        row = PinTries(person=person, way=way, wrong=0, since=now, last_at=now)
    if row.locked_at is not None:
        return None
    row.wrong += 1
    row.last_at = now
    row.locked_at = now if row.wrong >= limit else None
    session.add(row)
    return row.wrong


def _over(row: PinTries, now: datetime) -> bool:
    """Tell whether strangers' tries, or the lock that they led to, are past."""
    return now - (row.locked_at or row.since) >= STRANGERS_FOR


@contextlib.contextmanager
def _counting(engine: Engine) -> Iterator[Session]:
    """Hold a durable transaction; StoreError says what is wrong with the database."""
    try:
        with (
            writing(engine, durable=True) as connection,
            Session(connection, expire_on_commit=False) as session,
        ):
            yield session
            session.flush()
    except DBAPIError as error:
        raise damage_sentence(error, file_of(engine)) from error
