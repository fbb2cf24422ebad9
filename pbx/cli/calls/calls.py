"""`officeline calls`: list, show and export calls, with the reasons for each decision."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pbx.base import when
from pbx.base.errors import OfficeLineError
from pbx.cli.shared.audited import revealing
from pbx.cli.shared.context import Context
from pbx.cli.shared.options import AsJson, Reveal, office
from pbx.config.home import Home

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from routing.time_text import TimeText

app = typer.Typer(no_args_is_help=True)

# In the same order as in pbx/db: typing caches equal unions and keeps the order of the first
Outcome = Literal["connected", "message", "failsafe", "blocked", "abandoned", "interrupted"]
Since = Annotated[str | None, typer.Option(help="Start time, such as 'fri 5pm'.")]
Until = Annotated[str | None, typer.Option(help="End time (exclusive), such as 8am.")]
OneLine = Annotated[str | None, typer.Option(help="List only calls on this line.")]
OneOutcome = Annotated[Outcome | None, typer.Option(help="List only calls with this outcome.")]

MOST = 1_000_000  # calls in one list


@app.command("list")
def list_(
    context: typer.Context,
    *,
    since: Since = None,
    until: Until = None,
    line: OneLine = None,
    outcome: OneOutcome = None,
    limit: Annotated[
        int, typer.Option(min=1, max=MOST, help="Maximum number of calls to list, newest first.")
    ] = 50,
    reveal: Reveal = False,
    as_json: AsJson = False,
) -> None:
    """List calls, newest first.

    Example: officeline calls list --since "yesterday 17:00" --outcome message
    """
    known = office(context)
    times, now = _clock(known)
    span = when.past_span(since, until, times.zone, now)
    engine = open_log(known)
    from pbx.cli.calls import shown as calls_shown
    from pbx.db.calls import list_calls

    rows = list_calls(engine, *span, line, outcome, limit)
    if not rows:
        refuse_unknown(known, line)
    look = calls_shown.Display(times, now, revealing(known, "calls list", reveal=reveal))
    if as_json:
        typer.echo(json.dumps(calls_shown.list_document(rows, look), ensure_ascii=False))
    else:
        calls_shown.print_list(rows, look)


@app.command()
def show(
    context: typer.Context, call_id: str, *, reveal: Reveal = False, as_json: AsJson = False
) -> None:
    """Show everything about one call: decisions with their reasons, call legs and events.

    Example: officeline calls show 1795456091.0
    """
    known = office(context)
    times, now = _clock(known)
    engine = open_log(known)
    from pbx.cli.calls import shown as calls_shown
    from pbx.db.calls import get_call

    history = get_call(engine, call_id)
    if history is None:
        raise OfficeLineError(
            f"There is no call '{call_id}' in the log; 'officeline calls list' shows the ids."
        )
    look = calls_shown.Display(times, now, revealing(known, "calls show", call_id, reveal=reveal))
    if as_json:
        typer.echo(json.dumps(calls_shown.to_json(history, look), ensure_ascii=False))
    else:
        calls_shown.print_history(history, look)


@app.command()
def outbound(
    context: typer.Context,
    *,
    since: Since = None,
    until: Until = None,
    limit: Annotated[
        int, typer.Option(min=1, max=MOST, help="Maximum number of calls to list, newest first.")
    ] = 50,
    reveal: Reveal = False,
    as_json: AsJson = False,
) -> None:
    """List calls to patients that were placed or refused, newest first.

    Example: officeline calls outbound --since today
    """
    known = office(context)
    times, now = _clock(known)
    span = when.past_span(since, until, times.zone, now)
    engine = open_log(known)
    from pbx.cli.calls import outbound as calls_outbound
    from pbx.cli.calls import shown as calls_shown
    from pbx.db.outbound import placed

    rows = placed(engine, *span, limit)
    look = calls_shown.Display(times, now, revealing(known, "calls outbound", reveal=reveal))
    if as_json:
        typer.echo(json.dumps(calls_outbound.to_json(rows, look), ensure_ascii=False))
    else:
        calls_outbound.print_list(rows, look)


@app.command()
def live(
    context: typer.Context,
    *,
    once: Annotated[
        bool, typer.Option("--once", help="Print the current state once and exit.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Watch current calls, ringing phones, urgent messages and system state. Press q to quit.

    Example: officeline calls live --once
    """
    known = office(context)
    engine = open_log(known)
    from pbx.cli.calls import live as calls_live

    calls_live.live(known, engine, once=once, as_json=as_json)


@app.command()
def export(
    context: typer.Context,
    *,
    since: Since = None,
    until: Until = None,
    line: OneLine = None,
    outcome: OneOutcome = None,
    form: Annotated[
        Literal["csv", "jsonl"],
        typer.Option("--format", help="Output format: a CSV table, or one JSON document per line."),
    ] = "csv",
    to: Annotated[
        str, typer.Option(metavar="FILE", help="File to create (default: -, standard output).")
    ] = "-",
    reveal: Reveal = False,
) -> None:
    """Export calls, oldest first, with masked numbers. The export is audited.

    Example: officeline calls export --since 2026-11-01 --until 2026-12-01 --to /tmp/november.csv
    """
    known = office(context)
    times, now = _clock(known)
    span = when.past_span(since, until, times.zone, now)
    engine = open_log(known)
    from pbx.cli.calls import export as calls_export
    from pbx.db.calls import Filter, count_calls

    meant = Filter(*span, line, outcome)
    if not count_calls(engine, meant):
        refuse_unknown(known, line)
    calls_export.export(known, engine, meant, form, to, reveal=reveal)


def refuse_unknown(context: Context, line: str | None) -> None:
    """Raise OfficeLineError for an unknown line, because it is probably a typing error."""
    if line is None:
        return
    known = [one.name for one in context.running().lines]
    if line not in known:
        raise OfficeLineError(f"There is no line '{line}'; the lines are {', '.join(known)}.")


def _clock(context: Context) -> tuple[TimeText, datetime]:
    """Return how the office writes times, and the current time in its zone."""
    times = context.times()
    return times, datetime.now(times.zone)


def open_log(context: Context) -> Engine:
    """Open the call log; OfficeLineError if there is none yet."""
    path = Home(context.home).database
    if not path.exists():
        raise OfficeLineError(
            f"There is no call log at {path} yet; start the office with 'officeline up', "
            "or give its folder with --home."
        )
    from pbx.db.database import open_database

    return open_database(path)
