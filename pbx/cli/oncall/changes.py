"""`officeline oncall override`, `take`, `swap`, `cancel`, `overrides`: changes for a time."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from pbx.base import when
from pbx.base.errors import OfficeLineError
from pbx.base.phone_numbers import mask_within
from pbx.cli.oncall.words import (
    bounded,
    override_sentence,
    people_named,
    person_named,
    span_of,
    the_person,
    the_rota,
    times_of,
    to_minute,
)
from pbx.cli.shared.answers import answer, note_if_down
from pbx.cli.shared.context import Context, whoever
from pbx.cli.shared.reasons import reason_of
from pbx.config.home import Home
from routing import rota as rotas
from routing.model import Override, Plan

if TYPE_CHECKING:
    from pbx.db.changes import Made

From = Annotated[str, typer.Option("--from", help="From this time on, such as 'fri 5pm'.")]
To = Annotated[str, typer.Option("--to", help="Up to this time, such as 'mon 8am'.")]
MayRota = Annotated[str | None, typer.Option("--rota", help="Needed where there are several.")]
Reason = Annotated[str, typer.Option(help="Why, for those who look at it later.")]


def override(
    context: typer.Context,
    *,
    rota: Annotated[str, typer.Option(help="The rota, by its name.")],
    start: From,
    end: To,
    reason: Reason,
    add: Annotated[str | None, typer.Option(metavar="PERSON", help="Beside the others.")] = None,
    remove: Annotated[str | None, typer.Option(metavar="PERSON", help="Take out.")] = None,
    replaced: Annotated[
        str | None, typer.Option("--replace", metavar="PERSON", help="Take out, for --by.")
    ] = None,
    by: Annotated[str | None, typer.Option(metavar="PERSON", help="Put in instead.")] = None,
) -> None:
    """Add, remove or replace a person of a rota for a time.

    Example: officeline oncall override --rota doctors --from "fri 17:00" --to "mon 08:00" --replace lee --by osei --reason wedding
    """  # noqa: E501  # an example is one line, so that it can be copied
    plan = context.obj.running()
    kind = _kind(add, remove, replaced, by)
    person = by if kind == "replace" else add
    out = replaced if kind == "replace" else remove
    wanted = Override(
        0,
        the_rota(plan, rota),
        kind,
        None if person is None else the_person(plan, person),
        None if out is None else the_person(plan, out),
        *span_of(start, end, plan.office.zone),
        reason_of(reason),
    )
    if wanted.person == wanted.instead_of:
        raise OfficeLineError("A person cannot take their own place; name another with --by.")
    _store(context.obj, plan, [wanted])


def take(
    context: typer.Context,
    person: Annotated[str, typer.Argument(help="Who takes it.")],
    *,
    start: Annotated[str, typer.Option("--from", help="From this time on, such as 5pm.")] = "now",
    end: Annotated[
        str | None,
        typer.Option("--to", help="Up to this time, such as 8am; else the next morning's handoff."),
    ] = None,
    rota: MayRota = None,
    reason: Reason = "takes it",
) -> None:
    """Take the night: be on call in the place of whoever is, until the next morning's handoff.

    Example: officeline oncall take osei --to 8am
    """
    from routing.oncall import until_morning

    plan = context.obj.running()
    zone = plan.office.zone
    name, who = the_rota(plan, rota), the_person(plan, person)
    now = datetime.now(zone)
    begins = to_minute(when.parse(start, zone, now))
    ends = (
        until_morning(plan, name, begins)
        if end is None
        else to_minute(when.parse(end, zone, now, after=begins))
    )
    bounded(begins, ends, zone)
    wanted = Override(0, name, "replace", who, None, begins, ends, reason_of(reason))
    _store(context.obj, plan, [wanted])
    after = people_named(plan, rotas.on_call(plan, name, ends).people)
    typer.echo(
        f"{person_named(plan, who)} is on call until {when.show(ends, zone)}; "
        f"after that, {after} {'are' if ' and ' in after else 'is'}."
    )


def swap(
    context: typer.Context,
    one: Annotated[str, typer.Argument(help="A person.")],
    other: Annotated[str, typer.Argument(help="Another person.")],
    *,
    start: From,
    end: To,
    rota: MayRota = None,
    reason: Reason = "swap",
) -> None:
    """Put each of two people in the other's place for a time.

    Example: officeline oncall swap lee osei --from "mon 08:00" --to "2026-12-14 08:00"
    """
    from routing.oncall import swapped

    plan = context.obj.running()
    name = the_rota(plan, rota)
    pair = (the_person(plan, one), the_person(plan, other))
    if one == other:
        raise OfficeLineError("A swap is between two people; name another one.")
    span = span_of(start, end, plan.office.zone)
    wanted = swapped(plan, name, pair, *span, reason_of(reason))
    if not wanted:
        raise OfficeLineError(
            f"Neither {person_named(plan, one)} nor {person_named(plan, other)} is on call alone "
            f"for '{name}' in that time; see 'officeline oncall list'."
        )
    _store(context.obj, plan, wanted)
    given = {change.instead_of for change in wanted}
    for person in pair:
        if person not in given:
            typer.echo(
                f"Note: {person_named(plan, person)} has no shift in that time and gives none."
            )


def cancel(
    context: typer.Context,
    override_id: Annotated[
        int, typer.Argument(metavar="ID", help="As 'officeline oncall overrides' has it.")
    ],
) -> None:
    """Cancel an override, so that the rota holds again.

    Example: officeline oncall cancel 12
    """
    if not Home(context.obj.home).database.exists():
        raise OfficeLineError(
            f"There is no override {override_id}; see 'officeline oncall overrides'."
        )
    from pbx.db.changes import cancel_override

    plan = context.obj.running()
    done = cancel_override(context.obj.database(), override_id, by=whoever(), now=datetime.now(UTC))
    answer(context.obj, f"Cancelled: {override_sentence(plan, done)}")
    left = tuple(one for one in plan.overrides if one.id != done.id)
    _warn(replace(plan, overrides=left), [done])
    note_if_down(context.obj)


def overrides(
    context: typer.Context,
    *,
    past: Annotated[
        bool, typer.Option("--all", help="Those that are over or cancelled, too.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """List the overrides that hold now or later.

    Example: officeline oncall overrides --all
    """
    plan = context.obj.running()
    rows: list[Made[Override]] = []
    if Home(context.obj.home).database.exists():
        from pbx.db.changes import list_overrides

        after = None if past else datetime.now(UTC)
        rows = list_overrides(context.obj.database(), after=after)
    rows = [row for row in rows if past or row.cancelled_at is None]
    if as_json:
        typer.echo(
            json.dumps({"overrides": [_shape(plan, row) for row in rows]}, ensure_ascii=False)
        )
        return
    for row in rows:
        state = " (cancelled)" if row.cancelled_at is not None else ""
        made = when.show(row.made_at, plan.office.zone)
        typer.echo(f"{override_sentence(plan, row.change)} Made by {row.by} on {made}.{state}")
    if not rows:
        typer.echo("No override holds now or later.")


def _kind(
    add: str | None, remove: str | None, replaced: str | None, by: str | None
) -> Literal["add", "remove", "replace"]:
    """Choose the one kind that the options ask for."""
    kinds: dict[Literal["add", "remove", "replace"], str | None] = {
        "add": add,
        "remove": remove,
        "replace": replaced,
    }
    given = [kind for kind, person in kinds.items() if person is not None]
    if len(given) != 1 or (by is not None) != (given == ["replace"]):
        raise OfficeLineError(
            "An override does one thing; name --add PERSON, --remove PERSON, "
            "or --replace PERSON --by PERSON."
        )
    return given[0]


def _store(context: Context, plan: Plan, wanted: list[Override]) -> None:
    """Store overrides, say what they are, and warn of whom they leave alone."""
    now = datetime.now(UTC)
    if wanted[-1].end <= now:
        raise OfficeLineError(
            f"The time is over since {when.show(wanted[-1].end, plan.office.zone)}; "
            "name one that ends later."
        )
    from pbx.db.changes import add_overrides
    from routing.oncall import stretches, with_overrides

    made = add_overrides(context.database(), wanted, by=whoever(), now=now)
    for one in made:
        answer(context, override_sentence(plan, one))
    after = with_overrides(plan, wanted)
    if all(stretches(plan, *_where(one)) == stretches(after, *_where(one)) for one in wanted):
        typer.echo("Warning: this changes nothing, as the rota stands now.")
    _warn(after, made)
    note_if_down(context)


def _where(change: Override) -> tuple[str, datetime, datetime]:
    return change.rota, change.start, change.end


def _warn(plan: Plan, changes: list[Override]) -> None:
    """Warn where these times leave nobody on call, or one person whom nobody backs up."""
    from routing.oncall import weak

    for one in changes:
        empty, alone = weak(plan, one.rota, max(one.start, datetime.now(UTC)), one.end)
        for shift in empty:
            times = times_of(plan, shift.start, shift.end)
            typer.echo(f"Warning: nobody is on call for '{one.rota}' {times}.")
        for shift in alone:
            who = person_named(plan, shift.on_call.people[0])
            times = times_of(plan, shift.start, shift.end)
            typer.echo(
                f"Warning: {who} is alone on call for '{one.rota}' {times}, without a backup."
            )


def _shape(plan: Plan, row: Made[Override]) -> dict[str, Any]:
    zone, change = plan.office.zone, row.change
    return {
        "id": change.id,
        "rota": change.rota,
        "kind": change.kind,
        "person": change.person,
        "instead_of": change.instead_of,
        "start": when.iso(change.start, zone),
        "end": when.iso(change.end, zone),
        "reason": mask_within(change.reason),
        "by": row.by,
        "made_at": when.iso(row.made_at, zone),
        "cancelled_at": None if row.cancelled_at is None else when.iso(row.cancelled_at, zone),
    }


def add_to(app: typer.Typer) -> None:
    """Put these commands below `officeline oncall`."""
    for command in (override, take, swap, cancel, overrides):
        app.command()(command)
