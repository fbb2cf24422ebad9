"""`officeline report day`, `week`, `month`, `oncall`: figures for a span of days."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from pbx.base.errors import OfficeLineError
from pbx.base.os_errors import os_sentence
from pbx.cli.calls.calls import open_log
from pbx.cli.reports.reconcile import day_of
from pbx.cli.shared.audited import recorded, revealing
from pbx.cli.shared.context import Context
from pbx.cli.shared.options import AsJson, Reveal, office
from pbx.cli.shared.working import working
from routing.instants import DAY, local_day

if TYPE_CHECKING:
    from pbx.reports.table import ReportTable
    from routing.config_history import ConfigHistory
    from routing.time_text import TimeText

LONGEST = 5 * 366  # days in a report
TRAFFIC = {  # help text and example options of each command
    "day": (
        "Report how callers were served on one day (default: yesterday).",
        "--date yesterday --html /tmp/day.html",
    ),
    "week": (
        "Report how callers were served in one week (default: the last full Monday to Sunday).",
        "--date 2026-11-26 --csv /tmp/week.csv",
    ),
    "month": (
        "Report how callers were served in one month (default: the last full month).",
        "--from 2026-01-01 --to 2026-04-01 --html /tmp/quarter.html",
    ),
}

Day = Annotated[
    str | None,
    typer.Option("--date", help="Report the period that contains this day, such as 11/28/2026."),
]
From = Annotated[str | None, typer.Option("--from", help="First day of the report.")]
To = Annotated[str | None, typer.Option("--to", help="End day (exclusive).")]
Csv = Annotated[
    str | None,
    typer.Option("--csv", metavar="FILE", help="Write CSV to this file (-: standard output)."),
]
Html = Annotated[Path | None, typer.Option(help="Write an HTML page to this file.")]


@dataclass(frozen=True)
class ReportRequest:
    """The days to report on, and the output options."""

    kind: str
    first: date
    last: date
    as_json: bool
    csv: str | None
    html: Path | None


def add_to(app: typer.Typer) -> None:
    """Add these commands to the group."""
    for kind, (about, options) in TRAFFIC.items():
        text = f"{about}\n\nExample: officeline report {kind} {options}"
        app.command(kind, help=text)(_traffic_of(kind))
    app.command()(oncall)


def _traffic_of(kind: str) -> Callable[..., None]:
    """Return the function of the command that reports a day, week or month."""

    def report(
        context: typer.Context,
        *,
        date_: Day = None,
        start: From = None,
        end: To = None,
        as_json: AsJson = False,
        to_csv: Csv = None,
        html: Html = None,
        reveal: Reveal = False,
    ) -> None:
        named, ways = (date_, start, end), (as_json, to_csv, html)
        _traffic(office(context), kind, named, ways, reveal=reveal)

    return report


def oncall(
    context: typer.Context,
    *,
    date_: Day = None,
    start: From = None,
    end: To = None,
    as_json: AsJson = False,
    to_csv: Csv = None,
    html: Html = None,
) -> None:
    """Report the load of being on call and how evenly it was shared, for the last full month.

    Example: officeline report oncall --date 2026-11-01 --json
    """
    known = office(context)
    plan = known.running()
    first, last = span("month", date_, start, end, plan.office.times)
    engine = open_log(known)
    wanted = ReportRequest("oncall", first, last, as_json, to_csv, html)
    from pbx.cli.reports import shown as report_shown
    from pbx.reports import duty, duty_tables
    from pbx.reports.traffic import bounds

    past = known.past(engine, plan, *bounds(plan, first, last))
    found = duty.duty(engine, past, first, last, datetime.now(UTC))
    _tell(
        known,
        wanted,
        past,
        duty_tables.duty_tables(found, plan.office.times),
        lambda: report_shown.of_duty(found),
    )


def _traffic(
    known: Context,
    kind: str,
    named: tuple[str | None, str | None, str | None],
    ways: tuple[bool, str | None, Path | None],
    *,
    reveal: bool,
) -> None:
    plan = known.running()
    first, last = span(kind, *named, plan.office.times)
    engine = open_log(known)
    from pbx.cli.reports import shown as report_shown
    from pbx.reports import traffic, traffic_tables
    from pbx.reports.display import Shown

    reveal = revealing(known, f"report {kind}", str(first), reveal=reveal)
    shown = Shown(plan, datetime.now(UTC), reveal)
    with working("Counting the calls"):
        past = known.past(engine, plan, *traffic.bounds(plan, first, last))
        found = traffic.traffic(engine, past, first, last, shown.now)
    wanted = ReportRequest(kind, first, last, *ways)
    if not (found.total.calls or found.opened or any(ways)):
        typer.echo(
            f"No calls are logged for {days(wanted, plan.office.times)}."
        )  # instead of a page of zeros
        return
    _tell(
        known,
        wanted,
        past,
        traffic_tables.traffic_tables(found, shown),
        lambda: report_shown.of_traffic(found, shown),
    )


def span(
    kind: str, date_: str | None, start: str | None, end: str | None, times: TimeText
) -> tuple[date, date]:
    """Return the given days, or the last full day, week or month; OfficeLineError if bad."""
    zone = times.zone
    today = local_day(datetime.now(UTC), zone)
    if start is None and end is None:
        if date_ is not None:
            return around(kind, day_of(date_, zone))
        return around(kind, around(kind, today)[0] - DAY)
    if date_ is not None or start is None:
        raise OfficeLineError("The days are not clear; give --from and --to, or only --date.")
    first, last = day_of(start, zone), today + DAY if end is None else day_of(end, zone)
    if not DAY <= last - first <= LONGEST * DAY:
        shown = f"From {times.day(first)} up to {times.day(last)}"
        raise OfficeLineError(
            f"{shown} is not a valid span of days, or is over five years; give other days."
        )
    return first, last


def around(kind: str, day: date) -> tuple[date, date]:
    """Return the start and the end (exclusive) of the day, week (from Monday) or month of a day."""
    if kind == "day":
        return day, day + DAY
    if kind == "week":
        monday = day - day.weekday() * DAY
        return monday, monday + 7 * DAY
    first = day.replace(day=1)
    return first, (first + 31 * DAY).replace(day=1)


def days(wanted: ReportRequest, times: TimeText) -> str:
    """Return the days of a report as text, the last one included."""
    return times.days(wanted.first, wanted.last - DAY)


def _tell(
    known: Context,
    wanted: ReportRequest,
    past: ConfigHistory,
    tables: list[ReportTable],
    document: Callable[[], dict[str, object]],
) -> None:
    """Write the requested files; without them, or with --json, print to stdout."""
    from pbx.reports import history as plans

    office, first = past.running.office, wanted.first
    kind = wanted.kind if wanted.kind != "oncall" else "on call"
    title = f"{office.name}: {kind}, {days(wanted, office.times)}"
    if wanted.as_json and wanted.csv == "-":
        raise OfficeLineError(
            "Only one of --json and --csv can use standard output; give a file with --csv."
        )
    if wanted.html is not None or wanted.csv is not None:
        about = f"{wanted.kind} {first}"
        recorded(known, "report.exported", about, days=(wanted.last - first).days)
    if wanted.html is not None:
        from pbx.reports.page import report

        days_of = f"Days are in the office's time zone, {office.zone.key}."
        about = " ".join(filter(None, (days_of, plans.changed(past), plans.history_sentence(past))))
        _write(wanted.html, "--html", lambda file: file.write(report(title, about, tables)))
    if wanted.csv is not None:
        to_csv_file(wanted.csv, lambda file: _csv(file, tables))
    if wanted.as_json:
        head = {"report": wanted.kind, "from": first.isoformat(), "to": wanted.last.isoformat()}
        ran = {"plans": plans.to_json(past)}
        typer.echo(json.dumps({**head, **ran, **document()}, ensure_ascii=False))
    elif wanted.csv is None and wanted.html is None:
        _print(title, plans.changed(past), tables)


def to_csv_file(where: str, write: Callable[[TextIO], object]) -> None:
    """Write to the file given with --csv, or to stdout; OfficeLineError if that fails."""
    if where == "-":
        write(sys.stdout)
    else:
        _write(Path(where), "--csv", write)


def _write(path: Path, option: str, write: Callable[[TextIO], object]) -> None:
    try:
        path.touch(mode=0o600)
        with path.open("w", encoding="utf-8", newline="") as file:
            write(file)
    except OSError as error:
        what, other = f"{path} cannot be written", f"choose another file with {option}"
        raise OfficeLineError(os_sentence(what, error, path, otherwise=other)) from error


def _csv(file: TextIO, tables: Iterable[ReportTable]) -> None:
    """Write one figure per line, so that all tables fit in one file; shares are from 0 to 1."""
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(("table", "row", "figure", "unit", "value"))
    for table in tables:
        for row in table.rows:
            for cell, (name, unit) in zip(row[1:], table.columns[1:], strict=True):
                value = "" if cell is None else cell
                rows.writerow((table.name, row[0], name, "" if unit == "%" else unit, value))


def _print(title: str, about: str, tables: Iterable[ReportTable]) -> None:
    from pbx.cli.shared.printing import plain_console, plain_table
    from pbx.reports.table import cell_text

    out = plain_console()
    out.print(title, style="bold")
    if about:
        out.print(about)
    for one in tables:
        out.print(f"\n{one.title}", style="bold")
        if one.about:
            out.print(one.about)
        rows = plain_table(*(name for name, _ in one.columns))
        for column in rows.columns[1:]:
            column.justify = "right"
        for row in one.rows:
            cells = zip(row, one.columns, strict=True)
            rows.add_row(*(cell_text(cell, unit) for cell, (_, unit) in cells))
        out.print(rows if one.rows else "Nothing.")
