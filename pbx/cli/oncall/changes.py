"""`officeline oncall override`, `cancel`, `overrides`: temporary changes of a schedule."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from pbx.base import when
from pbx.base.errors import OfficeLineError
from pbx.base.phone_numbers import mask_within
from pbx.cli.oncall.words import (
    override_sentence,
    person_named,
    span_of,
    the_person,
    the_schedule,
    times_of,
)
from pbx.cli.shared.answers import answer, note_if_down
from pbx.cli.shared.context import Context, whoever
from pbx.cli.shared.options import AsJson, office
from pbx.cli.shared.reasons import reason_of
from pbx.config.home import Home
from routing import schedule as schedules
from routing.instants import at_local
from routing.model import Override, OverrideKind, Plan

if TYPE_CHECKING:
    from pbx.db.changes import Made

From = Annotated[str, typer.Option("--from", help="Start time, such as 'fri 5pm'.")]
To = Annotated[str, typer.Option("--to", help="End time (exclusive), such as 'mon 8am'.")]
MaySchedule = Annotated[
    str | None, typer.Option(help="Name of the schedule (required if there are several).")
]
Reason = Annotated[str, typer.Option(help="Reason for the change, kept in the history.")]


def override(
    context: typer.Context,
    *,
    schedule: Annotated[str, typer.Option(help="Name of the schedule.")],
    start: From,
    end: To,
    reason: Reason,
    add: Annotated[
        str | None,
        typer.Option(metavar="PERSON", help="Put this person on call in addition to the others."),
    ] = None,
    remove: Annotated[
        str | None, typer.Option(metavar="PERSON", help="Take this person off call.")
    ] = None,
    replaced: Annotated[
        str | None,
        typer.Option(
            "--replace",
            metavar="PERSON",
            help="Take this person off call; --by says who takes their place.",
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(metavar="PERSON", help="Person who is on call instead (with --replace)."),
    ] = None,
    backup: Annotated[
        str | None, typer.Option(metavar="PERSON", help="Make this person the backup.")
    ] = None,
) -> None:
    """Add, remove or replace a person on a schedule for a time, or name a backup.

    Example: officeline oncall override --schedule doctors --from "fri 17:00" --to "mon 08:00" --replace lee --by osei --reason wedding
    """  # noqa: E501  # an example is one line, so that it can be copied
    known = office(context)
    plan = known.running()
    kind = _kind({"add": add, "remove": remove, "replace": replaced, "backup": backup}, by)
    person, out = {
        "add": (add, None),
        "remove": (None, remove),
        "replace": (by, replaced),
        "backup": (backup, None),
    }[kind]
    wanted = Override(
        0,
        the_schedule(plan, schedule),
        kind,
        None if person is None else the_person(plan, person),
        None if out is None else the_person(plan, out),
        *span_of(start, end, plan.office.times),
        reason_of(reason, plan.office.country),
    )
    if wanted.person == wanted.instead_of:
        raise OfficeLineError("A person cannot replace themselves; give another person with --by.")
    store(known, plan, [wanted])


def cancel(
    context: typer.Context,
    override_id: Annotated[
        int, typer.Argument(metavar="ID", help="Override id from 'officeline oncall overrides'.")
    ],
) -> None:
    """Cancel an override, so that the regular schedule applies again.

    Example: officeline oncall cancel 12
    """
    known = office(context)
    if not Home(known.home).database.exists():
        raise OfficeLineError(
            f"There is no override {override_id}; see 'officeline oncall overrides'."
        )
    from pbx.db.changes import cancel_override

    plan = known.running()
    done = cancel_override(known.database(), override_id, by=whoever(), now=datetime.now(UTC))
    answer(known, f"Canceled: {override_sentence(plan, done)}")
    left = tuple(one for one in plan.overrides if one.id != done.id)
    _warn(replace(plan, overrides=left), [done])
    note_if_down(known)


def overrides(
    context: typer.Context,
    *,
    past: Annotated[
        bool, typer.Option("--all", help="Include overrides that are over or canceled.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List overrides that apply now or later.

    Example: officeline oncall overrides --all
    """
    known = office(context)
    plan = known.running()
    rows: list[Made[Override]] = []
    if Home(known.home).database.exists():
        from pbx.db.changes import list_overrides

        after = None if past else datetime.now(UTC)
        rows = list_overrides(known.database(), after=after)
    rows = [row for row in rows if past or row.canceled_at is None]
    if as_json:
        typer.echo(
            json.dumps({"overrides": [_shape(plan, row) for row in rows]}, ensure_ascii=False)
        )
        return
    for row in rows:
        state = " (canceled)" if row.canceled_at is not None else ""
        made = plan.office.times.moment(row.made_at)
        typer.echo(f"{override_sentence(plan, row.change)} Made by {row.by} on {made}.{state}")
    if not rows:
        typer.echo("No override applies now or later.")


def _kind(asked: Mapping[OverrideKind, str | None], by: str | None) -> OverrideKind:
    """Return the kind of override that the options ask for; OfficeLineError if not exactly one."""
    given = [kind for kind, person in asked.items() if person is not None]
    if len(given) != 1 or (by is not None) != (given == ["replace"]):
        raise OfficeLineError(
            "An override makes exactly one change; give --add PERSON, --remove PERSON, --backup "
            "PERSON, or --replace PERSON --by PERSON."
        )
    return given[0]


def store(context: Context, plan: Plan, wanted: list[Override]) -> None:
    """Store overrides, print them, and warn about gaps and missing backups."""
    now = datetime.now(UTC)
    if wanted[-1].end <= now:
        raise OfficeLineError(
            f"The time span ended on {plan.office.times.moment(wanted[-1].end)}; give a later end."
        )
    from pbx.db.changes import add_overrides
    from routing.oncall import with_overrides

    made = add_overrides(context.database(), wanted, by=whoever(), now=now)
    for one in made:
        answer(context, override_sentence(plan, one))
    after = with_overrides(plan, wanted)
    if all(_same(plan, after, one) for one in wanted):
        typer.echo("Warning: this changes nothing in the current schedule.")
    _warn(after, made)
    _warn_of_absence(plan, made)
    note_if_down(context)


def _same(plan: Plan, after: Plan, change: Override) -> bool:
    """Tell whether a change makes no difference to who is on call or backup."""
    reported = []
    for each in (plan, after):
        spans = schedules.shifts(each, change.schedule, change.start, change.end)
        alike = groupby(spans, lambda one: (one.on_call.people, one.on_call.backup))
        reported.append([(next(group).start, *answer) for answer, group in alike])
    return reported[0] == reported[1]


def _warn_of_absence(plan: Plan, changes: list[Override]) -> None:
    """Warn if a change puts somebody on call who is away then."""
    zone = plan.office.zone
    for one in changes:
        known = plan.people.get(one.person or "")
        for off in () if known is None else known.away:
            begins, ends = at_local(off.start, zone), at_local(off.end, zone)
            if known is not None and begins < one.end and one.start < ends:
                typer.echo(f"Warning: {known.name} is away {times_of(plan, begins, ends)}.")


def _warn(plan: Plan, changes: list[Override]) -> None:
    """Warn if nobody is on call at these times, or one person without a backup."""
    from routing.oncall import weak

    for one in changes:
        empty, alone = weak(plan, one.schedule, max(one.start, datetime.now(UTC)), one.end)
        for shift in empty:
            times = times_of(plan, shift.start, shift.end)
            typer.echo(f"Warning: nobody is on call for '{one.schedule}' {times}.")
        for shift in alone:
            who = person_named(plan, shift.on_call.people[0])
            times = times_of(plan, shift.start, shift.end)
            typer.echo(
                f"Warning: {who} is alone on call for '{one.schedule}' {times}, without a backup."
            )


def _shape(plan: Plan, row: Made[Override]) -> dict[str, object]:
    zone, change = plan.office.zone, row.change
    return {
        "id": change.id,
        "schedule": change.schedule,
        "kind": change.kind,
        "person": change.person,
        "instead_of": change.instead_of,
        "start": when.iso(change.start, zone),
        "end": when.iso(change.end, zone),
        "reason": mask_within(change.reason, plan.office.country),
        "by": row.by,
        "made_at": when.iso(row.made_at, zone),
        "canceled_at": None if row.canceled_at is None else when.iso(row.canceled_at, zone),
    }


def add_to(app: typer.Typer) -> None:
    """Add these commands to `officeline oncall`."""
    for command in (override, cancel, overrides):
        app.command()(command)
