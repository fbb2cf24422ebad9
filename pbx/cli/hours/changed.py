"""`officeline hours close`, `reopen`, `changes`, `cancel`: change hours at short notice."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from pbx.base import when
from pbx.base.errors import OfficeLineError
from pbx.cli.shared.answers import answer, note_if_down, practice
from pbx.cli.shared.context import Context, whoever
from pbx.cli.shared.options import AsJson, office
from pbx.cli.shared.reasons import reason_of
from routing import hours
from routing.instants import MIDNIGHT
from routing.instants import instant as first_instant
from routing.model import HoursChange, HoursState, Plan

From = Annotated[
    str | None, typer.Option("--from", help="Start time, such as noon (default: now).")
]
Until = Annotated[str | None, typer.Option(help="End time, such as 5pm (default: end of the day).")]
Reason = Annotated[str, typer.Option(help="Reason, shown wherever the hours are shown.")]
OfficeHours = Annotated[
    str | None, typer.Option(help="Name of one set of office hours (default: all).")
]
By = Annotated[str | None, typer.Option(help="Who is making the change (default: current user).")]


def close(
    context: typer.Context,
    *,
    start: From = None,
    until: Until = None,
    reason: Reason = "",
    office_hours: OfficeHours = None,
    by: By = None,
) -> None:
    """Close the office at short notice, starting with the next call.

    Example: officeline hours close --until 5pm --reason "burst pipe"
    """
    _change(office(context), "closed", start, until, reason, office_hours, by)


def reopen(
    context: typer.Context,
    *,
    start: From = None,
    until: Until = None,
    reason: Reason = "",
    office_hours: OfficeHours = None,
    by: By = None,
) -> None:
    """End all short-notice closings, or, with times, open the office for that time.

    Example: officeline hours reopen --until "tomorrow 18:30" --reason "flu clinic"
    """
    if start is not None or until is not None:
        _change(office(context), "open", start, until, reason, office_hours, by)
        return
    from pbx.db.changes import cancel_hours_change

    known = office(context)
    now = datetime.now(UTC)
    plan = known.running()
    closed = [
        one
        for one in plan.changes
        if one.state == "closed"
        and one.start <= now < one.end
        and office_hours in {None, one.office_hours}
    ]
    for one in closed:
        cancel_hours_change(known.database(), one.id, by=by or whoever(), now=now)
        typer.echo(f"Change {one.id} is canceled ({one.reason or 'closed'}).")
    _tell(known, now, office_hours)


def changes(
    context: typer.Context,
    *,
    as_json: AsJson = False,
) -> None:
    """List changes of office hours that apply now or later.

    Example: officeline hours changes
    """
    plan: Plan = office(context).running()
    zone = plan.office.zone
    now = datetime.now(UTC)
    rows = [one for one in plan.changes if one.end > now]
    if as_json:
        shown: list[dict[str, object]] = [
            {
                "id": one.id,
                "state": one.state,
                "office_hours": one.office_hours,
                "from": when.iso(one.start, zone),
                "to": when.iso(one.end, zone),
                "reason": one.reason,
            }
            for one in rows
        ]
        typer.echo(json.dumps({"changes": shown}, ensure_ascii=False))
        return
    for one in rows:
        typer.echo(_reported(one, plan))
    if not rows:
        typer.echo("The regular hours already apply; nothing was changed.")


def cancel(context: typer.Context, change_id: int, *, by: By = None) -> None:
    """Cancel a change of office hours by its number. The regular hours apply again.

    Example: officeline hours cancel 3
    """
    from pbx.db.changes import cancel_hours_change

    known = office(context)
    now = datetime.now(UTC)
    found = cancel_hours_change(known.database(), change_id, by=by or whoever(), now=now)
    answer(known, f"Canceled: {_reported(found, known.running())}")
    note_if_down(known)


def add_to(app: typer.Typer) -> None:
    """Add these commands to `officeline hours`."""
    for command in (close, reopen, changes, cancel):
        app.command()(command)


def _change(
    known: Context,
    state: HoursState,
    start: str | None,
    until: str | None,
    reason: str,
    office_hours: str | None,
    by: str | None,
) -> None:
    from pbx.db.changes import add_hours_change

    plan = known.running()
    why = reason_of(reason, plan.office.country, needed=False)
    if office_hours is not None and office_hours not in plan.office_hours:
        raise OfficeLineError(
            f"There are no office hours '{office_hours}'; use one of "
            f"{', '.join(plan.office_hours)}."
        )
    zone = plan.office.zone
    now = datetime.now(zone)
    begins = now if start is None else when.parse_time(start, zone, now)
    midnight = first_instant(begins.astimezone(zone).date() + timedelta(days=1), MIDNIGHT, zone)
    ends = midnight if until is None else when.parse_time(until, zone, now, after=max(begins, now))
    if ends <= max(begins, now):
        raise OfficeLineError(
            f"The change would end at {plan.office.times.moment(ends)}, which is in the past or "
            "before it begins; give a later --until."
        )
    change = HoursChange(0, state, begins, ends, why, office_hours)
    made = add_hours_change(known.database(), change, by=by or whoever(), now=now)
    typer.echo(_reported(made, plan))
    _tell(known, now, office_hours)


def _reported(one: HoursChange, plan: Plan) -> str:
    times = plan.office.times.span(one.start, one.end)
    what = one.office_hours or "all office hours"
    because = f" ({one.reason})" if one.reason else ""
    return f"Change {one.id}: {what} is {one.state} from {times}{because}."


def _tell(known: Context, now: datetime, office_hours: str | None) -> None:
    """Print whether the office is open after a change."""
    plan = known.running(reported=False)
    for name in plan.office_hours if office_hours is None else [office_hours]:
        state, because = hours.state_at(plan, now, name)
        _, until = hours.around(plan, now, name)
        which = f" ({name})" if len(plan.office_hours) > 1 else ""
        end = f" until {plan.office.times.moment(until)}" if until else ""
        typer.echo(f"{practice(known)}{which} is now {state}{end}: {because}.")
    note_if_down(known)
