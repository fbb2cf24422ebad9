"""`officeline oncall away`: add a vacation to the configuration file; show who covers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pbx.base.errors import OfficeLineError
from pbx.cli.oncall.words import person_named, span_of, the_person, times_of
from pbx.cli.shared.answers import answer
from pbx.cli.shared.options import office
from routing import schedule as schedules
from routing.model import Away, Plan

if TYPE_CHECKING:
    from routing.schedule import Shift


def away(
    context: typer.Context,
    person: Annotated[str, typer.Argument(help="Id of the person who is away.")],
    *,
    start: Annotated[str, typer.Option("--from", help="First day away, or a time.")],
    end: Annotated[str, typer.Option("--to", help="Last day away (inclusive), or a time.")],
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show who would take the turns, without changing anything."),
    ] = False,
) -> None:
    """Add a vacation to the configuration file and show who takes the turns.

    Each turn goes to the next person in the rotation who is not away. Run 'officeline apply' to
    apply the change.

    Example: officeline oncall away lee --from 2026-12-20 --to 2027-01-03
    """
    known = office(context)
    from pbx.base import files
    from pbx.config import away_file
    from pbx.config import plan as plan_files

    config: Path = known.config
    plan = known.configuration().plan
    zone, who = plan.office.zone, the_person(plan, person)
    span = span_of(start, end, plan.office.times, whole_days=True)
    naive = [at.astimezone(zone).replace(tzinfo=None, fold=0) for at in span]
    wanted, times = Away(naive[0], naive[1]), times_of(plan, *span)
    if span[1] <= datetime.now(UTC):
        raise OfficeLineError(f"The time {times} is over; give a later end.")
    if any(one.start <= wanted.start and wanted.end <= one.end for one in plan.people[who].away):
        typer.echo(f"{person_named(plan, who)} is already away {times}; nothing to change.")
        return
    text, after = away_file.add_away(plan_files.read_text(config), config, who, wanted)
    for sentence in _reported(after, who, *span):
        typer.echo(sentence)
    if dry_run:
        typer.echo(f"Nothing was written: {config} is unchanged.")
        return
    files.save_config(config, text)
    answer(
        known,
        f"{config} has {person_named(plan, who)} away {times}; run 'officeline apply' to apply it.",
    )


def _reported(plan: Plan, who: str, start: datetime, end: datetime) -> Iterator[str]:
    """List who takes somebody's turns, with warnings about shifts and coverage gaps."""
    from routing.oncall import duties

    name = person_named(plan, who)
    for schedule in plan.schedules:
        for one in duties(plan, schedule, start, end):
            times = times_of(plan, one.start, one.end)
            if one.instead_of == who:
                taker = person_named(plan, one.person)
                yield f"{taker} is on call for '{schedule}' {times}, for {name}."
            elif one.person == who:
                yield f"Warning: {name} has a shift of '{schedule}' {times}, which is not moved."
        for gap in schedules.coverage_gaps_of(plan, schedule, start, end):
            yield _nobody(plan, schedule, gap)


def _nobody(plan: Plan, schedule: str, gap: Shift) -> str:
    return f"Warning: nobody is on call for '{schedule}' {times_of(plan, gap.start, gap.end)}."


def add_to(app: typer.Typer) -> None:
    """Add this command to `officeline oncall`."""
    app.command()(away)
