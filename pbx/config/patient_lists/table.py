"""The rows of a patient list: find its separator and header, and skip what is not a patient."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from pbx.base.errors import OfficeLineError
from pbx.config.patient_lists import columns as headers
from pbx.config.patient_lists.cells import tidy
from pbx.config.patient_lists.columns import Columns

SEPARATORS = (",", ";", "\t", "|")
MOST_BEFORE = 40  # rows that are searched for the header
_MOST_NAMED = 12  # headers that an error lists
_NUMBER = 7  # a cell with this many digits is data, not a header

_SEP = re.compile(r"\s*\"?sep=(.)\"?,*[ \t]*(?:\r\n|\r|\n|$)", re.IGNORECASE)
_RULER = re.compile(r"[-=_+|: ]*")
_END = re.compile(
    r"(?:grand )?total|count\b|\W*end of|page \d|printed|generated|\(?\d+ (?:row|record|patient)",
    re.IGNORECASE,
)

Row = tuple[int, list[str]]  # the line on which it begins, and its cells


@dataclass(frozen=True)
class PatientTable:
    """A list with its header on `line` (from 1); `separator` separates its cells."""

    text: str
    separator: str
    line: int
    columns: Columns
    cells: list[str]  # of the header, as in the file

    @property
    def named(self) -> str:
        """Return the separator's name for people."""
        names = {",": "comma", ";": "semicolon", "\t": "tab", "|": "|"}
        return names.get(self.separator, self.separator)


def find_header(text: str, mapped: Mapping[str, str]) -> PatientTable:
    """Find the separator and the header; OfficeLineError if a required column is missing."""
    said = _SEP.match(text)
    if not text[0 if said is None else said.end() :].strip():
        raise OfficeLineError("The file is empty; it needs a first line with the column names.")
    best: PatientTable | None = None
    nearest: PatientTable | None = None
    errors: list[OfficeLineError] = []
    for separator in (said[1],) if said is not None else SEPARATORS:
        found = _header(text, separator, mapped, errors)
        if found is not None and _is_whole(found, mapped):
            best = max(best or found, found, key=_count)
        elif found is not None:
            nearest = max(nearest or found, found, key=_score)
    if best is None:
        raise errors[0] if errors else _no_header(nearest, mapped)
    return best


def rows(table: PatientTable) -> Iterator[Row]:
    """Return each row below the header with its line number; OfficeLineError if it is bad CSV.

    Blank rows and repeated headers are skipped. A row below the last patient, such as a total, has
    an empty list of cells.
    """
    below: list[Row] = []
    first = True
    for line, cells in islice(_records(table.text, table.separator, since=table.line), 1, None):
        ruler = first and all(_RULER.fullmatch(cell) for cell in cells)
        first = False
        if ruler or _is_blank(cells) or cells == table.cells:
            continue
        if _may_be_below(cells):
            below.append((line, cells))
            continue
        yield from below
        below = []
        yield line, cells
    yield from ((line, []) for line, _ in below)


def _records(text: str, separator: str, *, since: int = 1, strict: bool = True) -> Iterator[Row]:
    """Read all rows from line `since` on; a first line such as "sep=;" is skipped."""
    said = _SEP.match(text)
    before = 0 if said is None else said[0].count("\n") or 1
    lines = io.StringIO(text if said is None else text[said.end() :], newline="")
    while since > 1 + before and lines.readline():  # title rows may have any quotes
        before += 1
    reader = csv.reader(
        lines, delimiter=separator, strict=strict, skipinitialspace=separator != " "
    )
    line = 1 + before
    try:
        for cells in reader:
            yield line, cells
            line = reader.line_num + 1 + before
    except csv.Error as error:
        raise OfficeLineError(
            f"Line {line} is not valid CSV ({error}); fix its quotes. Nothing was imported."
        ) from error


def _header(
    text: str, separator: str, mapped: Mapping[str, str], errors: list[OfficeLineError]
) -> PatientTable | None:
    """Return the row that is most like a header with this separator, among the first rows."""
    best: PatientTable | None = None
    try:
        for line, cells in islice(_records(text, separator, strict=False), MOST_BEFORE):
            if _is_blank(cells):
                continue
            try:
                columns = headers.read(cells, mapped)
            except OfficeLineError as error:  # two columns have the same name
                errors.append(error)
                continue
            found = PatientTable(text, separator, line, columns, cells)
            if _is_whole(found, mapped):
                return found
            best = max(best or found, found, key=_score)
    except OfficeLineError as error:
        errors += [error] if separator == SEPARATORS[0] else []
    return best


def _is_whole(table: PatientTable, mapped: Mapping[str, str]) -> bool:
    return not table.columns.missing and headers.has_all(table.columns, mapped)


def _score(table: PatientTable) -> tuple[int, int]:
    return _count(table), sum(bool(one) for one in table.columns.header)


def _count(table: PatientTable) -> int:
    return sum(len(found) for found in table.columns.places.values())


def _is_blank(cells: Sequence[str]) -> bool:
    return not any(cell and tidy(cell) for cell in cells)


def _may_be_below(cells: Sequence[str]) -> bool:
    written = list(islice((one for cell in cells if cell and (one := tidy(cell))), 3))
    if len(written) > 2:  # noqa: PLR2004  # a label and a count
        return False
    return bool(_END.match(written[0])) or (len(written) == 1 and " " in written[0])


def _no_header(nearest: PatientTable | None, mapped: Mapping[str, str]) -> OfficeLineError:
    """Return the error that says which column is missing in the row most like a header."""
    there = [] if nearest is None else [one for one in nearest.columns.header if one]
    if nearest is None or any(len(re.sub(r"\D", "", one)) >= _NUMBER for one in there or ["0" * 9]):
        data = f"Line {nearest.line} contains data. " if nearest and there else ""
        return OfficeLineError(
            f"{data}No line has the column names. Add one above the patients: id,name,numbers."
        )
    named = ", ".join(f"'{one}'" for one in there[:_MOST_NAMED])
    has = f"it has {named}{' ...' if len(there) > _MOST_NAMED else ''}"
    folded = {headers.folded(one) for one in there}
    if lost := [one for one in mapped if one not in folded]:
        return OfficeLineError(
            f"--map names the column '{lost[0]}', which line {nearest.line} does not have; {has}."
        )
    roles = {"id": "the patient's id", "name": "the name", "numbers": "phone numbers"}
    missing = nearest.columns.missing
    words = " and ".join(f"no column for {roles[one]}" for one in missing)
    example = (nearest.columns.unread or there)[0]
    return OfficeLineError(
        f"Line {nearest.line} has {words}: {has}. Name that column with --map, such as "
        f'--map "{example}={missing[0]}"; if the file has no line with column names, add one.'
    )
