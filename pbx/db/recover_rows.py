"""Copy the readable rows of a damaged database into a new one.

Only the rows in damaged pages are lost: each table is read from both ends toward the damage, and
then between damaged places. Of the call log, only the last day is copied. Copying stops after
`LONGEST_S`, because callers are waiting; messages are therefore copied first.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, get_args

from sqlalchemy import Boolean, Column, Engine, Integer, Table, exists
from sqlmodel import SQLModel, col, select

from pbx.db import audit, driver
from pbx.db.database import reading
from pbx.db.outbound_tables import OutboundCall
from pbx.db.shift_tables import ShiftCall, ShiftStart
from pbx.db.statements import table_of
from pbx.db.tables import (
    Attempt,
    Call,
    Message,
    MessageEvent,
    PatientNumber,
    PatientRow,
    PinTries,
    UtcTime,
    from_utc_text,
    utc_text,
)
from pbx.db.trust_tables import AuditRow, HoldRow
from routing.follow_up import STATES
from routing.model import Urgency

LONGEST_S = 15.0
CALLS, CALLS_OF = 5000, timedelta(hours=24)  # rules use the recent calls of a caller
MOST_LOST = 4096  # rowids to try one by one if nothing can be read after the damage
TORN = "audit.torn"  # an audit row after a gap of unreadable rows

# Most important first. The plan and the overrides are restored from other files.
_KEPT: tuple[type[SQLModel], ...] = (
    Message, PatientRow, PatientNumber, PinTries, OutboundCall, HoldRow, ShiftStart, ShiftCall,
    Call, AuditRow, MessageEvent, Attempt,
)  # fmt: skip
_WORDS = {("message", "state"): STATES, ("message", "urgency"): get_args(Urgency)}
# Restore a lost message as closed if its history says so, so that it rings nobody again.
_SETTLED = """
    INSERT INTO message
        (id, call, opened_at, state, urgency, recording, flags, closed_by, closed_at)
    SELECT message, message, min(at), 'closed', 'urgent', 'messages/' || message || '.wav', '[]',
           max(person) FILTER (WHERE what = 'closed'), max(at) FILTER (WHERE what = 'closed')
    FROM message_event WHERE message NOT IN (SELECT id FROM message)
    GROUP BY message HAVING max(what = 'closed')
"""

Row = Sequence[Any]


@dataclass
class Extracted:
    """The copied rows per table, and the tables that could not be read completely."""

    rows: dict[str, int] = field(default_factory=dict)
    torn: set[str] = field(default_factory=set)


def extract(damaged: Path, new: Path, now: datetime) -> Extracted:
    """Copy the readable rows of `damaged`, which is not changed, into `new`; return the counts."""
    found, until = Extracted(), time.monotonic() + LONGEST_S
    with (
        closing(driver.read_only(damaged)) as old,
        driver.exclusive(new) as target,
    ):
        triggers = target.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        kept = triggers.fetchall()
        for name, _ in kept:  # the audit's triggers would refuse rows after a gap
            target.execute(f"DROP TRIGGER {name}")
        for model in _KEPT:
            _copy(_Reader(old, table_of(model), until), target, found, now)
        if "audit" in found.torn:
            _gap(target, damaged.name, now)
        for _, statement in kept:
            target.execute(statement)
        target.execute(_SETTLED)
        _drop_orphans(target)
    return found


def _copy(reader: _Reader, target: driver.Connection, found: Extracted, now: datetime) -> None:
    """Copy one table; columns that the damaged table does not have get their defaults."""
    name, columns = reader.name, reader.columns
    marks = ", ".join("?" for _ in columns)
    put = f"INSERT OR IGNORE INTO {name} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608  # our own tables
    rows = reader.rows()
    if name == "call":
        since, started = utc_text(now - CALLS_OF), columns.get("started_at", 0)
        rows = (row for row in reader.of_late(CALLS) if row[started] >= since)
    if columns:
        target.executemany(put, rows)
    (found.rows[name],) = target.execute(f"SELECT count(*) FROM {name}").fetchone()  # noqa: S608  # as above
    if reader.torn:
        found.torn.add(name)


class _Reader:
    """Reads a table around its damage; `torn` is true if some rows could not be read.

    Python reads one row ahead, so the row before the damage can only be read by its own rowid.
    """

    def __init__(self, old: driver.Connection, of: Table, until: float) -> None:
        self._old = old
        self._until = until
        self.name = of.name
        there: set[str] = set()
        with contextlib.suppress(driver.Error):
            there = {name for _, name, *_ in old.execute(f"PRAGMA table_info({of.name})")}
        known = [column for column in of.columns if column.name in there]
        self.columns = {column.name: place for place, column in enumerate(known)}
        self._checks = [_check(column) for column in known]
        self._select = f"SELECT rowid, {', '.join(self.columns)} FROM {of.name}"  # noqa: S608  # our own tables
        self.torn = self._failed = not known
        self._last = 0  # the last rowid read

    def rows(self) -> Iterator[Row]:
        """Yield every readable row."""
        yield from self._between(0, 2**62)
        if not self.torn:
            return
        low = self._last
        high = low + MOST_LOST
        for rowid, *row in self._tried("WHERE rowid > ? ORDER BY rowid DESC", low):
            yield row
            high = rowid
        gaps = [(low, high)] if self._failed else []
        while gaps:
            low, high = gaps.pop()
            if high - low < 2:  # noqa: PLR2004  # no row can be between
                continue
            middle = (low + high) // 2
            for _, *row in self._tried("WHERE rowid = ?", middle):
                yield row
            yield from self._between(middle, high)
            gaps += [(self._last, high)] if self._failed else []
            gaps.append((low, middle))

    def of_late(self, most: int) -> Iterator[Row]:
        """Yield at most `most` of the newest rows, newest first."""
        for _, *row in self._tried("WHERE rowid > ? ORDER BY rowid DESC LIMIT ?", 0, most):
            yield row

    def _between(self, low: int, high: int) -> Iterator[Row]:
        """Yield the rows between two rowids (both exclusive), or until the damage."""
        self._last = low
        for rowid, *row in self._tried("WHERE rowid > ? AND rowid < ? ORDER BY rowid", low, high):
            self._last = rowid
            yield row

    def _tried(self, where: str, *values: int) -> Iterator[Row]:
        """Yield rows until the damage or the time limit; skip rows with invalid values."""
        self._failed = False
        try:
            for row in self._old.execute(f"{self._select} {where}", values):
                if time.monotonic() > self._until:
                    break
                if all(check(value) for check, value in zip(self._checks, row[1:], strict=True)):
                    yield row
                else:
                    self.torn = True
            else:
                return
        except driver.Error:
            pass
        self.torn = self._failed = True


def _check(column: Column[Any]) -> Callable[[Any], object]:
    """Return a function that returns whether a value is valid for the column.

    One invalid value, such as an unreadable time, would keep the follow-up from reading any row.
    """
    fits: Callable[[Any], object]
    words = _WORDS.get((column.table.name, column.name))
    if isinstance(column.type, UtcTime) or column.name == "at":
        fits = _is_time
    elif column.name in {"detail", "flags"}:
        kind = list if column.name == "flags" else dict
        fits = partial(_is_json, kind)
    elif words is not None:
        fits = words.__contains__
    else:
        kind_ = int if isinstance(column.type, Boolean | Integer) else str
        fits = partial(_is_a, kind_)
    return (lambda value: value is None or fits(value)) if column.nullable else fits


def _is_a(kind: type, value: object) -> bool:
    return isinstance(value, kind)


def _is_time(value: object) -> bool:
    try:
        return isinstance(value, str) and from_utc_text(value).tzinfo is not None
    except ValueError:
        return False


def _is_json(kind: type, value: object) -> bool:
    try:
        return isinstance(value, str) and isinstance(json.loads(value), kind)
    except ValueError:
        return False


def _gap(target: driver.Connection, damaged: str, now: datetime) -> None:
    """Add an audit row whose hash does not fit the chain, so that verifying shows the gap."""
    (last,) = target.execute("SELECT coalesce(max(seq), 0) FROM audit").fetchone()
    target.execute(
        "INSERT INTO audit (seq, at, who, what, about, detail, hash) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (last + 1, utc_text(now), "officeline", TORN, damaged, "{}", audit.GENESIS),
    )


def _drop_orphans(target: driver.Connection) -> None:
    """Delete rows whose parent row could not be read."""
    for name, rowid, *_ in target.execute("PRAGMA foreign_key_check").fetchall():
        target.execute(f"DELETE FROM {name} WHERE rowid = ?", (rowid,))  # noqa: S608  # SQLite names it


def lost(engine: Engine) -> list[tuple[str, str | None, datetime]]:
    """Return the copied calls (id, caller, start) whose message is missing."""
    there = exists().where(col(Message.id) == col(Call.message))
    wanted = select(Call.id, Call.caller, Call.started_at)
    with reading(engine) as session:
        found = session.exec(wanted.where(col(Call.message).is_not(None), ~there))
        return [(id_, caller, at) for id_, caller, at in found]
