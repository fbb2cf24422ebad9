"""Read a patient list row by row; each refused row has a reason."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pbx.base.phone_numbers import mask
from pbx.config.patient_lists import cells, table, text
from pbx.config.patient_lists.columns import Columns
from pbx.config.patient_lists.table import PatientTable
from routing.model import Patient, Plan

SIZE_LIMIT = text.SIZE_LIMIT
SETTABLE = frozenset({"panel", "flags"})  # optional columns; without them, stored values stay

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_LONGEST = {"name": 100, "flag": 120}


@dataclass(frozen=True)
class PatientEntry:
    """A patient with all their numbers (E.164), and the line in the file.

    `notes` say what was left out of the row; `given` holds the optional columns of the file.
    """

    line: int
    patient: Patient
    numbers: tuple[str, ...]
    notes: tuple[str, ...] = ()
    given: frozenset[str] = SETTABLE


@dataclass(frozen=True)
class Refused:
    """A row that is refused; `why` never contains a full phone number."""

    line: int
    why: str


@dataclass(frozen=True)
class Parsed:
    """A list's patients and refused rows; `below` are line numbers under the last patient."""

    table: PatientTable
    entries: list[PatientEntry]
    refused: list[Refused]
    below: tuple[int, ...] = ()


class _RefusedError(Exception):
    """One row is refused; the text says why."""


def read_file(path: Path, encoding: str | None = None) -> str:
    """Return a list's text; OfficeLineError if it is not a list, or has another encoding."""
    return text.read(path, encoding)


def parse_patients(content: str, plan: Plan, mapped: Mapping[str, str] | None = None) -> Parsed:
    """Read every row separately; OfficeLineError if the file is not a patient list.

    `mapped` gives the roles of columns whose names do not show them (see `columns.mapping`).
    """
    found = table.find_header(content, mapped or {})
    parsed = Parsed(found, [], [])
    below = []
    for line, row in table.rows(found):
        if not row:
            below.append(line)
            continue
        try:
            parsed.entries.append(_entry(line, row, found.columns, plan))
        except _RefusedError as error:
            parsed.refused.append(Refused(line, str(error)))
    return replace(parsed, below=tuple(below))


def settle(entries: Sequence[PatientEntry]) -> tuple[list[PatientEntry], list[Refused]]:
    """Merge rows of the same patient, and refuse rows that contradict an earlier one.

    Several patients may share a number.
    """
    good: dict[str, PatientEntry] = {}
    refused = []
    for entry in entries:
        first = good.setdefault(entry.patient.id, entry)
        if first is entry:
            continue
        if first.patient != entry.patient:
            refused.append(Refused(entry.line, f"line {first.line} has the same id"))
            continue
        numbers = tuple(dict.fromkeys((*first.numbers, *entry.numbers)))
        good[entry.patient.id] = replace(
            first,
            numbers=numbers,
            notes=(*first.notes, f"line {entry.line} is the same patient", *entry.notes),
        )
    return list(good.values()), refused


def flag_of(written: str) -> str | None:
    """Return a flag without spaces around it; None if it is not valid."""
    flag = written.strip()
    return flag if _is_plain(flag, "flag") and ";" not in flag else None


def _entry(line: int, row: Sequence[str], columns: Columns, plan: Plan) -> PatientEntry:
    if len(row) > columns.width and any(cell.strip() for cell in row[columns.width :]):
        raise _RefusedError("it has more cells than there are column names")
    id_ = cells.plain_id(_cell(row, columns, "id"))
    if cells.is_shortened(id_):
        raise _RefusedError(f"the id {id_[:20]} is incomplete: {cells.SPREADSHEET}")
    if not _ID.fullmatch(id_):
        raise _RefusedError("its id is missing" if not id_ else _odd_id(id_))
    flags = _parts(cells.tidy(_cell(row, columns, "flags")))
    if not all(_is_plain(flag, "flag") for flag in flags):
        raise _RefusedError(f"a flag is over {_LONGEST['flag']} characters or unprintable")
    patient = Patient(id_, _name(row, columns), _panel(row, columns, plan), frozenset(flags))
    numbers, notes = _numbers(row, columns, plan)
    return PatientEntry(line, patient, numbers, notes, columns.given)


def _cell(row: Sequence[str], columns: Columns, role: str) -> str:
    places = columns.places.get(role, ())
    return row[places[0]] if places and places[0] < len(row) else ""


def _odd_id(id_: str) -> str:
    shown = f"'{id_[:20]}' " if id_.isprintable() else ""
    return f"its id {shown}may only have letters, digits, - _ and . (up to 64 characters)"


def _name(row: Sequence[str], columns: Columns) -> str:
    parts = [cells.tidy(_cell(row, columns, role)) for role in ("last", "first")]
    name = cells.tidy(_cell(row, columns, "name")) or ", ".join(part for part in parts if part)
    if not name:
        raise _RefusedError("its name is missing")
    if "\n" in name or "\r" in name:
        raise _RefusedError("its name has a line break; write it on one line, or fix the quotes")
    name = re.sub(r"[ \t]+", " ", name)
    if not _is_plain(name, "name"):
        raise _RefusedError(f"its name is over {_LONGEST['name']} characters or unprintable")
    return name


def _panel(row: Sequence[str], columns: Columns, plan: Plan) -> str | None:
    """Return the id of the patient's physician, whom the list gives by id or name in the plan."""
    panel = cells.tidy(_cell(row, columns, "panel"))
    if not panel:
        return None
    physicians = plan.physicians()
    if panel in physicians:
        return panel
    for one in physicians:
        if plan.people[one].name.casefold() == panel.casefold():
            return one
    known = ", ".join(physicians) or "nobody"
    raise _RefusedError(f"its panel is not a physician in the plan (the plan has {known})")


def _numbers(
    row: Sequence[str], columns: Columns, plan: Plan
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    places = [place for place in columns.phones if place < len(row)]
    found = cells.CellNumbers()
    for place in places:
        before = found.why
        cells.read_cell(row[place], plan.office.country, found)
        if found.why is not before and len(columns.phones) > 1:
            found.why = f"{found.why} (column '{columns.header[place]}')"
    if found.why is not None:
        raise _RefusedError(found.why)
    notes = list(found.notes)
    for number in found.nobodys:
        why = f"{mask(number)} stands for a withheld number"
        if not found.numbers:
            raise _RefusedError(why)
        notes.append(f"{why} and was left out")
    if not found.numbers:
        raise _RefusedError("it has no phone number")
    for number in found.numbers:
        if plan.line_of(number) is not None or number == plan.office.number:
            raise _RefusedError(f"{mask(number)} is the office's own number")
    return tuple(found.numbers), tuple(notes)


def _parts(written: str) -> list[str]:
    return [part.strip() for part in written.split(";") if part.strip()]


def _is_plain(written: str, what: str) -> bool:
    return 0 < len(written) <= _LONGEST[what] and written.isprintable()
