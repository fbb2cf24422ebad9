"""`officeline hold`: keep calls and messages, for example for a lawsuit."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from pbx.base import when
from pbx.cli.calls.calls import open_log
from pbx.cli.shared.answers import answer
from pbx.cli.shared.context import whoever
from pbx.cli.shared.options import AsJson, office
from pbx.cli.shared.reasons import reason_of

app = typer.Typer(no_args_is_help=True)

Target = Annotated[str, typer.Argument(metavar="CALL_OR_MESSAGE")]
Reason = Annotated[str, typer.Option(help="Reason for the change, kept in the history.")]
By = Annotated[str | None, typer.Option(help="Who is making the change (default: current user).")]


@app.command()
def add(context: typer.Context, target: Target, *, reason: Reason, by: By = None) -> None:
    """Keep a call or message, with all its data, until the hold is lifted.

    Example: officeline hold add 1795456091.0 --reason "letter from a lawyer"
    """
    place = office(context)
    engine = open_log(place)
    from pbx.db import retention_holds

    why = reason_of(reason, place.country())
    retention_holds.add_hold(engine, target, why, by=by or whoever(), now=datetime.now(UTC))
    kept = f"{target} is kept past its retention period until 'officeline hold lift {target}'."
    answer(place, kept)


@app.command()
def lift(context: typer.Context, target: Target, *, reason: Reason, by: By = None) -> None:
    """Lift a retention hold; the item can be deleted once it is old enough.

    Example: officeline hold lift 1795456091.0 --reason "settled"
    """
    place = office(context)
    engine = open_log(place)
    from pbx.db import retention_holds

    why = reason_of(reason, place.country())
    retention_holds.lift(engine, target, why, by=by or whoever(), now=datetime.now(UTC))
    answer(place, f"{target} is no longer held.")


@app.command("list")
def list_(
    context: typer.Context,
    *,
    past: Annotated[bool, typer.Option("--all", help="Include holds that were lifted.")] = False,
    as_json: AsJson = False,
) -> None:
    """List retention holds and their reasons.

    Example: officeline hold list --all
    """
    place = office(context)
    times, engine = place.times(), open_log(place)
    from pbx.db import retention_holds

    found = [one for one in retention_holds.list_holds(engine) if past or one.lifted_at is None]
    rows = [
        {
            "id": one.id,
            "target": one.target,
            "reason": one.reason,
            "by": one.by,
            "made_at": when.iso(one.made_at, times.zone),
            "lifted_at": None if one.lifted_at is None else when.iso(one.lifted_at, times.zone),
        }
        for one in found
    ]
    if as_json:
        typer.echo(json.dumps({"holds": rows}, ensure_ascii=False))
        return
    for one in found:
        lifted = "" if one.lifted_at is None else f" (lifted {times.moment(one.lifted_at)})"
        made = f"By {one.by}, {times.moment(one.made_at)}."
        typer.echo(f"{one.target}: {one.reason}. {made}{lifted}")
    if not found:
        typer.echo("There are no holds.")
