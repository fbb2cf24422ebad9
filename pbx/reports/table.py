"""The tables that every report consists of, for the terminal, CSV and HTML."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Literal, NamedTuple

from pbx.base.percentiles import RANKS, Spread

Unit = Literal["", "s", "%", "h"]  # unchanged, seconds, a share of 1, hours


class TimeCell(NamedTuple):
    """A date or time: for files, for people, and as a short label below a bar."""

    file: str
    people: str
    mark: str = ""

    def __str__(self) -> str:
        return self.file


Cell = str | int | float | TimeCell | None
Columns = tuple[tuple[str, Unit], ...]

MINUTES_FROM, HOURS_FROM = 120, 7200  # seconds; longer times are shown in minutes or hours
SPREAD: Columns = (("mean", "s"), *((f"{rank} %", "s") for rank in RANKS), ("most", "s"))


@dataclass(frozen=True)
class Chart:
    """A column of a table as bars; `norm` is a limit, `mean` is for comparison."""

    title: str
    column: str
    norm: float | None = None
    mean: float | None = None


@dataclass(frozen=True)
class ReportTable:
    """Rows of a report; the first column has a unique name for each row."""

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
        """Return the indexes of the columns that hold text, not numbers."""
        words = (str, TimeCell)
        return {
            place for row in self.rows for place, cell in enumerate(row) if isinstance(cell, words)
        }


def cell_text(cell: Cell, unit: Unit) -> str:
    """Return a cell's text for people."""
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
    """Return a limit as "30 min", or as "90 s" if it is not a whole number of minutes."""
    whole, rest = divmod(seconds, 60)
    return f"{seconds} s" if rest else f"{whole} min"


def spread_cells(one: Spread) -> tuple[Cell, ...]:
    """Return a distribution as cells: the number of values, then those named in `SPREAD`."""
    return astuple(one)
