"""`officeline report`: the morning report, and the group of report commands."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from pbx.base import when
from pbx.base.errors import OfficeLineError
from pbx.base.os_errors import os_sentence
from pbx.cli.calls.calls import open_log
from pbx.cli.reports import figures as report_figures
from pbx.cli.reports.reconcile import day_of, line, to_json
from pbx.cli.shared.audited import recorded, revealing
from pbx.cli.shared.options import AsJson, Reveal, office
from pbx.cli.shared.working import working
from pbx.config.home import Home

if TYPE_CHECKING:
    from pbx.calls.record.reconcile import Reconciliation
    from pbx.reports.display import Shown
    from pbx.reports.morning import Night, NightCall, TimedAct

COLUMNS = (
    *("id", "started_at", "line", "from", "patient", "urgency", "outcome", "reason"),
    *("acknowledged_at", "acknowledged_by", "called_back_at", "called_back_by"),
    *("message", "state", "breached", "disposition", "notes"),
)
app = typer.Typer(no_args_is_help=True)


@app.command()
def morning(
    context: typer.Context,
    *,
    day: Annotated[
        str, typer.Option(help="Day whose preceding night is reported, such as 11/28/2026.")
    ] = "today",
    html: Annotated[
        Path | None,
        typer.Option(help="Write the sheet as an HTML page to this file, to print and sign."),
    ] = None,
    to_csv: report_figures.Csv = None,
    reveal: Reveal = False,
    as_json: AsJson = False,
) -> None:
    """Report the night before a day's opening: every call, who answered, what is still open.

    Example: officeline report morning --html /tmp/sheet.html
    """
    if as_json and to_csv == "-":
        raise OfficeLineError(
            "Only one of --json and --csv can use standard output; give a file with --csv."
        )
    known = office(context)
    plan = known.running()
    wanted = day_of(day, plan.office.zone)
    engine = open_log(known)
    from pbx.base import logs
    from pbx.reports.display import Shown
    from pbx.reports.morning import looked_at, night

    logs.configure()  # damaged records are reported on stderr, because stdout is for the answer
    about = wanted.isoformat()
    shown = Shown(plan, datetime.now(UTC), revealing(known, "report morning", about, reveal=reveal))
    with working("Reading the night"):
        past = known.past(engine, plan, *looked_at(plan, wanted))
        found = night(engine, Home(known.home), past, wanted, shown.now)
    if html is not None or to_csv is not None:
        recorded(known, "report.exported", about, calls=len(found.calls))
    if to_csv is not None:
        report_figures.to_csv_file(to_csv, lambda file: _csv(file, found, shown))
    if html is not None:
        _write(html, found, shown)
    if as_json:
        laid_out = _document(found, shown, Home(known.home))
        typer.echo(json.dumps(laid_out, ensure_ascii=False))
    elif to_csv is None:
        _print(found, shown)


def accounts(found: Reconciliation) -> list[str]:
    """Return sentences: how a span's calls ended, and which ones are not accounted for."""
    if not found.unaccounted:
        return [f"{line(found)} Every call is accounted for."]
    return [line(found), *(f"Call {one.id}: {'; '.join(one.why)}." for one in found.unaccounted)]


def audited(found: Night) -> str:
    """Return a sentence with the audit's head, so that a signed paper copy of it exists."""
    entries, head = found.audit
    return (
        f"The audit has {entries} rows, and its head is {head}; "
        "'officeline audit verify --head' can check later that none was removed."
    )


def _document(found: Night, shown: Shown, home: Home) -> dict[str, object]:
    from pbx.cli.inbox import shown as inbox_shown
    from pbx.reports import history as past
    from pbx.reports.morning_page import in_order, to_do

    zone = shown.plan.office.zone
    return {
        "day": found.day.isoformat(),
        "from": when.iso(found.start, zone),
        "to": when.iso(found.end, zone),
        "plans": past.to_json(found.past),
        "messages": [inbox_shown.entry(item, shown) for item in to_do(found, shown)],
        "calls": [_call(one, shown) for one in in_order(found, shown)],
        "reconcile": to_json(found.reconciliation, found.day, zone, home, reveal=shown.reveal),
        "audit": {"entries": found.audit[0], "head": found.audit[1]},
    }


def _call(one: NightCall, shown: Shown) -> dict[str, Any]:
    from pbx.reports.display import is_breached

    call, message = one.call, one.message
    number = (message and message.callback_number) or call.caller
    return {
        "id": call.id,
        "started_at": shown.iso(call.started_at),
        "line": call.line,
        "from": shown.number(number),
        "patient": shown.patient(number),
        "urgency": call.urgency,
        "outcome": call.outcome,
        "reason": shown.words(one.reason),
        "acknowledged": _moment(one.acknowledged, shown),
        "called_back": _moment(one.called_back, shown),
        "message": message and message.id,
        "state": message and message.state,
        "breached": one.item is not None and is_breached(one.item.view, shown.plan, shown.now),
        "disposition": message and message.disposition and shown.words(message.disposition),
        "notes": [
            {
                "at": shown.iso(note.at),
                "by": note.person,
                "text": shown.words(str(note.detail.get("text", ""))),
            }
            for note in one.notes
        ],
    }


def _moment(moment: TimedAct | None, shown: Shown) -> dict[str, Any] | None:
    if moment is None:
        return None
    return {"by": moment.person, "at": shown.iso(moment.at), "minutes": moment.minutes}


def _csv(file: TextIO, found: Night, shown: Shown) -> None:
    """Write one call per line; each event has a column for its time and one for the person."""
    from pbx.reports.morning_page import in_order

    rows = csv.DictWriter(file, COLUMNS, lineterminator="\n", extrasaction="ignore")
    rows.writeheader()
    for one in in_order(found, shown):
        reported = _call(one, shown)
        for act in ("acknowledged", "called_back"):
            moment = reported[act] or {}
            reported |= {f"{act}_at": moment.get("at"), f"{act}_by": moment.get("by")}
        reported["notes"] = "; ".join(note["text"] for note in reported["notes"])
        rows.writerow(reported)


def _write(path: Path, found: Night, shown: Shown) -> None:
    from pbx.reports.morning_page import sheet

    try:
        path.touch(mode=0o600)  # it contains patient data
        reported = [*accounts(found.reconciliation), audited(found)]
        path.write_text(sheet(found, shown, reported), encoding="utf-8")
    except OSError as error:
        what, other = f"{path} cannot be written", "choose another file with --html"
        raise OfficeLineError(os_sentence(what, error, path, otherwise=other)) from error


def _print(found: Night, shown: Shown) -> None:
    from pbx.cli.inbox import shown as inbox_shown
    from pbx.cli.shared.printing import plain_console, plain_table
    from pbx.reports.morning_page import in_order, to_do

    out = plain_console()
    out.print(
        f"The night from {shown.plan.office.times.span(found.start, found.end)}", style="bold"
    )
    waiting = to_do(found, shown)
    if waiting:
        out.print("\nStill to be done")
        inbox_shown.print_list(waiting, shown)
        out.print()
    if found.calls:
        rows = plain_table("call", "at", "line", "from", "patient", "urgency", "outcome")
        for heading in ("acknowledged", "called back", "reason"):
            rows.add_column(heading)
        for one in in_order(found, shown):
            reported = _call(one, shown)
            rows.add_row(
                reported["id"],
                shown.column(one.call.started_at),
                reported["line"],
                reported["from"] or "anonymous",
                reported["patient"] or "",
                reported["urgency"] or "",
                reported["outcome"] or "goes on",
                _done(one.acknowledged) or one.without("acknowledged"),
                _done(one.called_back) or one.without("called_back"),
                reported["reason"],
            )
        out.print(rows)
    for sentence in [*accounts(found.reconciliation), audited(found)]:
        out.print(sentence)


def _done(moment: TimedAct | None) -> str:
    from pbx.reports.table import cell_text

    return "" if moment is None else f"{moment.person}, {cell_text(moment.seconds, 's')}"


report_figures.add_to(app)
