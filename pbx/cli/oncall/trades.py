"""`officeline oncall take` and `swap`: people take each other's place for a time."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from pbx.base import when
from pbx.base.errors import OfficeLineError
from pbx.cli.oncall.changes import From, MaySchedule, Reason, To, store
from pbx.cli.oncall.words import (
    bounded,
    people_named,
    person_named,
    span_of,
    the_person,
    the_schedule,
    to_minute,
)
from pbx.cli.shared.options import office
from pbx.cli.shared.reasons import reason_of
from routing import schedule as schedules
from routing.model import Override, Place, Plan


def take(
    context: typer.Context,
    person: Annotated[str, typer.Argument(help="Id of the person who takes the shift.")],
    *,
    start: Annotated[
        str, typer.Option("--from", help="Start time, such as 5pm (default: now).")
    ] = "now",
    end: Annotated[
        str | None,
        typer.Option("--to", help="End time, such as 8am (default: the next morning's handoff)."),
    ] = None,
    whose: Annotated[
        str | None,
        typer.Option("--of", metavar="PERSON", help="Person to replace, if two are on call."),
    ] = None,
    schedule: MaySchedule = None,
    reason: Reason = "takes it",
) -> None:
    """Take over from the person on call, until the next morning's handoff.

    If two people are on call, a person who is scheduled only as the second takes the second place,
    and anyone else takes the first. Use --of to choose.

    Example: officeline oncall take osei --to 8am
    """
    known = office(context)
    from routing.oncall import taken_from, until_morning

    plan = known.running()
    zone = plan.office.zone
    name, who = the_schedule(plan, schedule), the_person(plan, person)
    now = datetime.now(zone)
    begins = to_minute(when.parse_time(start, zone, now))
    place, out = (
        taken_from(plan, name, who, begins)
        if whose is None
        else _named(plan, name, begins, who, the_person(plan, whose))
    )
    _tell_the_others(plan, name, begins, who, out)
    ends = (
        until_morning(plan, name, begins, place)
        if end is None
        else to_minute(when.parse_time(end, zone, now, after=begins))
    )
    bounded(begins, ends, plan.office.times)
    store(
        known,
        plan,
        [
            Override(
                0, name, "replace", who, out, begins, ends, reason_of(reason, plan.office.country)
            )
        ],
    )
    after = people_named(plan, schedules.on_call(plan, name, ends).people)
    typer.echo(
        f"{person_named(plan, who)} is on call until {plan.office.times.moment(ends)}; "
        f"after that, {after} {'are' if ' and ' in after else 'is'}."
    )


def _named(plan: Plan, name: str, at: datetime, who: str, out: str) -> tuple[Place, str]:
    """Return the place of the person to be replaced, and their id; OfficeLineError if off call."""
    answer = schedules.on_call(plan, name, at)
    if out not in answer.people:
        raise OfficeLineError(
            f"{person_named(plan, out)} is not on call for '{name}' at "
            f"{plan.office.times.moment(at)}; see 'officeline oncall list'."
        )
    if out == who:
        raise OfficeLineError("A person cannot replace themselves; give another person with --of.")
    return "beside" if answer.is_beside(out) else "oncall", out


def _tell_the_others(plan: Plan, name: str, at: datetime, who: str, out: str | None) -> None:
    """Print who else stays on call."""
    answer = schedules.on_call(plan, name, at)
    if out is None and answer.is_beside(who):
        typer.echo(f"Note: {person_named(plan, who)} now has both places on call.")
        return
    stay = [one for one in answer.people if one not in {who, out}]
    if out is None:
        stay = [one for one in stay if answer.is_beside(one)]
    if stay:
        verb = "stays" if len(stay) == 1 else "stay"
        typer.echo(f"Note: {people_named(plan, stay)} also {verb} on call.")


def swap(
    context: typer.Context,
    one: Annotated[str, typer.Argument(help="Id of the first person.")],
    other: Annotated[str, typer.Argument(help="Id of the second person.")],
    *,
    start: From,
    end: To,
    schedule: MaySchedule = None,
    reason: Reason = "swap",
) -> None:
    """Swap the shifts of two people for a time, including backup shifts.

    Example: officeline oncall swap lee osei --from "mon 08:00" --to "2026-12-14 08:00"
    """
    known = office(context)
    from routing.oncall import swapped

    plan = known.running()
    name = the_schedule(plan, schedule)
    pair = (the_person(plan, one), the_person(plan, other))
    if one == other:
        raise OfficeLineError("A swap needs two people; give two different ids.")
    span = span_of(start, end, plan.office.times)
    wanted = swapped(plan, name, pair, *span, reason_of(reason, plan.office.country))
    if not wanted:
        raise OfficeLineError(
            f"Neither {person_named(plan, one)} nor {person_named(plan, other)} is on call alone "
            f"for '{name}' during that time; see 'officeline oncall list'."
        )
    store(known, plan, wanted)
    taken = {change.person for change in wanted}
    for into, out in (pair, pair[::-1]):
        if into not in taken:
            typer.echo(
                f"Note: {person_named(plan, out)} has no shift during that time to give away."
            )


def add_to(app: typer.Typer) -> None:
    """Add these commands to `officeline oncall`."""
    for command in (take, swap):
        app.command()(command)
