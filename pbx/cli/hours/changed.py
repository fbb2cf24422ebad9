"""`officeline hours close`, `reopen`, `changes`, `cancel`: hours changed at short notice."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from pbx.base import when
from pbx.base.errors import OfficeLineError
from pbx.cli.shared.answers import answer, note_if_down, practice
from pbx.cli.shared.context import Context, whoever
from pbx.cli.shared.reasons import reason_of
from routing import hours
from routing.instants import MIDNIGHT
from routing.instants import instant as first_instant
from routing.model import HoursChange, HoursState, Plan

From = Annotated[str | None, typer.Option("--from", help="From this time on, such as noon; now.")]
Until = Annotated[
    str | None, typer.Option(help="Up to this time, such as 5pm; the end of the day.")
]
Reason = Annotated[str, typer.Option(help="Why; it is told to whoever asks.")]
Schedule = Annotated[str | None, typer.Option(help="One schedule; all if left out.")]
By = Annotated[str | None, typer.Option(help="Who does it; else the user of this machine.")]


def close(
    context: typer.Context,
    *,
    start: From = None,
    until: Until = None,
    reason: Reason = "",
    schedule: Schedule = None,
    by: By = None,
) -> None:
    """Close at short notice, whatever the file says; it takes effect for the next call.

    Example: officeline hours close --until 5pm --reason "burst pipe"
    """
    _change(context.obj, "closed", start, until, reason, schedule, by)


def reopen(
    context: typer.Context,
    *,
    start: From = None,
    until: Until = None,
    reason: Reason = "",
    schedule: Schedule = None,
    by: By = None,
) -> None:
    """Open again: without times every closing at short notice ends, with them it is open then.

    Example: officeline hours reopen --until "tomorrow 18:30" --reason "flu clinic"
    """
    if start is not None or until is not None:
        _change(context.obj, "open", start, until, reason, schedule, by)
        return
    from pbx.db.changes import cancel_hours_change

    known: Context = context.obj
    now = datetime.now(UTC)
    plan = known.running()
    closed = [
        one
        for one in plan.changes
        if one.state == "closed" and one.start <= now < one.end and schedule in {None, one.schedule}
    ]
    for one in closed:
        cancel_hours_change(known.database(), one.id, by=by or whoever(), now=now)
        typer.echo(f"Change {one.id} is cancelled ({one.reason or 'closed'}).")
    _tell(known, now, schedule)


def changes(
    context: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """List the changes that hold now or later.

    Example: officeline hours changes
    """
    plan: Plan = context.obj.running()
    zone = plan.office.zone
    now = datetime.now(UTC)
    rows = [one for one in plan.changes if one.end > now]
    if as_json:
        shown: list[dict[str, Any]] = [
            {
                "id": one.id,
                "state": one.state,
                "schedule": one.schedule,
                "from": when.iso(one.start, zone),
                "to": when.iso(one.end, zone),
                "reason": one.reason,
            }
            for one in rows
        ]
        typer.echo(json.dumps({"changes": shown}, ensure_ascii=False))
        return
    for one in rows:
        typer.echo(_told(one, plan))
    if not rows:
        typer.echo("The hours are those of the file; nothing is changed.")


def cancel(context: typer.Context, change_id: int, *, by: By = None) -> None:
    """Cancel a change by its number; the hours of the file hold again.

    Example: officeline hours cancel 3
    """
    from pbx.db.changes import cancel_hours_change

    known: Context = context.obj
    now = datetime.now(UTC)
    found = cancel_hours_change(known.database(), change_id, by=by or whoever(), now=now)
    answer(known, f"Cancelled: {_told(found, known.running())}")
    note_if_down(known)


def add_to(app: typer.Typer) -> None:
    """Put these commands into `officeline hours`."""
    for command in (close, reopen, changes, cancel):
        app.command()(command)


def _change(
    known: Context,
    state: HoursState,
    start: str | None,
    until: str | None,
    reason: str,
    schedule: str | None,
    by: str | None,
) -> None:
    from pbx.db.changes import add_hours_change

    plan = known.running()
    why = reason_of(reason, needed=False)
    if schedule is not None and schedule not in plan.schedules:
        raise OfficeLineError(
            f"There is no schedule '{schedule}'; there are {', '.join(plan.schedules)}."
        )
    zone = plan.office.zone
    now = datetime.now(zone)
    begins = now if start is None else when.parse(start, zone, now)
    midnight = first_instant(begins.astimezone(zone).date() + timedelta(days=1), MIDNIGHT, zone)
    ends = midnight if until is None else when.parse(until, zone, now, after=max(begins, now))
    if ends <= max(begins, now):
        raise OfficeLineError(
            f"The change ends at {when.show(ends, zone)}, "
            "which is past or before it begins; name a later --until."
        )
    change = HoursChange(0, state, begins, ends, why, schedule)
    made = add_hours_change(known.database(), change, by=by or whoever(), now=now)
    typer.echo(_told(made, plan))
    _tell(known, now, schedule)


def _told(one: HoursChange, plan: Plan) -> str:
    zone = plan.office.zone
    start, end = when.show(one.start, zone), when.show(one.end, zone)
    what = one.schedule or "every schedule"
    because = f" ({one.reason})" if one.reason else ""
    return f"Change {one.id}: {what} is {one.state} from {start} to {end}{because}."


def _tell(known: Context, now: datetime, schedule: str | None) -> None:
    """Say how things stand after a change."""
    plan = known.running(told=False)
    zone = plan.office.zone
    for name in plan.schedules if schedule is None else [schedule]:
        state, because = hours.state_at(plan, now, name)
        _, until = hours.around(plan, now, name)
        which = f" ({name})" if len(plan.schedules) > 1 else ""
        end = f" until {when.show(until, zone)}" if until else ""
        typer.echo(f"{practice(known)}{which} is now {state}{end}: {because}.")
    note_if_down(known)
