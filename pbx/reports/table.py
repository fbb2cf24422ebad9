"""The shape of every report: tables, from which terminal, CSV and page are made."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Literal, NamedTuple

from pbx.base.percentiles import RANKS, Spread

Unit = Literal["", "s", "%", "h"]  # as they are, seconds, a share of 1, hours


class TimeCell(NamedTuple):
    """A date or time: as files have it, as people read it, and as it stands below a bar."""

    file: str
    people: str
    mark: str = ""

    def __str__(self) -> str:
        return self.file


Cell = str | int | float | TimeCell | None
Columns = tuple[tuple[str, Unit], ...]

MINUTES_FROM, HOURS_FROM = 120, 7200  # seconds that are told in minutes and hours from here on
SPREAD: Columns = (("mean", "s"), *((f"{rank} %", "s") for rank in RANKS), ("most", "s"))


@dataclass(frozen=True)
class Chart:
    """A column of a table as bars; a `norm` is not to be passed, a `mean` is to compare with."""

    title: str
    column: str
    norm: float | None = None
    mean: float | None = None


@dataclass(frozen=True)
class ReportTable:
    """Rows of a report; the first column names the row, each by a name of its own."""

    name: str
    title: str
    columns: Columns
    rows: tuple[tuple[Cell, ...], ...]
    charts: tuple[Chart, ...] = ()
    about: str = ""

    def column(self, name: str) -> tuple[Unit, list[Cell]]:
        """Return a column's unit and cells."""
        place = [heading for heading, _ in self.columns].index(name)
        return self.columns[place][1], [row[place] for row in self.rows]

    def wordy(self) -> set[int]:
        """Return the places of the columns that hold words, not figures."""
        words = (str, TimeCell)
        return {
            place for row in self.rows for place, cell in enumerate(row) if isinstance(cell, words)
        }


def cell_text(cell: Cell, unit: Unit) -> str:
    """Write a cell for people."""
    if cell is None:
        return "-"
    if isinstance(cell, str):
        return cell
    if isinstance(cell, TimeCell):
        return cell.people
    if unit == "s" and cell >= HOURS_FROM:
        return f"{cell / 3600:.1f} h"
    if unit == "s" and cell >= MINUTES_FROM:
        return f"{cell / 60:.0f} min"
    return {
        "": str(cell),
        "s": f"{cell:.0f} s",
        "%": f"{cell * 100:.1f} %",
        "h": f"{cell:.0f}",
    }[unit]


def minutes_text(seconds: int) -> str:
    """Say a limit of the plan: "30 min", and "90 s" where it is no whole minutes."""
    whole, rest = divmod(seconds, 60)
    return f"{seconds} s" if rest else f"{whole} min"


def spread_cells(one: Spread) -> tuple[Cell, ...]:
    """Lay a spread out: the number of values, then what `SPREAD` names."""
    return astuple(one)
