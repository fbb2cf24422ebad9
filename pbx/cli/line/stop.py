"""`officeline stop`: stop an office that 'officeline up' runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from pbx.base.errors import OfficeLineError
from pbx.cli.shared.answers import answer, practice
from pbx.cli.shared.audited import recorded
from pbx.cli.shared.context import Context
from pbx.cli.shared.options import office

if TYPE_CHECKING:
    from pbx.config.home import Home


def stop(
    context: typer.Context,
    *,
    yes: Annotated[
        bool,
        typer.Option("--yes", help="Stop even if calls are under way or urgent messages are open."),
    ] = False,
) -> None:
    """Stop what 'officeline up' runs, and wait until it has stopped.

    Callers cannot reach the office afterwards. The audit records who stopped it. Services run by
    systemd must be stopped with systemctl. Exits 1 if nothing is running.

    Example: officeline stop
    """
    from pbx.config.home import Home
    from pbx.service import ending

    place = office(context)
    home = Home(place.home)
    with ending.running_parts(home) as found:
        if not found:
            answer(place, f"nothing is running in {home.folder}, so there is nothing to stop.")
            raise typer.Exit(1)
        if not yes:
            _ask(place, _losses(home))
        _write_down(place, yes=yes)
        ending.end_processes(found)
    answer(place, "the line is stopped. CALLERS REACH NOTHING until 'officeline up' runs again.")
    try:
        waiting = ending.unheard(_counts(home)[1])
    except OfficeLineError as error:
        waiting = f"Cannot tell whether urgent messages are open: {error}"
    if waiting:
        typer.echo(waiting)


def _ask(place: Context, losses: list[str]) -> None:
    """Ask for confirmation if anything would be lost; refuse without a terminal."""
    if not losses:
        return
    reported = f"{practice(place)}: {' and '.join(losses)}"
    if not sys.stdin.isatty():
        raise OfficeLineError(f"{reported}; give --yes to stop the line anyway.")
    typer.confirm(f"{reported}. Stop the line anyway?", abort=True)


def _write_down(place: Context, *, yes: bool) -> None:
    """Record in the audit who stops the line; with --yes, a database error does not prevent it."""
    try:
        recorded(place, "office.stopped")
    except OfficeLineError as error:
        if not yes:
            raise OfficeLineError(
                f"{practice(place)}: cannot record in the audit who stops the line "
                f"({str(error).rstrip('.')}); give --yes to stop it anyway."
            ) from error
        typer.echo(f"This stop is not in the audit: {error}", err=True)


def _losses(home: Home) -> list[str]:
    """List what a stop would cut off or leave undone."""
    try:
        calls, urgent = _counts(home)
    except OfficeLineError as error:
        return [f"the calls and messages are unknown ({str(error).rstrip('.')})"]
    losses = []
    if calls:
        losses.append("1 call is under way" if calls == 1 else f"{calls} calls are under way")
    if urgent:
        those = "1 urgent message is" if urgent == 1 else f"{urgent} urgent messages are"
        losses.append(f"{those} open, with calls still to be made about them")
    return losses


def _counts(home: Home) -> tuple[int, int]:
    """Count the calls under way, and the urgent messages about which somebody is to be called."""
    from dialplan import names
    from pbx.db.database import open_database
    from pbx.db.inbox import urgent_waiting
    from pbx.db.under_way import calls_under_way

    if not home.database.exists():
        return 0, 0
    engine = open_database(home.database)
    try:
        calls = calls_under_way(engine, names.FAILSAFE_ENTERED)
        return len(calls), urgent_waiting(engine)
    finally:
        engine.dispose()
