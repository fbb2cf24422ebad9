"""What the database lays over the file's plan: overrides, hours, patients, unconfirmed shifts.

By SQLite alone and only reading, so that a command that asks who is on call starts at once.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from pbx.base.errors import OfficeLineError
from pbx.base.os_errors import database_sentence
from routing.model import HoursChange, Override, Patient, Plan, Unconfirmed, together

_OVERRIDES = """
    SELECT id, schedule, kind, person, instead_of, start, "end", reason
    FROM schedule_override WHERE canceled_at IS NULL ORDER BY id
"""
_CHANGES = """
    SELECT id, state, start, "end", reason, office_hours
    FROM hours_change WHERE canceled_at IS NULL ORDER BY id
"""
_PATIENTS = """
    SELECT patient_number.number, patient.id, patient.name, patient.panel, patient.flags
    FROM patient_number JOIN patient ON patient.id = patient_number.patient
"""
_UNCONFIRMED = """
    SELECT schedule, person, start, "end" FROM shift_start
    WHERE state = 'unconfirmed' AND role = 'oncall' ORDER BY id
"""
_APPLIED = "SELECT id, hash, text FROM plan_applied ORDER BY id DESC"
_BEGUN_WITH = """
    SELECT id, hash, text FROM plan_applied WHERE id IN (
        SELECT max(id) FROM plan_applied
        WHERE hash IN (SELECT plan FROM call WHERE outcome IS NULL) GROUP BY hash)
    ORDER BY id
"""
_TABLES = frozenset(
    {"plan_applied", "schedule_override", "hours_change", "patient", "patient_number"}
)
_SHIFTS = "shift_start"  # a database that waits for this version's daemon may lack it
_BUSY_S = 2.0


@dataclass(frozen=True)
class AppliedText:
    """A plan that went live, as its file's text."""

    id: int
    hash: str
    text: str = field(repr=False)


@dataclass(frozen=True)
class Overlay:
    """What stands beside the file; `lay` puts it over a plan."""

    overrides: tuple[Override, ...] = ()
    changes: tuple[HoursChange, ...] = ()
    patients: Mapping[str, Patient] = field(default_factory=dict)
    unconfirmed: tuple[Unconfirmed, ...] = ()

    def lay(self, plan: Plan) -> Plan:
        """Return the plan with everything of ours in it, and named by it."""
        return replace(plan, **vars(self), laid=self.name)

    @property
    def name(self) -> str:
        """Name what is laid over a plan, the same always alike.

        Patients are left out: what the directory says of its caller a call carries itself.
        """
        parts = (self.overrides, self.changes, self.unconfirmed)
        return hashlib.blake2s(repr(parts).encode(), digest_size=6).hexdigest()


def laid_over(plan: Plan, database: Path) -> Plan:
    """Lay the database over a plan; without a database, or in an old one, the plan stays."""
    if not database.exists():
        return plan
    try:
        with closing(connect(database)) as connection:
            return read(connection).lay(plan)
    except sqlite3.Error as error:
        raise unreadable(database, error) from error


def applied_texts(database: Path, limit: int = 1) -> list[AppliedText]:
    """Read the plans that went live, the running one first; none without a database."""
    if not database.exists():
        return []
    try:
        with closing(connect(database)) as connection:
            if not _tables(connection) >= _TABLES:
                return []
            rows = connection.execute(f"{_APPLIED} LIMIT ?", (limit,)).fetchall()
    except sqlite3.Error as error:
        raise unreadable(database, error) from error
    return [AppliedText(*row) for row in rows]


def connect(database: Path) -> sqlite3.Connection:
    """Open the database to read, in whatever thread; sqlite3.Error if it cannot be."""
    uri = f"{database.absolute().as_uri()}?mode=ro"
    return sqlite3.connect(
        uri, uri=True, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
    )


def revision(connection: sqlite3.Connection) -> int:
    """Tell how often what stands beside the file was changed."""
    (count,) = connection.execute("PRAGMA user_version").fetchone()
    return int(count)


def applied(connection: sqlite3.Connection) -> AppliedText | None:
    """Read the plan that runs; None if none was ever applied."""
    row = connection.execute(f"{_APPLIED} LIMIT 1").fetchone()
    return None if row is None else AppliedText(*row)


def begun_with(connection: sqlite3.Connection) -> list[AppliedText]:
    """Read the plans of calls that are not over, the oldest first."""
    return [AppliedText(*row) for row in connection.execute(_BEGUN_WITH)]


def read(connection: sqlite3.Connection) -> Overlay:
    """Read everything as it is at one moment."""
    connection.execute("BEGIN")
    try:
        names = _tables(connection)
        if not names >= _TABLES:
            return Overlay()
        return Overlay(
            overrides=tuple(
                Override(id_, schedule, kind, person, out, _at(start), _at(end), reason)
                for id_, schedule, kind, person, out, start, end, reason in connection.execute(
                    _OVERRIDES
                )
            ),
            changes=tuple(
                HoursChange(id_, state, _at(start), _at(end), reason, office_hours)
                for id_, state, start, end, reason, office_hours in connection.execute(_CHANGES)
            ),
            patients=_patients(connection),
            unconfirmed=_unconfirmed(connection) if _SHIFTS in names else (),
        )
    finally:
        connection.execute("COMMIT")


def unreadable(database: Path, error: sqlite3.Error) -> OfficeLineError:
    """Say in a sentence that the database cannot be read."""
    for place in (database.parent, database):
        if not os.access(place, os.R_OK, effective_ids=True):
            return OfficeLineError(database_sentence("cannot be read", database, place))
    return OfficeLineError(
        f"The database {database} cannot be read ({error}); "
        "check its owner, or restore a backup of it."
    )


def _tables(connection: sqlite3.Connection) -> set[str]:
    """Name the tables; a database that no newer version opened has few of them."""
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    return {name for (name,) in names}


def _unconfirmed(connection: sqlite3.Connection) -> tuple[Unconfirmed, ...]:
    return tuple(
        Unconfirmed(schedule, person, _at(start), None if end is None else _at(end))
        for schedule, person, start, end in connection.execute(_UNCONFIRMED)
    )


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _patients(connection: sqlite3.Connection) -> dict[str, Patient]:
    """Map numbers to patients; the few combinations of flags are parsed once each."""
    known: dict[str, Patient] = {}
    flags: dict[str, frozenset[str]] = {}
    found: dict[str, list[Patient]] = {}
    for number, id_, name, panel, text in connection.execute(_PATIENTS):
        if id_ not in known:
            if text not in flags:
                flags[text] = frozenset(json.loads(text))
            known[id_] = Patient(id_, name, panel, flags[text])
        found.setdefault(number, []).append(known[id_])
    return {number: together(patients) for number, patients in found.items()}
