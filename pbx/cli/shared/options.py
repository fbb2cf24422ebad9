"""Options and arguments that many commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from pbx.cli.shared.context import Context

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]
Reveal = Annotated[
    bool, typer.Option("--reveal", help="Show full phone numbers (the access is logged).")
]


def office(context: typer.Context) -> Context:
    """Return the office that a command works on."""
    found: Context = context.obj
    return found
