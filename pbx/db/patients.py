"""The patient directory: imported as a whole, listed, flagged, removed.

The only module that writes `patient` and `patient_number`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Connection, Engine, bindparam, case, delete, select, update

from pbx.base.errors import OfficeLineError
from pbx.config.patient_lists.changes import Changes, Listed, compare
from pbx.config.patients_file import PatientEntry, Refused, settle
from pbx.db import audit
from pbx.db.database import changing, reading
from pbx.db.statements import insert, table_of
from pbx.db.tables import PatientNumber, PatientRow

_PATIENT, _NUMBER = table_of(PatientRow), table_of(PatientNumber)
_TAKEN = select(_NUMBER.c.number, _NUMBER.c.patient).order_by(_NUMBER.c.number, _NUMBER.c.patient)
_GIVEN = (bindparam("has_panel", type_=Boolean), bindparam("has_flags", type_=Boolean))


def _put_known() -> Any:
    """A list without panels or flags leaves them as they are."""
    put = insert(_PATIENT)
    (has_panel, has_flags), kept, new = _GIVEN, _PATIENT.c, put.excluded
    return put.values(
        id=bindparam("id"),
        name=bindparam("name"),
        panel=bindparam("panel"),
        flags=bindparam("flags"),
    ).on_conflict_do_update(
        index_elements=["id"],
        set_={
            "name": new.name,
            "panel": case((has_panel, new.panel), else_=kept.panel),
            "flags": case((has_flags, new.flags), else_=kept.flags),
        },
    )


_PUT = _put_known()
_FORGET = delete(_NUMBER).where(_NUMBER.c.patient == bindparam("of_patient"))
Unnamed = tuple[str, str | None, list[str]]  # (a patient's id, panel, flags)


def put_unnamed(engine: Engine, rows: Mapping[str, Sequence[Unnamed]]) -> None:
    """Add what numbers lead to that is not there; names are unknown."""
    with changing(engine) as connection:
        taken = {(row.number, row.patient) for row in connection.execute(_TAKEN)}
        for number, found in rows.items():
            for patient, panel, flags in found:
                if (number, patient) not in taken:
                    row = {"id": patient, "name": "", "panel": panel, "flags": flags}
                    connection.execute(insert(_PATIENT).on_conflict_do_nothing(), row)
                    connection.execute(insert(_NUMBER), {"patient": patient, "number": number})


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
            _remove(connection, one.id)
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
    with reading(engine) as session:
        return _listed(session.connection())


def _listed(connection: Connection) -> list[Listed]:
    numbers: dict[str, list[str]] = {}
    for number, patient in connection.execute(_TAKEN):
        numbers.setdefault(patient, []).append(number)
    everybody = select(_PATIENT).order_by(_PATIENT.c.id)
    return [
        Listed(id_, name, tuple(numbers.get(id_, ())), panel, tuple(flags))
        for id_, name, panel, flags in connection.execute(everybody)
    ]


def set_flag(  # who and when are for the audit
    engine: Engine, patient: str, flag: str, *, by: str, now: datetime, remove: bool = False
) -> tuple[str, ...]:
    """Add a flag to a patient, or take it away; return all that they have now."""
    with changing(engine) as connection:
        of_id = _PATIENT.c.id == patient
        found = connection.scalar(select(_PATIENT.c.flags).where(of_id))
        if found is None:
            raise _unknown(patient)
        listed = sorted({*found} - {flag} if remove else {*found, flag})
        connection.execute(update(_PATIENT).where(of_id).values(flags=listed))
        what = "patients.unflagged" if remove else "patients.flagged"
        audit.append(connection, what, by=by, now=now, about=patient)
    return tuple(listed)


def is_known(engine: Engine, patient: str) -> bool:
    """Return whether the directory has a patient with this id."""
    with reading(engine) as session:
        return session.get(PatientRow, patient) is not None


def remove_patient(engine: Engine, patient: str, *, by: str, now: datetime) -> None:
    """Delete a patient with all their numbers."""
    with changing(engine) as connection:
        if _remove(connection, patient) == 0:
            raise _unknown(patient)
        audit.append(connection, "patients.removed", by=by, now=now, about=patient)


def _remove(connection: Connection, patient: str) -> int:
    return connection.execute(delete(_PATIENT).where(_PATIENT.c.id == patient)).rowcount


def _put(connection: Connection, entries: Sequence[PatientEntry]) -> None:
    """Store patients with their numbers; all in one go each, as there may be thousands."""
    if not entries:
        return
    rows = [
        {
            "id": one.patient.id,
            "name": one.patient.name,
            "panel": one.patient.panel,
            "flags": sorted(one.patient.flags),
            "has_panel": "panel" in one.given,
            "has_flags": "flags" in one.given,
        }
        for one in entries
    ]
    numbers = [
        {"number": number, "patient": one.patient.id} for one in entries for number in one.numbers
    ]
    connection.execute(_PUT, rows)
    connection.execute(_FORGET, [{"of_patient": one.patient.id} for one in entries])
    if numbers:
        connection.execute(insert(_NUMBER), numbers)


def _unknown(patient: str) -> OfficeLineError:
    return OfficeLineError(
        f"There is no patient '{patient}'; 'officeline patients list' shows the ids."
    )
