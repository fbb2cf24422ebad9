"""`officeline demo --days`: days of calls in a home of their own, to try reports on."""

from __future__ import annotations

import asyncio
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import typer

from pbx.base.errors import OfficeLineError
from pbx.base.paths import data_folder
from pbx.cli.shared import lookup, typed
from pbx.cli.shared.options import office
from pbx.config.home import Home
from routing.instants import DAY, MIDNIGHT, instant, local_day

WEEK = 7  # days


def write(context: typer.Context, days: int) -> None:
    """Write the last so many days up to now, and say where they are and how to look at them.

    From seven days on they begin with a Monday, so that the week of `report week` is among them.
    They are the practice's, or the example's where there is none.
    """
    from pbx.base import logs
    from pbx.cli.reports.figures import around
    from pbx.demo.week import play

    logs.configure(quiet=True)
    known = office(context)
    if known.file is None:
        known = replace(known, file=data_folder("config") / lookup.FILE)
    configuration = known.configuration()
    zone = configuration.plan.office.zone
    now = datetime.now(UTC)
    today = local_day(now, zone)
    whole = around("week", around("week", today)[0] - DAY)[0]
    first = today - days * DAY if days < WEEK else min(whole, today - days * DAY)
    week = f"report week --from {first}" if days < WEEK else "report week"
    shown = configuration.plan.office.times.day(first)
    home = _home(context)
    typer.echo(f"Playing the days since {shown} of {configuration.plan.office.name} ...", err=True)
    began = time.monotonic()
    # what ended a moment ago is still on its way to the ledgers
    until = now - timedelta(minutes=10)
    count = asyncio.run(play(configuration, home, instant(first, MIDNIGHT, zone), until))
    typer.echo(f"{count} calls since {shown} are in {home} ({time.monotonic() - began:.0f} s).")
    typer.echo("Look at them with:")
    command = f"{typed.name()} --config {known.config} --home {home}"
    for words in (week, "report morning", "reconcile", "inbox list"):
        typer.echo(f"  {command} {words}")


def _home(context: typer.Context) -> Path:
    """Take the home that was named, if no office is in it; else a new folder."""
    named = context.find_root().params.get("home")
    if named is None:
        return Path(tempfile.mkdtemp(prefix="officeline-demo-"))
    home: Path = office(context).home
    if Home(home).database.exists():
        raise OfficeLineError(
            f"There is an office in {home} already, and made-up calls do not belong to it; "
            "name an empty folder with --home."
        )
    return home
