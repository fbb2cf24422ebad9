"""Tables in one style, and without color in files and pipes."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

WIDE = 160  # columns without a terminal


def plain_table(*headings: str) -> Table:
    """Return a table without lines."""
    table = Table(*headings, box=None, pad_edge=False, header_style="bold")
    for column in table.columns:
        column.overflow = "fold"  # never an ellipsis, because people copy ids
    return table


def plain_console() -> Console:
    """Return a console on stdout that prints text unchanged."""
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = WIDE
    return console
