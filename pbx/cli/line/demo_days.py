"""`officeline demo --days`: write days of simulated calls into a new home, to try reports."""

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
    """Write the last `days` days up to now, and print where they are and how to show them.

    Seven days or more begin with a Monday, so that they include the week of `report week`. The
    calls are those of the current practice, or of the example if there is none.
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
    typer.echo(
        f"Simulating the days since {shown} for {configuration.plan.office.name} ...", err=True
    )
    began = time.monotonic()
    # calls that just ended are still being written
    until = now - timedelta(minutes=10)
    count = asyncio.run(play(configuration, home, instant(first, MIDNIGHT, zone), until))
    typer.echo(f"{count} calls since {shown} are in {home} ({time.monotonic() - began:.0f} s).")
    typer.echo("Show them with:")
    command = f"{typed.name()} --config {known.config} --home {home}"
    for words in (week, "report morning", "reconcile", "inbox list"):
        typer.echo(f"  {command} {words}")


def _home(context: typer.Context) -> Path:
    """Return the given home, which must not have an office in it; or else a new folder."""
    named = context.find_root().params.get("home")
    if named is None:
        return Path(tempfile.mkdtemp(prefix="officeline-demo-"))
    home: Path = office(context).home
    if Home(home).database.exists():
        raise OfficeLineError(
            f"{home} already has an office, which must not get simulated calls; "
            "give an empty folder with --home."
        )
    return home
