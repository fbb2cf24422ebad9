"""`officeline diff`, `apply`, `rollback` and `history`: make a file the running plan."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pbx.base.errors import OfficeLineError
from pbx.base.phone_numbers import mask_within
from pbx.cli.shared.answers import answer, is_up, note_if_down
from pbx.cli.shared.context import Context, whoever
from pbx.cli.shared.options import AsJson, office
from pbx.cli.shared.reasons import reason_of
from pbx.config.home import Home

if TYPE_CHECKING:
    from pbx.config.plan import Configuration
    from pbx.db.plans import Applied
    from pbx.ops.validation import Judgment

By = Annotated[str | None, typer.Option(help="Who is making the change (default: current user).")]


def diff(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(help="Configuration file to read (default: the office's).")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show what the configuration file would change in the running plan.

    Example: officeline diff
    """
    import difflib

    from pbx.config import plan
    from pbx.db.overlay import applied_texts

    known = office(context)
    path = file or known.config
    text = plan.read_text(path)
    running = next(iter(applied_texts(Home(known.home).database)), None)
    name = f"applied plan {running.id}" if running else "no applied plan"
    old = running.text if running else ""
    lines = list(
        difflib.unified_diff(old.splitlines(), text.splitlines(), name, str(path), lineterm="")
    )
    added = sum(line.startswith("+") for line in lines[2:])
    removed = sum(line.startswith("-") for line in lines[2:])
    country = known.country()  # masked in case the file contains phone numbers
    lines = [mask_within(line, country) for line in lines]
    if as_json:
        shape = {
            "same": running is not None and running.text == text,
            "applied": {"id": running.id, "plan": running.hash} if running else None,
            "file": str(path),
            "added": added,
            "removed": removed,
            "diff": lines,
        }
        typer.echo(json.dumps(shape, ensure_ascii=False))
    elif running is not None and running.text == text:
        typer.echo(f"{path} is the same as the running plan, applied plan {running.id}.")
    else:
        typer.echo("\n".join(lines))
        typer.echo(f"{added} lines added and {removed} lines removed compared with {name}.")


def apply(
    context: typer.Context,
    *,
    force: Annotated[
        str | None,
        typer.Option(metavar="REASON", help="Apply in spite of errors, for this reason (logged)."),
    ] = None,
    by: By = None,
) -> None:
    """Apply the configuration file, starting with the next call.

    Exits 1 without applying if the file has errors or a call would not reach a person.

    Example: officeline apply
    """
    from pbx.config import plan
    from pbx.db.plans import apply_text, list_applied
    from pbx.ops.validation import validate

    known = office(context)
    text = plan.read_text(known.config)
    judgment = validate(text, known.config, Home(known.home), datetime.now(UTC))
    refuse(judgment, force)
    note = "" if force is None else reason_of(force, known.country(), "--force")
    wanted = judgment.configuration
    engine = known.database()
    before = next(iter(list_applied(engine, 1)), None)
    applied = apply_text(
        engine,
        text,
        wanted.plan.hash,
        by=by or whoever(),
        now=datetime.now(UTC),
        note=note,
        ok=not judgment.objections,
    )
    if applied is None:
        answer(known, f"Plan {wanted.plan.hash} is already applied; there is nothing to apply.")
        note_if_down(known)
        return
    _went(known, applied, "takes effect within a second, for new calls")
    _tell_what_waits(known, before, wanted)


def rollback(
    context: typer.Context,
    plan_id: Annotated[
        int | None,
        typer.Argument(
            metavar="[ID]", help="Plan id from 'officeline history' (default: the previous plan)."
        ),
    ] = None,
    *,
    by: By = None,
) -> None:
    """Apply an earlier plan again. The configuration file does not change.

    Example: officeline rollback 12
    """
    known = office(context)
    from pbx.db.plans import apply_text, get_applied, list_applied

    if not Home(known.home).database.exists():
        raise OfficeLineError("No plan was applied yet; run 'officeline apply'.")
    engine = known.database()
    newest = list_applied(engine, 2)
    if plan_id is None and len(newest) < 2:  # noqa: PLR2004  # the one that runs, and one before
        raise OfficeLineError("There is no plan before the running one; see 'officeline history'.")
    target = newest[1] if plan_id is None else get_applied(engine, plan_id)
    wanted = _parsed(target)
    applied = apply_text(
        engine,
        target.text,
        target.hash,
        by=by or whoever(),
        now=datetime.now(UTC),
        note=f"back to {target.id}",
        ok=target.ok,
        what="plan.rolled-back",
    )
    if applied is None:
        answer(known, f"Plan {target.hash} is already running; there is nothing to roll back to.")
        note_if_down(known)
        return
    _went(known, applied, "takes effect again within a second")
    if known.file is not None:
        typer.echo(f"{known.config} was not changed.")
    _tell_what_waits(known, newest[0], wanted)


def history(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List applied plans, the running one first.

    Example: officeline history --json
    """
    from pbx.db.plans import list_applied

    known = office(context)
    rows = list_applied(known.database()) if Home(known.home).database.exists() else []
    zone = known.zone()
    if as_json:
        shown = [
            {
                "id": row.id,
                "plan": row.hash,
                "applied_at": row.at.astimezone(zone).isoformat(timespec="seconds"),
                "by": row.by,
                "note": row.note,
                "ok": row.ok,
                "running": row is rows[0],
            }
            for row in rows
        ]
        typer.echo(json.dumps({"plans": shown}, ensure_ascii=False))
        return
    for row in rows:
        at = known.times().moment(row.at)
        note = "" if not row.note else f"  {row.note}" if row.ok else f"  FORCED: {row.note}"
        typer.echo(f"{row.id:>4}  {row.hash}  {at}  {row.by}{note}")
    if not rows:
        typer.echo("No plan was applied yet; run 'officeline apply'.")


def refuse(judgment: Judgment, force: str | None) -> None:
    """Print all objections and exit 1, unless a reason overrides them."""
    if force is not None and not force.strip():
        raise OfficeLineError("Give a reason: --force 'why it must be applied anyway'.")
    if not judgment.objections:
        return
    for objection in judgment.objections:
        typer.echo(objection)
    if force is None:
        typer.echo("Nothing was applied; fix the file, or override this with --force REASON.")
        raise typer.Exit(1)


def _went(known: Context, applied: Applied, live: str) -> None:
    """Print that a plan was applied, and note if no control layer is running."""
    does = live if is_up(known) else "is applied"
    answer(known, f"Plan {applied.hash} {does}, as applied plan {applied.id}.")
    note_if_down(known)


def _tell_what_waits(known: Context, before: Applied | None, wanted: Configuration) -> None:
    """Print which changes a running Asterisk uses only after the next start."""
    from pbx.base.errors import ConfigError
    from pbx.calls.office import waits_for_start

    if before is None or not is_up(known):
        return
    try:
        running = _parsed(before)
    except ConfigError:
        return
    if waiting := waits_for_start(running, wanted):
        typer.echo(f"This changes at the next start of 'officeline up': {', '.join(waiting)}.")


def _parsed(applied: Applied) -> Configuration:
    """Read an applied plan; ConfigError if this version cannot read it."""
    from pbx.config import plan

    name = Path(f"applied plan {applied.id}")
    return plan.parse(applied.text, name)


def add_to(app: typer.Typer) -> None:
    """Add these commands to the top level of `officeline`."""
    for command in (diff, apply, rollback, history):
        app.command()(command)
