"""How tables are printed: alike everywhere, and without color or ellipses where nobody looks."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

WIDE = 160  # columns where there is no terminal to ask


def plain_table(*headings: str) -> Table:
    """Begin a table without lines."""
    table = Table(*headings, box=None, pad_edge=False, header_style="bold")
    for column in table.columns:
        column.overflow = "fold"  # never an ellipsis: an id is there to be copied
    return table


def plain_console() -> Console:
    """Open a console on stdout that prints texts as they are."""
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = WIDE
    return console
