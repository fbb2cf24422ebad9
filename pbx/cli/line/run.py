"""`officeline demo`, `up`, `serve` and `doctor`: run and check the office."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from pbx.cli.shared.context import Context
from pbx.cli.shared.options import AsJson, office
from pbx.cli.shared.working import working

if TYPE_CHECKING:
    from pbx.ops.security.check import SecurityCheck


def demo(
    context: typer.Context,
    *,
    days: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=60,
            help="Write this number of days of simulated calls instead, without audio; "
            "7 or more include the last full week.",
        ),
    ] = None,
    keep_running: Annotated[
        bool,
        typer.Option(
            "--keep-running", help="Keep running, so that you can call in with a softphone."
        ),
    ] = False,
) -> None:
    """Run a sample practice with simulated callers on this machine, without real calls.

    Example: officeline demo --keep-running
    """
    import asyncio

    if days is not None:
        from pbx.cli.line.demo_days import write

        write(context, days)
        return
    from pbx.cli.line.demo import play

    if not asyncio.run(play(keep_running=keep_running)):
        raise typer.Exit(1)


def up(context: typer.Context) -> None:
    """Run the office (Asterisk and the control layer) until Ctrl-C.

    Example: officeline --home /var/lib/officeline up
    """
    import asyncio

    from pbx.base import logs
    from pbx.service import supervisor  # logs first: it keeps structlog small

    del logs
    known = office(context)
    asyncio.run(supervisor.up(known.config, known.home, typer.echo))


def serve(context: typer.Context) -> None:
    """Run only the control layer, beside an Asterisk that is already running.

    Example: officeline serve
    """
    import asyncio

    from pbx.base import logs
    from pbx.service import supervisor  # logs first: it keeps structlog small

    del logs
    known = office(context)
    asyncio.run(supervisor.serve(known.config, known.home))


def doctor(
    context: typer.Context,
    *,
    security: Annotated[
        bool, typer.Option("--security", help="List the security checks instead, one by one.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check everything the phone line needs, and say how to fix what is missing.

    Exits 1 if a check fails.

    Example: officeline doctor --security
    """
    from dataclasses import asdict

    from pbx.ops.doctor import examine

    known = office(context)
    if security:
        _locks(known, as_json=as_json)
        return
    with working("Checking everything the line needs"):
        checks = examine(known.config, known.home)
    ok = all(check.ok for check in checks)
    if as_json:
        typer.echo(json.dumps({"ok": ok, "checks": [asdict(check) for check in checks]}))
    else:
        for check in checks:
            mark = "ok  " if check.ok else "FIX"
            fix = "" if check.ok else f" {check.fix}"
            typer.echo(f"{mark} {check.name}: {check.detail}.{fix}")
    if not ok:
        raise typer.Exit(1)


def _locks(known: Context, *, as_json: bool) -> None:
    """Print every security check with its result; exit 1 if one failed."""
    from dataclasses import asdict

    from pbx.ops.security.every import examine

    with working("Running every security check"):
        locks = examine(known.config, known.home)
    ok = all(lock.ok is not False for lock in locks)
    if as_json:
        typer.echo(json.dumps({"ok": ok, "locks": [asdict(lock) for lock in locks]}))
    else:
        for lock in locks:
            typer.echo(_reported(lock))
    if not ok:
        raise typer.Exit(1)


def _reported(lock: SecurityCheck) -> str:
    mark = {True: "shut   ", False: "OPEN   ", None: "unasked"}[lock.ok]
    if lock.ok and lock.warning:
        mark = "WIDER  "
    said = [] if lock.detail == "shut" else [f"{lock.detail}."]
    said += [f"{lock.warning}."] if lock.warning else []
    more = " ".join([*said, lock.fix]).strip()
    return f"{mark} {lock.group}, {lock.name}{f': {more}' if more else ''}"


def add_to(app: typer.Typer) -> None:
    """Add these commands to the top level of `officeline`."""
    for command in (demo, up, serve, doctor):
        app.command()(command)
