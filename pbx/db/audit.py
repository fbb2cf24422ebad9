"""Who did what: an append-only hash chain of audit rows. The only module that writes `audit`.

A row is written in the transaction of the action itself, so that neither exists without the other.
Somebody who can write the file can cut off its end unnoticed, unless the head of the chain is
also kept elsewhere: see docs/adr/0011-an-audit-that-shows-its-gaps.md.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, func, insert, or_, select

from pbx.base.phone_numbers import mask_within
from pbx.db.database import is_writing, reading, writing
from pbx.db.statements import table_of
from pbx.db.tables import from_utc_text, utc_text
from pbx.db.trust_tables import AuditRow

if TYPE_CHECKING:
    from sqlalchemy import Row

GENESIS = "0" * 64  # the "previous hash" of the first row
LONGEST = 200  # maximum characters of who, what and about

_AUDIT = table_of(AuditRow)
_APPEND = insert(_AUDIT)
_ALL = select(_AUDIT).order_by(_AUDIT.c.seq)
_LAST = select(_AUDIT.c.seq, _AUDIT.c.hash).order_by(_AUDIT.c.seq.desc()).limit(1)
_FIRST = select(_AUDIT.c.hash).order_by(_AUDIT.c.seq).limit(1)


@dataclass(frozen=True)
class AuditEntry:
    """One row: `at` is UTC, `about` an id, `detail` holds ids, counts and reasons."""

    seq: int
    at: datetime
    who: str
    what: str
    about: str
    detail: Mapping[str, Any]
    hash: str


@dataclass(frozen=True)
class Verified:
    """The result of verifying the whole chain: `head` is the last row's hash.

    `broken_at` is the `seq` of the first row that was changed or is missing.
    """

    ok: bool
    entries: int
    head: str
    broken_at: int | None


def append(
    connection: Connection,
    what: str,
    *,
    by: str,
    now: datetime,
    about: str | int = "",
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Add a row in the action's write transaction; ValueError in a read transaction.

    `what` is a noun and an action, such as "plan.applied"; phone numbers in a `reason` are masked.
    """
    if not is_writing(connection):  # another process could append after the same row
        raise ValueError("an audit row needs the write transaction of its deed")
    kept = {**(detail or {})}
    if "reason" in kept:
        kept["reason"] = mask_within(kept["reason"])
    last = connection.execute(_LAST).first()
    seq, previous = (1, GENESIS) if last is None else (last.seq + 1, last.hash)
    texts = (
        utc_text(now),
        mask_within(_printable(by)),
        what,
        _printable(str(about)),
        json.dumps(kept, sort_keys=True),
    )
    row = dict(zip(("at", "who", "what", "about", "detail"), texts, strict=True))
    connection.execute(_APPEND, {**row, "seq": seq, "hash": _digest(previous, seq, texts)})


@contextlib.contextmanager
def deed(
    engine: Engine,
    what: str,
    *,
    by: str,
    now: datetime,
    about: str | int = "",
    detail: Mapping[str, Any] | None = None,
) -> Iterator[None]:
    """Record an action outside the database: the row is rolled back if the action fails.

    Raises StoreError, before the action begins, if the row cannot be written.
    """
    with writing(engine, durable=True) as connection:
        append(connection, what, by=by, now=now, about=about, detail=detail)
        yield


def record(
    engine: Engine,
    what: str,
    *,
    by: str,
    now: datetime,
    about: str | int = "",
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Add a row durably before something is shown; StoreError if it cannot be written."""
    with deed(engine, what, by=by, now=now, about=about, detail=detail):
        pass


def entries(
    engine: Engine,
    start: datetime | None = None,
    until: datetime | None = None,
    who: str | None = None,
    what: str | None = None,
) -> list[AuditEntry]:
    """Return rows in order; `what` is a full action such as "plan.applied" or just its noun."""
    columns = _AUDIT.c
    wanted = _ALL
    if start is not None:
        wanted = wanted.where(columns.at >= utc_text(start))
    if until is not None:
        wanted = wanted.where(columns.at < utc_text(until))
    if who is not None:
        wanted = wanted.where(columns.who == who)
    if what is not None:
        of_noun = func.substr(columns.what, 1, len(what) + 1) == f"{what}."
        wanted = wanted.where(or_(columns.what == what, of_noun))
    with reading(engine) as session:
        return [_entry(row) for row in session.execute(wanted)]


def head(engine: Engine) -> tuple[int, str]:
    """Return the number of rows and the last row's hash."""
    with reading(engine) as session:
        last = session.execute(_LAST).first()
        return (0, GENESIS) if last is None else (last.seq, last.hash)


def first(engine: Engine) -> str:
    """Return the first row's hash, which never changes and is unique for each office."""
    with reading(engine) as session:
        return str(session.scalar(_FIRST) or GENESIS)


def verify(engine: Engine, kept: str | None = None) -> Verified:
    """Return the result of recomputing the whole chain.

    `kept` is an earlier head that must be in the chain; with it, a truncated or rewritten chain is
    also detected.
    """
    count, last, broken, met = 0, GENESIS, None, kept in {None, GENESIS}
    with reading(engine) as session:
        for count, row in enumerate(session.execute(_ALL), start=1):
            if broken is None and not _follows(tuple(row), count, last):
                broken = count
            last = str(row.hash)
            met = met or last == kept
    if broken is None and not met:
        broken = count + 1
    return Verified(broken is None, count, last, broken)


def _follows(row: Sequence[Any], seq: int, previous: str) -> bool:
    """Return whether a row has this number and matches its hash and the previous one."""
    found, *texts, hash_ = row
    whole = found == seq and all(isinstance(one, str) for one in texts)
    return whole and hash_ == _digest(previous, seq, texts)


def _digest(previous: str, seq: int, texts: Sequence[str]) -> str:
    """Return the SHA-256 of a row and the previous hash, encoded as unambiguous JSON.

    The order of the fields is that of the table: seq, at, who, what, about, detail.
    """
    canonical = json.dumps([previous, seq, *texts], separators=(",", ":"))
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


def _printable(words: str) -> str:
    return "".join(sign for sign in words if sign.isprintable())[:LONGEST]


def _entry(row: Row[Any]) -> AuditEntry:
    return AuditEntry(
        row.seq,
        from_utc_text(row.at),
        row.who,
        row.what,
        row.about,
        json.loads(row.detail),
        row.hash,
    )
