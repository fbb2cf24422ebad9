"""The patient directory: imported as a whole, listed, flagged, removed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, text
from sqlmodel import col, select

from pbx.base.errors import OfficeLineError
from pbx.config.patients_file import Entry, Refused, settle
from pbx.db import audit
from pbx.db.database import changing, reading
from pbx.db.tables import PatientNumber, PatientRow

_PUT = text("""
    INSERT INTO patient (id, name, panel, flags) VALUES (:id, :name, :panel, :flags)
    ON CONFLICT (id) DO UPDATE
    SET name = excluded.name, panel = excluded.panel, flags = excluded.flags
""")
_PUT_IF_NONE = text("""
    INSERT INTO patient (id, name, panel, flags) VALUES (:id, :name, :panel, :flags)
    ON CONFLICT (id) DO NOTHING
""")
_FORGET = text("DELETE FROM patient_number WHERE patient = :id")
_PUT_NUMBER = text("INSERT INTO patient_number (number, patient) VALUES (:number, :id)")
_TAKEN = text("SELECT number, patient FROM patient_number")
_FLAGS = text("SELECT flags FROM patient WHERE id = :id")
_SET_FLAGS = text("UPDATE patient SET flags = :flags WHERE id = :id")
_REMOVE = text("DELETE FROM patient WHERE id = :id")


Unnamed = tuple[str, str | None, list[str]]  # a patient's id, panel and flags


@dataclass(frozen=True)
class Listed:
    """A patient as stored; numbers are E.164."""

    id: str
    name: str
    numbers: tuple[str, ...]
    panel: str | None
    flags: tuple[str, ...]


def put_unnamed(engine: Engine, rows: Mapping[str, Sequence[Unnamed]]) -> None:
    """Add what numbers lead to that is not there; names are unknown."""
    with changing(engine) as connection:
        taken = {(row.number, row.patient) for row in connection.execute(_TAKEN)}
        for number, found in rows.items():
            for patient, panel, flags in found:
                if (number, patient) not in taken:
                    row = {"id": patient, "name": "", "panel": panel, "flags": json.dumps(flags)}
                    connection.execute(_PUT_IF_NONE, row)
                    connection.execute(_PUT_NUMBER, {"id": patient, "number": number})


def put_patients(
    engine: Engine,
    entries: Sequence[Entry],
    *,
    refused: bool,
    partial: bool,
    by: str,
    now: datetime,
) -> tuple[int, list[Refused]]:
    """Store these in one transaction; return how many, and the rows that contradict others.

    Patients with the same id are replaced, all others stay. If a row is refused, or `refused` says
    that one was before, nothing is stored unless `partial`.
    """
    with changing(engine) as connection:
        good, contradicting = settle(entries)
        if (refused or contradicting) and not partial:
            good = []
        _put(connection, good)
        if good:
            detail = {"count": len(good), "partial": partial}
            audit.append(connection, "patients.imported", by=by, now=now, detail=detail)
    return len(good), contradicting


def list_patients(engine: Engine) -> list[Listed]:
    """List all patients by their ids."""
    numbers: dict[str, list[str]] = {}
    with reading(engine) as session:
        for row in session.exec(select(PatientNumber).order_by(col(PatientNumber.number))):
            numbers.setdefault(row.patient, []).append(row.number)
        return [
            Listed(one.id, one.name, tuple(numbers.get(one.id, ())), one.panel, tuple(one.flags))
            for one in session.exec(select(PatientRow).order_by(col(PatientRow.id)))
        ]


def set_flag(  # who and when are for the audit
    engine: Engine, patient: str, flag: str, *, by: str, now: datetime, remove: bool = False
) -> tuple[str, ...]:
    """Add a flag to a patient, or take it away; return all that they have now."""
    with changing(engine) as connection:
        found = connection.execute(_FLAGS, {"id": patient}).scalar()
        if found is None:
            raise _unknown(patient)
        flags = {*json.loads(found)} - {flag} if remove else {*json.loads(found), flag}
        listed = sorted(flags)
        connection.execute(_SET_FLAGS, {"id": patient, "flags": json.dumps(listed)})
        what = "patients.unflagged" if remove else "patients.flagged"
        audit.append(connection, what, by=by, now=now, about=patient)
    return tuple(listed)


def is_known(engine: Engine, patient: str) -> bool:
    """Tell whether the directory has a patient of this id."""
    with reading(engine) as session:
        return session.get(PatientRow, patient) is not None


def remove_patient(engine: Engine, patient: str, *, by: str, now: datetime) -> None:
    """Forget a patient with all their numbers."""
    with changing(engine) as connection:
        if connection.execute(_REMOVE, {"id": patient}).rowcount == 0:
            raise _unknown(patient)
        audit.append(connection, "patients.removed", by=by, now=now, about=patient)


def _put(connection: Connection, entries: Sequence[Entry]) -> None:
    rows = [
        {
            "id": one.patient.id,
            "name": one.patient.name,
            "panel": one.patient.panel,
            "flags": json.dumps(sorted(one.patient.flags)),
        }
        for one in entries
    ]
    if not rows:
        return
    connection.execute(_PUT, rows)
    connection.execute(_FORGET, rows)
    connection.execute(
        _PUT_NUMBER,
        [{"number": number, "id": one.patient.id} for one in entries for number in one.numbers],
    )


def _unknown(patient: str) -> OfficeLineError:
    return OfficeLineError(
        f"There is no patient '{patient}'; 'officeline patients list' shows the ids."
    )
