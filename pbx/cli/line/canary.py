"""`officeline canary`: place one real test call out over the trunk and back in."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from pbx.base.errors import OfficeLineError
from pbx.cli.shared.answers import practice
from pbx.cli.shared.audited import recorded
from pbx.cli.shared.options import AsJson, office

if TYPE_CHECKING:
    from routing.model import Line, Plan


def canary(
    context: typer.Context,
    *,
    did: Annotated[
        str | None, typer.Option(help="Number of the line to call (default: the main line).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Place a test call to a line through the carrier and check that it arrives.

    The test listens to the greeting, presses a menu key and checks the caller ID. Nobody's phone
    rings, and reports do not count the call. Exits 1 if a check fails.

    Example: officeline canary --did "(212) 555-0100"
    """
    import asyncio

    from pbx.base import logs
    from pbx.config import secrets
    from pbx.config.home import Home
    from pbx.ops import canary_run
    from pbx.service import heartbeat_file, supervisor

    logs.configure(quiet=True)
    place = office(context)
    home = Home(place.home)
    if not supervisor.is_running(home) or not heartbeat_file.read_heartbeat(home).runs:
        raise OfficeLineError(
            f"No office is running in {place.home}, so there is nothing to test; start it with "
            "'officeline up'."
        )
    configuration, held = place.configuration(), secrets.read(place.home)
    line = _line(configuration.plan, did)
    recorded(place, "canary.placed", line.name)
    sys.stderr.write(
        f"Calling the line '{line.name}' of {practice(place)} through the carrier; this takes "
        "half a minute ...\n"
    )
    checks = asyncio.run(canary_run.run(configuration, held, home, line.did))
    ok = all(check.ok for check in checks)
    recorded(place, "canary.ended", line.name, ok=ok)
    if as_json:
        reported = [{"name": c.name, "ok": c.ok, "detail": c.detail, "fix": c.fix} for c in checks]
        typer.echo(json.dumps({"ok": ok, "checks": reported}, ensure_ascii=False))
    else:
        for check in checks:
            fix = "" if check.ok or not check.fix else f" {check.fix}"
            word = "yes" if check.ok else "no"
            typer.echo(f"{check.name:<10} {word:<4} {check.detail}.{fix}")
    if not ok:
        raise typer.Exit(1)


def _line(plan: Plan, did: str | None) -> Line:
    """Return the line with this number, or the main line; OfficeLineError lists the lines."""
    from pbx.base.phone_numbers import to_e164

    wanted = plan.office.number if did is None else to_e164(did, plan.office.country)
    line = None if wanted is None else plan.line_of(wanted)
    if line is None and did is None:
        return plan.lines[0]
    if line is None:
        lines = ", ".join(f"{one.did} ({one.name})" for one in plan.lines)
        raise OfficeLineError(f"This number is not a line of the office; choose one of {lines}.")
    return line
