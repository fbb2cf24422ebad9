"""`officeline oncall export` and `import`: write schedules as calendars, and read shifts."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pbx.base.errors import OfficeLineError
from pbx.base.os_errors import os_sentence
from pbx.cli.oncall.words import people_named, person_named, span_of, the_person, the_schedule
from pbx.cli.shared.answers import answer
from pbx.cli.shared.audited import recorded
from pbx.cli.shared.context import Context
from pbx.cli.shared.options import office
from pbx.config.home import Home
from routing.instants import at_local
from routing.model import Plan

if TYPE_CHECKING:
    from pbx.config.ics.reader import CalendarShifts
    from pbx.config.ics.writer import Revision
    from pbx.config.shifts_file import CalendarFeed, Edit

MaySchedule = Annotated[
    str | None, typer.Option(help="Name of the schedule (required if there are several).")
]
AGAIN = re.compile(r" ?\(\d+\)$")  # browsers add this when they download a file again
From = Annotated[str, typer.Option("--from", help="Start time.")]
To = Annotated[str, typer.Option("--to", help="End time (exclusive).")]


def export(
    context: typer.Context,
    *,
    schedule: MaySchedule = None,
    start: From = "today",
    end: To = "+90d",
    out: Annotated[Path | None, typer.Option(help="File to write (default: print it).")] = None,
) -> None:
    """Export a schedule as an iCalendar file, without phone numbers.

    Example: officeline oncall export --schedule doctors --to 2027-01-01 --out doctors.ics
    """
    known = office(context)
    from pbx.config.ics import writer

    plan = known.running()
    name = the_schedule(plan, schedule)
    span = span_of(start, end, plan.office.times)
    data = writer.export(plan, name, *span, _revision(office(context)))
    recorded(office(context), "oncall.exported", name)
    if out is None:
        sys.stdout.buffer.write(data)
        return
    try:
        out.write_bytes(data)
    except OSError as error:
        what, other = f"{out} cannot be written", "choose another file with --out"
        raise OfficeLineError(os_sentence(what, error, out, otherwise=other)) from error
    events = data.count(b"BEGIN:VEVENT")
    typer.echo(f"{out} has {events} {'shift' if events == 1 else 'shifts'} of '{name}'.")


def _revision(context: Context) -> Revision:
    """Return the number of changes so far: applied plans, and overrides made or canceled."""
    from pbx.config.ics.writer import Revision

    times: list[datetime] = []
    if Home(context.home).database.exists():
        from pbx.db import changes, plans

        engine = context.database()
        times += (one.at for one in plans.list_times(engine))
        for made in changes.list_overrides(engine):
            times += (at for at in (made.made_at, made.canceled_at) if at is not None)
    if times:
        return Revision(len(times), max(times))
    return Revision(0, datetime.fromtimestamp(context.config.stat().st_mtime, UTC))


def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="iCalendar file (.ics) to import.")],
    *,
    schedule: Annotated[str, typer.Option(help="Name of the schedule.")],
    start: From = "today",
    end: Annotated[
        str | None,
        typer.Option(
            "--to", help="End time (default: one year on; required if an event repeats forever)."
        ),
    ] = None,
    place: Annotated[
        Literal["oncall", "beside", "backup"],
        typer.Option(help="Person whose shifts these are, if the events do not name one."),
    ] = "oncall",
    feed: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Name of the calendar; its earlier shifts in this time are replaced (default: the "
            "name inside the file, or the file name). If all shifts belong to one person, only "
            "that person's shifts are replaced.",
        ),
    ] = None,
    person: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TITLE=PERSON",
            help="Assign events with this title to this person (repeatable).",
        ),
    ] = None,
    skip: Annotated[
        list[str] | None,
        typer.Option(metavar="TITLE", help="Skip events with this title (repeatable)."),
    ] = None,
    attendees: Annotated[
        bool, typer.Option("--attendees", help="Put the people invited to each event on call.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, without changing it.")
    ] = False,
) -> None:
    """Import a calendar's shifts into the configuration file, replacing its earlier import.

    Shifts of other calendars and shifts written by hand stay. If this calendar names a different
    person for the same time, the new import wins. Event titles name people by id or full name.
    Run 'officeline apply' to apply the change.

    Example: officeline oncall import doctors.ics --schedule doctors --to 2027-01-01 --dry-run
    """
    known = office(context)
    from pbx.base import files
    from pbx.config import plan as plan_files
    from pbx.config import shifts_file
    from pbx.config.ics import reader
    from pbx.config.ics.whose import Whose

    config: Path = office(context).config
    plan = office(context).configuration().plan
    name, span = the_schedule(plan, schedule), span_of(start, end or "+365d", plan.office.times)
    content = _content(file, reader.SIZE_LIMIT)
    whose = Whose(plan, _titles(person or [], plan), skip or (), attendees)
    found = reader.read(content, plan, *span, endless=end is not None, whose=whose, place=place)
    source = _feed(feed, found, AGAIN.sub("", file.stem))
    text = plan_files.read_text(config)
    edit = shifts_file.edit(text, config, name, found.shifts, span, source)
    count = f"{len(found.shifts)} {'shift' if len(found.shifts) == 1 else 'shifts'}"
    if not edit.added and not edit.removed:
        typer.echo(f"{config} already has the calendar's {count}; nothing to change.")
        return
    _tell(plan, edit, source, {one.person for one in found.shifts})
    if dry_run:
        typer.echo(f"Nothing was written: {config} is unchanged.")
        return
    files.save_config(config, edit.text)
    answer(
        known,
        f"{config} now has the calendar's {count}; run 'officeline apply' to apply them.",
    )


def _titles(given: list[str], plan: Plan) -> dict[str, str]:
    """Read --person options of the form TITLE=PERSON; return people by title."""
    found = {}
    for one in given:
        title, equals, person = one.rpartition("=")
        if not equals or not title.strip():
            raise OfficeLineError(
                f"'{one[:60]}' is not TITLE=PERSON; write --person \"Night call=lee\", for example."
            )
        found[title] = the_person(plan, person.strip())
    return found


def _feed(name: str | None, found: CalendarShifts, file: str) -> CalendarFeed:
    """Return which calendar an import replaces.

    A name given with --feed is that of one calendar. A name inside the file may be the same for
    all calendars of a program, so only a file with several people counts as the whole calendar.
    Without a name, the file name is used.
    """
    from pbx.config.ics.names import quoted
    from pbx.config.shifts_file import CalendarFeed

    if name is not None and not quoted(name):
        raise OfficeLineError("The calendar has no name; give it one, such as --feed amion-lee.")
    several = len({one.person for one in found.shifts}) > 1
    return CalendarFeed(
        quoted(name or found.name) or quoted(file) or "calendar", name is not None or several
    )


def _content(file: Path, limit: int) -> bytes:
    """Return the file's content, cut after the limit."""
    try:
        with file.open("rb") as opened:
            return opened.read(limit + 1)
    except OSError as error:
        what, other = f"{file} cannot be read", "choose an iCalendar file"
        raise OfficeLineError(os_sentence(what, error, file, otherwise=other)) from error


def _tell(plan: Plan, edit: Edit, feed: CalendarFeed, people: set[str]) -> None:
    """Print the feed's name and the changes; changes to other feeds' shifts are marked."""
    of = "all of it" if feed.whole else f"the shifts of {people_named(plan, people)}"
    typer.echo(f"Feed '{feed.name}', {of}:")
    marked = [*((one, "-") for one in edit.removed), *((one, "+") for one in edit.added)]
    for one, mark in sorted(marked, key=lambda each: (each[0].shift.start, each[1] == "+")):
        shift = one.shift
        times = plan.office.times.span(
            *(at_local(at, plan.office.zone) for at in (shift.start, shift.end))
        )
        where = "" if shift.place == "oncall" else f", {shift.place}"
        source = "by hand" if one.feed is None else f"from '{one.feed}'"
        other = "" if one.feed == feed.name else f", {source}"
        typer.echo(f"{mark} {times}  {person_named(plan, shift.person)}{where}{other}")


def add_to(app: typer.Typer) -> None:
    """Add these commands to `officeline oncall`."""
    app.command()(export)
    app.command("import")(import_)
