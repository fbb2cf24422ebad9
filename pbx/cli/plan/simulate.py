"""`officeline simulate`: estimate each person's on-call load, from assumed or past calls."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from pbx.base import when
from pbx.base.errors import OfficeLineError
from pbx.base.os_errors import os_sentence
from pbx.cli.shared.context import Context
from pbx.cli.shared.options import AsJson, office
from pbx.cli.shared.working import working

if TYPE_CHECKING:
    from routing.model import Line, Plan
    from routing.simulate import Load, Simulation

WEEK = 7.0  # days; a shorter call log counts as one week


def simulate(
    context: typer.Context,
    *,
    start: Annotated[
        str | None, typer.Option("--from", help="Start time, such as 1/1/2027 (default: now).")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="End time (default: one year after the start).")
    ] = None,
    calls_per_night: Annotated[
        float,
        typer.Option(min=0, max=10_000, help="Number of calls each night, from 5 PM to 8 AM."),
    ] = 4.0,
    urgent: Annotated[
        float, typer.Option(min=0, max=1, help="Share of calls that are urgent, from 0 to 1.")
    ] = 0.3,
    line: Annotated[
        str | None, typer.Option(help="Line that receives the calls (default: the first).")
    ] = None,
    history: Annotated[
        bool,
        typer.Option(
            "--history", help="Use the calls in the call log instead of an assumed number."
        ),
    ] = False,
    accepts: Annotated[
        float,
        typer.Option(
            min=0, max=1, help="Probability that someone accepts when a step rings, from 0 to 1."
        ),
    ] = 0.8,
    html: Annotated[
        Path | None, typer.Option(help="Write a calendar as an HTML page to this file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Estimate on-call nights, weekends, interruptions and call outcomes for each person.

    Also shows who takes turns for someone who is away.

    Example: officeline simulate --from 2027-01-01 --to 2028-01-01 --calls-per-night 6
    """
    known = office(context)
    from pbx.cli.plan.prove import span
    from routing import simulate as simulating

    plan = known.plan()
    since, until = span(start, end, plan.office.times)
    if history:
        load, about = _history(known, plan, accepts)
    else:
        came = _line(plan, line)
        load = simulating.nightly(came, calls_per_night, urgent, accepts)
        about = (
            f"{calls_per_night:g} calls a night on the line {came.name}, {urgent:.0%} of them "
            f"urgent; each step is accepted with a probability of {accepts:.0%}."
        )
    with working("Simulating the span"):
        found = simulating.simulate(plan, known.numbers(plan), since, until, load)
    if html is not None:
        _write(html, found, plan, about)
    if as_json:
        typer.echo(json.dumps(to_json(found, plan.office.zone), ensure_ascii=False))
    else:
        _print(found, about)


def _line(plan: Plan, name: str | None) -> Line:
    for one in plan.lines:
        if name in {None, one.name}:
            return one
    raise OfficeLineError(
        f"There is no line '{name}'; use one of {', '.join(one.name for one in plan.lines)}."
    )


def _history(known: Context, plan: Plan, accepts: float) -> tuple[Load, str]:
    """Return the load of the whole call log as a weekly pattern, with its description."""
    from pbx.cli.calls.calls import MOST, open_log
    from pbx.db.calls import list_calls
    from routing.simulate import observed

    rows = list_calls(open_log(known), limit=MOST)
    if not rows:
        raise OfficeLineError("The call log is empty; give a number with --calls-per-night.")
    days = max(WEEK, (datetime.now(UTC) - rows[-1].started_at).total_seconds() / 86_400)
    calls = ((row.started_at, row.line, row.urgency == "urgent") for row in rows)
    about = f"Based on the {len(rows)} calls of the last {days:.0f} days, as a weekly pattern."
    return observed(calls, plan, days, accepts), about


def to_json(found: Simulation, zone: ZoneInfo) -> dict[str, object]:
    """Return a simulation in the form that `simulate --json` prints."""
    return {
        "from": when.iso(found.start, zone),
        "to": when.iso(found.end, zone),
        "minutes": dict(found.minutes),
        "load": {
            person: {name: round(value, 2) for name, value in vars(burden).items()}
            for person, burden in found.load.items()
        },
        "evenness": {name: round(value, 3) for name, value in found.evenness.items()},
        "outcomes": {name: round(value, 2) for name, value in found.outcomes.items()},
        "covered": [vars(one) for one in found.covered],
    }


def _write(path: Path, found: Simulation, plan: Plan, about: str) -> None:
    from pbx.reports.calendar_page import calendar_of

    try:
        path.write_text(calendar_of(found, plan, about), encoding="utf-8")
    except OSError as error:
        what, other = f"{path} cannot be written", "choose another file with --html"
        raise OfficeLineError(os_sentence(what, error, path, otherwise=other)) from error


def _print(found: Simulation, about: str) -> None:
    from rich.console import Console
    from rich.table import Table

    heads = ("nights", "weekends", "holidays", "hours", "interruptions")
    table = Table("person", box=None, pad_edge=False)
    for head in (*heads, "at night"):
        table.add_column(head, justify="right")
    for person, burden in found.load.items():
        counted = [f"{getattr(burden, head):.0f}" for head in heads]
        table.add_row(person, *counted, f"{burden.night_interruptions:.0f}")
    table.add_row("highest / mean", *(f"{found.evenness[head]:.2f}" for head in heads), "")
    Console(highlight=False).print(table)
    for one in found.covered:
        turns = "1 turn" if one.turns == 1 else f"{one.turns} turns"
        typer.echo(
            f"{one.person} has {turns} ({one.hours:g} h) of '{one.schedule}' for {one.instead_of}, "
            "who is away."
        )
    idle = found.minutes["nobody_on_call"]
    typer.echo(f"Nobody is on call for {idle} minutes of {found.minutes['total']}.")
    reported = (f"{calls:.1f} {name}" for name, calls in found.outcomes.items() if calls)
    typer.echo(f"{about} Expected: {', '.join(reported) or 'no calls'}.")
