"""`officeline drill failsafe`: whom the line rings when everything of ours is dead."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Literal

import typer

from pbx.commands.audited import recorded
from pbx.commands.context import Context
from pbx.errors import OfficeLineError
from pbx.home import Home


def drill(
    context: typer.Context,
    what: Annotated[Literal["failsafe"], typer.Argument(help="What is tried.")],  # noqa: ARG001  # there is one
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Send one call of our own past a dead control layer, and see whom the failsafe would ring.

    Nobody's phone rings. Exit 1 if the failsafe is not reached, or would ring somebody else.

    Example: officeline drill failsafe
    """
    from pbx import logs, supervisor, vault
    from pbx.health import drill as drills
    from pbx.live import LivePlan
    from pbx.locks.asked import console

    logs.configure(quiet=True)
    place: Context = context.obj
    home = Home(place.home)
    if not supervisor.is_running(home):
        raise OfficeLineError(
            f"No office runs on {place.home}, so there is nothing to try; start it with "
            "'officeline up'."
        )
    held = vault.read(place.home)
    manager = drills.Login(home.recall_ports().ami, held.manager)
    plans = LivePlan(place.configuration().plan, held, home)
    plans.open()
    try:
        found = drills.failsafe(console(home), manager, plans, datetime.now(UTC))
    finally:
        plans.close()
    ok = not found.wrong
    recorded(place, "drill.failsafe", ok=ok, rings=list(found.rings))
    if as_json:
        shown = {"ok": ok, "rings": found.rings, "took_s": round(found.took_s, 1)}
        typer.echo(json.dumps({**shown, "wrong": found.wrong}))
    elif ok:
        typer.echo(f"The failsafe was reached and would ring {', '.join(found.rings)}.")
    else:
        typer.echo(f"The drill failed: {'; '.join(found.wrong)}.")
    if not ok:
        raise typer.Exit(1)
