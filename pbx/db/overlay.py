"""What the database adds to the file's plan: overrides, hours, patients, unconfirmed shifts.

It only reads, and uses SQLite's driver without SQLAlchemy, so that commands that ask who is on call
start quickly: see `pbx.db.driver`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from pbx.base.errors import OfficeLineError
from pbx.base.os_errors import database_sentence
from pbx.db import driver
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


class Values(Protocol):
    """A row whose values are read by column name."""

    def __getitem__(self, name: str, /) -> Any:
        """Return the value of a column."""


@dataclass(frozen=True)
class AppliedText:
    """The text of a plan that was applied."""

    id: int
    hash: str
    text: str = field(repr=False)


@dataclass(frozen=True)
class Overlay:
    """What is changed outside the office's file; `lay` adds it to a plan."""

    overrides: tuple[Override, ...] = ()
    changes: tuple[HoursChange, ...] = ()
    patients: Mapping[str, Patient] = field(default_factory=dict)
    unconfirmed: tuple[Unconfirmed, ...] = ()

    def lay(self, plan: Plan) -> Plan:
        """Return the plan with this overlay, and its name as `laid`."""
        return replace(plan, **vars(self), laid=self.name)

    @property
    def name(self) -> str:
        """Return a fingerprint: equal overlays have the same name.

        Patients are left out, because each call stores what the directory knew of its caller.
        """
        parts = (self.overrides, self.changes, self.unconfirmed)
        return hashlib.blake2s(repr(parts).encode(), digest_size=6).hexdigest()


def laid_over(plan: Plan, database: Path) -> Plan:
    """Return the plan with the database's overlay, or unchanged if there is no database.

    Raises OfficeLineError if the database cannot be read.
    """
    if not database.exists():
        return plan
    try:
        with closing(driver.read_only(database)) as connection:
            return read(connection).lay(plan)
    except driver.Error as error:
        raise unreadable(database, error) from error


def applied_texts(database: Path, limit: int = 1) -> list[AppliedText]:
    """Return at most `limit` applied plans, newest first; none if there is no database.

    Raises OfficeLineError if the database cannot be read.
    """
    if not database.exists():
        return []
    try:
        with closing(driver.read_only(database)) as connection:
            if not _is_begun(connection):
                return []
            rows = connection.execute(f"{_APPLIED} LIMIT ?", (limit,)).fetchall()
    except driver.Error as error:
        raise unreadable(database, error) from error
    return [AppliedText(*row) for row in rows]


def applied(connection: driver.Connection) -> AppliedText | None:
    """Return the plan that was applied last, or None if none was."""
    row = connection.execute(f"{_APPLIED} LIMIT 1").fetchone()
    return None if row is None else AppliedText(*row)


def begun_with(connection: driver.Connection) -> list[AppliedText]:
    """Return the plans that the current calls began with, oldest first."""
    return [AppliedText(*row) for row in connection.execute(_BEGUN_WITH)]


def read(connection: driver.Connection) -> Overlay:
    """Return the whole overlay, read in one transaction."""
    connection.execute("BEGIN")
    try:
        if not _is_begun(connection):
            return Overlay()
        return Overlay(
            overrides=tuple(map(override_of, _rows(connection, _OVERRIDES))),
            changes=tuple(map(hours_change_of, _rows(connection, _CHANGES))),
            patients=_patients(connection),
            unconfirmed=_unconfirmed(connection),
        )
    finally:
        connection.execute("COMMIT")


def audit_head(connection: driver.Connection) -> str | None:
    """Return the hash of the last audit row, or None if there is none."""
    row = connection.execute("SELECT hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    return None if row is None else str(row[0])


def last_backup_at(connection: driver.Connection) -> datetime | None:
    """Return when a backup was last made or restored, or None if the audit has none."""
    made = "SELECT max(at) FROM audit WHERE what IN ('backup.made', 'backup.restored')"
    return _maybe_at(connection.execute(made).fetchone()[0])


def first_applied_at(connection: driver.Connection) -> datetime | None:
    """Return when the first plan was applied, or None if none was."""
    return _maybe_at(connection.execute("SELECT min(applied_at) FROM plan_applied").fetchone()[0])


def unreadable(database: Path, error: driver.Error) -> OfficeLineError:
    """Return the error to raise for a database that cannot be read."""
    for place in (database.parent, database):
        if not os.access(place, os.R_OK, effective_ids=True):
            return OfficeLineError(database_sentence("cannot be read", database, place))
    return OfficeLineError(
        f"The database {database} cannot be read ({error}); "
        "check its owner, or restore a backup of it."
    )


def override_of(row: Values) -> Override:
    """Return the override of a row."""
    return Override(**_fields(Override, row))


def hours_change_of(row: Values) -> HoursChange:
    """Return the change of hours of a row."""
    return HoursChange(**_fields(HoursChange, row))


def _fields(kind: type[Override | HoursChange], row: Values) -> dict[str, Any]:
    """Return a dataclass's fields from a row; SQLite's driver returns times as text."""
    found = {one.name: row[one.name] for one in fields(kind)}
    for name in ("start", "end"):
        if isinstance(found[name], str):
            found[name] = _at(found[name])
    return found


def _rows(connection: driver.Connection, statement: str) -> Iterator[dict[str, Any]]:
    cursor = connection.execute(statement)
    names = [one[0] for one in cursor.description]
    return (dict(zip(names, row, strict=True)) for row in cursor)


def _is_begun(connection: driver.Connection) -> bool:
    """Return whether the database has tables; while it is being created, it has none."""
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return bool(tables)


def _unconfirmed(connection: driver.Connection) -> tuple[Unconfirmed, ...]:
    return tuple(
        Unconfirmed(schedule, person, _at(start), _maybe_at(end))
        for schedule, person, start, end in connection.execute(_UNCONFIRMED)
    )


def _maybe_at(text: str | None) -> datetime | None:
    return None if text is None else _at(text)


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _patients(connection: driver.Connection) -> dict[str, Patient]:
    """Return patients by number; each distinct list of flags is parsed only once."""
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
