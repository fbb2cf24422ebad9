"""`officeline status`: what of this office runs now."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from pbx.commands.context import Context


def status(
    context: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Say whether Asterisk and the control layer run, with which plan; exit 1 if one does not.

    Example: officeline status
    """
    from pbx.health import asterisk, pulse
    from pbx.home import Home
    from pbx.store.overlay import applied_texts

    known: Context = context.obj
    home = Home(known.home)
    sign = pulse.look(home)
    answers = asterisk.answers(home)
    pidfile = home.asterisk / "run" / "asterisk.pid"
    since = (
        datetime.fromtimestamp(pidfile.stat().st_mtime, UTC)
        if answers and pidfile.exists()
        else None
    )
    plan = next((one.hash for one in applied_texts(home.database)), None)
    if as_json:
        told = {
            "ok": bool(answers and sign.runs),
            "home": str(home.folder),
            "asterisk": answers,
            "asterisk_since": since and since.isoformat(),
            "control_layer": sign.runs,
            "heartbeat_at": sign.heartbeat_at and sign.heartbeat_at.isoformat(),
            "plan": plan,
        }
        typer.echo(json.dumps(told))
    else:
        line = {True: "answers", False: "does not run", None: "cannot be asked by this user"}
        began = f", since {since.astimezone(known.zone()):%a, %b %d, %H:%M}" if since else ""
        typer.echo(f"Asterisk {line[answers]}{began}.")
        typer.echo(f"The control layer {'runs' if sign.runs else 'does not run'}.")
        typer.echo(f"The plan is {plan}." if plan else "No plan was applied yet.")
    if not (answers and sign.runs):
        raise typer.Exit(1)
