"""The patient directory: imported as a whole, listed, flagged, removed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from pbx.base.errors import OfficeLineError
from pbx.config.patient_lists.changes import Changes, Listed, compare
from pbx.config.patients_file import PatientEntry, Refused, settle
from pbx.db import audit
from pbx.db.database import changing, damage_sentence, file_of, reading
from pbx.db.tables import PatientRow

_PUT = """
    INSERT INTO patient (id, name, panel, flags) VALUES (?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE
    SET name = excluded.name,
        panel = CASE WHEN ? THEN excluded.panel ELSE patient.panel END,
        flags = CASE WHEN ? THEN excluded.flags ELSE patient.flags END
"""
_FORGET = "DELETE FROM patient_number WHERE patient = ?"
_PUT_NUMBERS = "INSERT INTO patient_number (number, patient) VALUES (?, ?)"
_PUT_IF_NONE = text("""
    INSERT INTO patient (id, name, panel, flags) VALUES (:id, :name, :panel, :flags)
    ON CONFLICT (id) DO NOTHING
""")
_PUT_NUMBER = text("INSERT INTO patient_number (number, patient) VALUES (:number, :id)")
_TAKEN = text("SELECT number, patient FROM patient_number ORDER BY number, patient")
_ALL = text("SELECT id, name, panel, flags FROM patient ORDER BY id")
_FLAGS = text("SELECT flags FROM patient WHERE id = :id")
_SET_FLAGS = text("UPDATE patient SET flags = :flags WHERE id = :id")
_REMOVE = text("DELETE FROM patient WHERE id = :id")


Unnamed = tuple[str, str | None, list[str]]  # a patient's id, panel and flags


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


def put_patients(  # who and when are for the audit
    engine: Engine,
    entries: Sequence[PatientEntry],
    *,
    by: str,
    now: datetime,
    refused: bool = False,
    partial: bool = False,
    replace: bool = False,
    seen: Changes | None = None,
) -> tuple[int, list[Refused]]:
    """Store these in one transaction; return how many, and the rows that contradict others.

    Patients with the same id are replaced, all others stay, or with `replace` are forgotten. If a
    row is refused, or `refused` says that one was before, nothing is stored unless `partial`. Nor
    is it, with an OfficeLineError, if the changes are others than those that somebody has `seen`.
    """
    good, contradicting = settle(entries)
    if (refused or contradicting) and not partial:
        return 0, contradicting
    with changing(engine) as connection:
        changes = compare(_listed(connection), good, replace=replace)
        if seen is not None and seen != changes:
            raise OfficeLineError(
                "The directory was changed in the meantime; nothing was imported. Import again."
            )
        _put(connection, good)
        forgotten = changes.gone if replace and good else ()
        for one in forgotten:
            connection.execute(_REMOVE, {"id": one.id})
        if good:
            detail = {
                "count": len(good),
                "partial": partial,
                "new": len(changes.new),
                "changed": len(changes.changed),
                "removed": len(forgotten),
            }
            audit.append(connection, "patients.imported", by=by, now=now, detail=detail)
    return len(good), contradicting


def list_patients(engine: Engine) -> list[Listed]:
    """List all patients by their ids."""
    try:
        with engine.connect() as connection:
            return _listed(connection)
    except DBAPIError as error:
        raise damage_sentence(error, file_of(engine)) from error


def _listed(connection: Connection) -> list[Listed]:
    numbers: dict[str, list[str]] = {}
    for number, patient in connection.execute(_TAKEN):
        numbers.setdefault(patient, []).append(number)
    return [
        Listed(id_, name, tuple(numbers.get(id_, ())), panel, tuple(json.loads(flags)))
        for id_, name, panel, flags in connection.execute(_ALL)
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


def _put(connection: Connection, entries: Sequence[PatientEntry]) -> None:
    """Store patients with their numbers; by the driver's own statements, there may be thousands."""
    if not entries:
        return
    rows: list[tuple[object, ...]] = [
        (
            one.patient.id,
            one.patient.name,
            one.patient.panel,
            json.dumps(sorted(one.patient.flags)),
            "panel" in one.given,
            "flags" in one.given,
        )
        for one in entries
    ]
    numbers = [(number, one.patient.id) for one in entries for number in one.numbers]
    connection.exec_driver_sql(_PUT, rows)
    connection.exec_driver_sql(_FORGET, [(one.patient.id,) for one in entries])
    connection.exec_driver_sql(_PUT_NUMBERS, numbers)


def _unknown(patient: str) -> OfficeLineError:
    return OfficeLineError(
        f"There is no patient '{patient}'; 'officeline patients list' shows the ids."
    )
