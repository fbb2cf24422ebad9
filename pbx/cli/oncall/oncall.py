"""`officeline oncall`: who is on call now and later, coverage gaps, and handoffs."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from pbx.base import when
from pbx.cli.oncall import absence, trades
from pbx.cli.oncall import calendar as oncall_calendar
from pbx.cli.oncall import changes as oncall_changes
from pbx.cli.oncall.words import (
    for_whom,
    on_holiday,
    people_named,
    person_named,
    reported,
    span_of,
    the_schedule,
    times_of,
)
from pbx.cli.shared.options import AsJson, office
from routing import schedule as schedules
from routing.model import Plan
from routing.places import OnCall
from routing.schedule import holiday

if TYPE_CHECKING:
    from routing.oncall import OnCallSpan

app = typer.Typer(no_args_is_help=True)

OneSchedule = Annotated[str | None, typer.Option(help="Show only this schedule.")]
Days = Annotated[int, typer.Option(min=1, max=1830, help="Number of days to look ahead.")]


@app.command()
def now(
    context: typer.Context,
    *,
    at: Annotated[
        str | None, typer.Option(help="Time to look at, such as 5pm or 'fri 17:00' (default: now).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show who is on call and who is the backup, in every schedule.

    In JSON, `oncall` is one person. `also` lists the others on call, `beside` those of them whom
    the schedule adds, `instead_of` the person whose turn it is but who is away, and `unconfirmed`
    the people who have not confirmed the shift. Empty ones are left out.

    Example: officeline oncall now --at "2026-11-28 02:10"
    """
    plan = office(context).running()
    zone = plan.office.zone
    present = datetime.now(zone)
    asked = present if at is None else when.parse_time(at, zone, present)
    if as_json:
        shown = [_now_shape(plan, schedule, asked) for schedule in plan.schedules]
        typer.echo(json.dumps({"at": when.iso(asked, zone), "schedules": shown}))
        return
    typer.echo(plan.office.times.moment(asked))
    for schedule in plan.schedules:
        typer.echo(_now_sentence(plan, schedule, asked))
    if not plan.schedules:
        typer.echo("There is no schedule in the plan.")


@app.command("list")
def list_(
    context: typer.Context,
    *,
    start: Annotated[str, typer.Option("--from", help="Start time, such as 11/28/2026.")] = "today",
    end: Annotated[
        str | None,
        typer.Option("--to", help="End time (exclusive; default: two weeks after the start)."),
    ] = None,
    schedule: OneSchedule = None,
    as_json: AsJson = False,
) -> None:
    """List who is on call, for the next two weeks or between two times.

    Two people on call at once are shown in two rows. A row says when a person covers for someone
    who is away. Backups that have their own turns are listed too.

    Example: officeline oncall list --from today --to 2026-12-31 --schedule doctors
    """
    from routing.oncall import duties

    plan = office(context).running()
    zone = plan.office.zone
    span = span_of(start, end, plan.office.times)
    schedules = plan.schedules if schedule is None else [the_schedule(plan, schedule)]
    rows = [
        duty
        for name in schedules
        for duty in (*duties(plan, name, *span), *_backups(plan, name, span))
    ]
    if as_json:
        shown = [
            {
                "schedule": one.schedule,
                "person": one.person,
                "start": when.iso(one.start, zone),
                "end": when.iso(one.end, zone),
                "source": one.source,
                "place": one.place,
                "instead_of": one.instead_of,
                "holiday": holiday(plan, one.schedule, one.start),
            }
            for one in rows
        ]
        typer.echo(json.dumps({"shifts": shown}))
        return
    spans = [plan.office.times.span(one.start, one.end) for one in rows]
    width = max(map(len, spans), default=0)
    for one, times in zip(rows, spans, strict=True):
        why = one.source if one.place == "oncall" else f"{one.source}, {one.place}"
        whose = on_holiday(plan, one.schedule, one.start) + for_whom(plan, one.instead_of)
        typer.echo(
            f"{one.schedule:<12} {times:<{width}}  {person_named(plan, one.person)}, {why}{whose}"
        )
    if not rows:
        typer.echo("Nobody is on call during that time.")


def _backups(plan: Plan, schedule: str, span: tuple[datetime, datetime]) -> list[OnCallSpan]:
    """List the backups that have their own turns, cut to the span."""
    from routing.oncall import backups

    start, end = span
    return [
        replace(one, start=max(one.start, start), end=min(one.end, end))
        for one in backups(plan, schedule, start, end)
    ]


@app.command()
def gaps(context: typer.Context, *, days: Days = 60, as_json: AsJson = False) -> None:
    """List coverage gaps in the coming days. Exits 1 if there are any.

    Example: officeline oncall gaps --days 90
    """
    from routing import oncall

    plan = office(context).running()
    zone = plan.office.zone
    found = oncall.coverage_gaps(plan, datetime.now(zone), days)
    if as_json:
        shown = [
            {
                "schedule": gap.schedule,
                "start": when.iso(gap.start, zone),
                "end": when.iso(gap.end, zone),
            }
            for gap in found
        ]
        typer.echo(json.dumps({"gaps": shown}))
    elif not plan.schedules:
        typer.echo("There is no schedule in the plan.")
    elif not found:
        typer.echo(f"Somebody is on call at every minute of the next {days} days.")
    else:
        for gap in found:
            typer.echo(f"{gap.schedule}: nobody is on call {times_of(plan, gap.start, gap.end)}.")
    if found:
        raise typer.Exit(1)


@app.command()
def handoffs(
    context: typer.Context,
    *,
    schedule: OneSchedule = None,
    days: Days = 14,
    as_json: AsJson = False,
) -> None:
    """List who hands over to whom in the coming days.

    Example: officeline oncall handoffs --days 30
    """
    from routing import oncall

    plan = office(context).running()
    zone = plan.office.zone
    start = datetime.now(zone)
    end = when.parse_time(f"+{days}d", zone, start)
    schedules = plan.schedules if schedule is None else [the_schedule(plan, schedule)]
    rows = [one for name in schedules for one in oncall.handoffs(plan, name, start, end)]
    rows.sort(key=lambda one: one.at)
    if as_json:
        shown = [
            {
                "schedule": one.schedule,
                "at": when.iso(one.at, zone),
                "from": one.before,
                "to": one.after,
            }
            for one in rows
        ]
        typer.echo(json.dumps({"handoffs": shown}))
        return
    for one in rows:
        before, after = people_named(plan, one.before), people_named(plan, one.after)
        typer.echo(f"{plan.office.times.moment(one.at)}  {one.schedule}: {before} to {after}")
    if not rows:
        typer.echo(f"There are no handoffs within {days} days.")


def _now_shape(plan: Plan, schedule: str, at: datetime) -> dict[str, object]:
    from routing.oncall import at_instant

    answer, since, until = at_instant(plan, schedule, at)
    zone = plan.office.zone
    shape: dict[str, object] = {
        "schedule": schedule,
        "oncall": answer.people[0] if answer.people else None,
        "backup": answer.backup,
        "since": None if since is None else when.iso(since, zone),
        "until": None if until is None else when.iso(until, zone),
        "source": answer.source,
    }
    if len(answer.people) > 1:
        shape["also"] = list(answer.people[1:])
    if beside := answer.at("beside"):
        shape["beside"] = list(beside)
    if covers := answer.covers():
        shape["instead_of"] = covers
    if unconfirmed := schedules.unconfirmed(plan, schedule, at):
        shape["unconfirmed"] = list(unconfirmed)
    return shape


def _now_sentence(plan: Plan, schedule: str, at: datetime) -> str:
    from routing.oncall import at_instant, unconfirmed_sentence

    answer, _, until = at_instant(plan, schedule, at)
    people = people_named(plan, answer.people)
    verb = "are" if len(answer.people) > 1 else "is"
    bound = "" if until is None else f" until {plan.office.times.moment(until)}"
    backup = "nobody" if answer.backup is None else person_named(plan, answer.backup)
    first = people[0].upper() + people[1:]
    unconfirmed = unconfirmed_sentence(plan, schedule, at)
    why = f"{reported(plan, answer.source)}{on_holiday(plan, schedule, at)}{_why(plan, answer)}"
    return (
        f"{first} {verb} on call for '{schedule}'{bound}{why}; "
        f"{backup} steps in as the backup.{' ' if unconfirmed else ''}{unconfirmed}"
    )


def _why(plan: Plan, answer: OnCall) -> str:
    """Return text that says for whom a person covers, and why others are on call beside them."""
    covers = "".join(
        f" ({person_named(plan, person)}{for_whom(plan, whose)})"
        for person, whose in answer.covers().items()
    )
    by_hand = "".join(
        f" ({person_named(plan, one.person)} beside{reported(plan, one.source)})"
        for one in answer.beside
        if len(answer.people) > 1 and one.source != "rotation"
    )
    return covers + by_hand


oncall_changes.add_to(app)
trades.add_to(app)
absence.add_to(app)
oncall_calendar.add_to(app)
