"""The patients' CSV, read row by row; every row that is refused says why."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pbx.base.errors import OfficeLineError
from pbx.base.os_errors import os_sentence
from pbx.base.phone_numbers import mask, to_e164
from routing.callers import is_nobodys
from routing.model import Patient, Plan

SIZE_LIMIT = 20_000_000  # bytes; ten thousand patients are about one million
NEEDED = ("id", "name", "numbers")
COLUMNS = (*NEEDED, "panel", "flags")

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_LONGEST = {"name": 100, "flag": 120}


@dataclass(frozen=True)
class Entry:
    """A patient with all their numbers (E.164), and the line of the file."""

    line: int
    patient: Patient
    numbers: tuple[str, ...]


@dataclass(frozen=True)
class Refused:
    """A row that is not taken; `why` never holds a whole number."""

    line: int
    why: str


class _RefusedError(Exception):
    """Why one row is not taken."""


def read_file(path: Path) -> str:
    """Read a CSV file as UTF-8; OfficeLineError if it is none."""
    try:
        if path.stat().st_size > SIZE_LIMIT:
            raise OfficeLineError(f"{path} is over {SIZE_LIMIT} bytes; import it in parts.")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise OfficeLineError(os_sentence(f"{path} cannot be read", error, path)) from error
    except UnicodeDecodeError as error:
        raise OfficeLineError(f"{path} is not UTF-8; save it as 'CSV UTF-8'.") from error


def parse(text: str, plan: Plan) -> tuple[list[Entry], list[Refused]]:
    """Read every row by itself; OfficeLineError if the file as a whole is no such CSV."""
    entries, refused = [], []
    for line, row in _rows(text):
        try:
            entries.append(_entry(line, row, plan))
        except _RefusedError as error:
            refused.append(Refused(line, str(error)))
    return entries, refused


def settle(entries: Sequence[Entry]) -> tuple[list[Entry], list[Refused]]:
    """Refuse rows whose id an earlier row has; several patients may share a number."""
    good: dict[str, Entry] = {}
    refused = []
    for entry in entries:
        first = good.setdefault(entry.patient.id, entry)
        if first is not entry:
            refused.append(Refused(entry.line, f"line {first.line} has the same id"))
    return list(good.values()), refused


def flag_of(text: str) -> str | None:
    """Read a flag as it is written; None if it is none."""
    flag = text.strip()
    return flag if _is_plain(flag, "flag") and ";" not in flag else None


def _rows(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Give each row with the line on which it begins, cells without spaces around them."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] | None = None
    line = 1
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if header is None:
                header = _header(stripped)
            elif any(stripped):
                wide = len(stripped) > len(header) and any(stripped[len(header) :])
                row = dict(zip(header, stripped, strict=False))
                yield line, {**row, "": "too wide" if wide else ""}
            line = reader.line_num + 1
    except csv.Error as error:
        raise OfficeLineError(
            f"Line {line} is no CSV ({error}); mend its quotes, nothing was imported."
        ) from error
    if header is None:
        raise OfficeLineError(f"The file is empty; it begins with the line {','.join(COLUMNS)}.")


def _header(cells: list[str]) -> list[str]:
    header = [cell.lower() for cell in cells]
    unknown = set(header) - set(COLUMNS)
    if unknown or len(set(header)) < len(header) or not set(NEEDED) <= set(header):
        raise OfficeLineError(
            "The first line must name the columns id, name and numbers, and may name panel and "
            "flags, each once and nothing else."
        )
    return header


def _entry(line: int, row: Mapping[str, str], plan: Plan) -> Entry:
    if row[""]:
        raise _RefusedError("it has more columns than the first line")
    id_, name, panel = (row.get(column, "") for column in ("id", "name", "panel"))
    if not _ID.fullmatch(id_):
        raise _RefusedError("its id is no word of letters, digits, - _ and . (up to 64)")
    if not _is_plain(name, "name"):
        raise _RefusedError(f"its name is missing, over {_LONGEST['name']} letters, or unprintable")
    if panel and panel not in plan.physicians():
        known = ", ".join(plan.physicians()) or "nobody"
        raise _RefusedError(f"its panel is no physician of the plan (there is {known})")
    flags = _parts(row.get("flags", ""))
    if not all(_is_plain(flag, "flag") for flag in flags):
        raise _RefusedError(f"a flag is over {_LONGEST['flag']} letters, or unprintable")
    numbers = _numbers(_parts(row.get("numbers", "")), plan)
    return Entry(line, Patient(id_, name, panel or None, frozenset(flags)), numbers)


def _numbers(texts: Collection[str], plan: Plan) -> tuple[str, ...]:
    if not texts:
        raise _RefusedError("it has no number")
    numbers = []
    for text in texts:
        number = to_e164(text, plan.office.country)
        if number is None:
            shown = mask(text) if text.isprintable() else "one of its numbers"
            raise _RefusedError(f"{shown} is no phone number")
        if is_nobodys(number):
            raise _RefusedError(f"{mask(number)} stands for a withheld number")
        if plan.line_of(number) is not None or number == plan.office.number:
            raise _RefusedError(f"{mask(number)} is the office's own number")
        numbers.append(number)
    return tuple(dict.fromkeys(numbers))


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()]


def _is_plain(text: str, what: str) -> bool:
    return 0 < len(text) <= _LONGEST[what] and text.isprintable()
