"""`officeline oncall export` and `import`: rotas as calendars, and calendars as shifts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pbx.base.errors import OfficeLineError
from pbx.base.os_errors import os_sentence
from pbx.cli.oncall.words import person_named, span_of, the_rota
from pbx.cli.shared.answers import answer
from pbx.cli.shared.audited import recorded
from routing.model import ExplicitShift, Plan

if TYPE_CHECKING:
    from pbx.config.shifts_file import Edit

MayRota = Annotated[str | None, typer.Option("--rota", help="Needed where there are several.")]
From = Annotated[str, typer.Option("--from", help="From this time on.")]
To = Annotated[str, typer.Option("--to", help="Up to this time.")]


def export(
    context: typer.Context,
    *,
    rota: MayRota = None,
    start: From = "today",
    end: To = "+90d",
    out: Annotated[Path | None, typer.Option(help="A file; else it is printed.")] = None,
) -> None:
    """Write a rota as an iCalendar file, without anybody's number.

    Example: officeline oncall export --rota doctors --to 2027-01-01 --out doctors.ics
    """
    from pbx.config.ics import writer

    plan = context.obj.running()
    name = the_rota(plan, rota)
    data = writer.export(plan, name, *span_of(start, end, plan.office.zone))
    recorded(context.obj, "oncall.exported", name)
    if out is None:
        sys.stdout.buffer.write(data)
        return
    try:
        out.write_bytes(data)
    except OSError as error:
        what, other = f"{out} cannot be written", "name another file with --out"
        raise OfficeLineError(os_sentence(what, error, out, otherwise=other)) from error
    events = data.count(b"BEGIN:VEVENT")
    typer.echo(f"{out} has {events} {'shift' if events == 1 else 'shifts'} of '{name}'.")


def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="An iCalendar file (.ics).")],
    *,
    rota: Annotated[str, typer.Option(help="The rota, by its name.")],
    start: From = "today",
    end: Annotated[
        str | None, typer.Option("--to", help="Up to this time; a year on, if no event is endless.")
    ] = None,
    place: Annotated[
        Literal["oncall", "beside", "backup"],
        typer.Option(help="Whose shifts these are, where the events do not say it."),
    ] = "oncall",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
    ] = False,
) -> None:
    """Write a calendar's shifts into the office's file, in the place of those of that time.

    Shifts of another place stay: a calendar of residents beside leaves those of the attendings.

    The events' summaries name people by id or name. 'officeline apply' lets them go live.

    Example: officeline oncall import doctors.ics --rota doctors --to 2027-01-01 --dry-run
    """
    from pbx.base import files
    from pbx.config import plan as plan_files
    from pbx.config import shifts_file
    from pbx.config.ics import reader

    config: Path = context.obj.config
    plan = context.obj.configuration().plan
    name, span = the_rota(plan, rota), span_of(start, end or "+365d", plan.office.zone)
    content = _content(file, reader.SIZE_LIMIT)
    imported = reader.read(content, plan, *span, endless=end is not None, place=place)
    edit = shifts_file.edit(plan_files.read_text(config), config, name, imported, span)
    count = f"{len(imported)} {'shift' if len(imported) == 1 else 'shifts'}"
    if not edit.added and not edit.removed:
        typer.echo(f"{config} has the calendar's {count} already; nothing to change.")
        return
    _tell(plan, edit)
    if dry_run:
        typer.echo(f"Nothing was written: {config} is as it was.")
        return
    files.save_config(config, edit.text)
    answer(
        context.obj,
        f"{config} has the calendar's {count} now; 'officeline apply' lets them go live.",
    )


def _content(file: Path, limit: int) -> bytes:
    """Read a file, but not all of one that is too large anyway."""
    try:
        with file.open("rb") as opened:
            return opened.read(limit + 1)
    except OSError as error:
        what, other = f"{file} cannot be read", "name an iCalendar file"
        raise OfficeLineError(os_sentence(what, error, file, otherwise=other)) from error


def _tell(plan: Plan, edit: Edit) -> None:
    marked: list[tuple[ExplicitShift, str]] = [
        *((one, "-") for one in edit.removed),
        *((one, "+") for one in edit.added),
    ]
    for one, mark in sorted(marked, key=lambda each: (each[0].start, each[1] == "+")):
        times = f"{one.start:%a %d %b %Y %H:%M} to {one.end:%a %d %b %Y %H:%M}"
        where = "" if one.place == "oncall" else f", {one.place}"
        typer.echo(f"{mark} {times}  {person_named(plan, one.person)}{where}")


def add_to(app: typer.Typer) -> None:
    """Put these commands below `officeline oncall`."""
    app.command()(export)
    app.command("import")(import_)
