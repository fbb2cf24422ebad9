"""`officeline hours`: whether the office is open and why, and holidays missing in the file."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, TypedDict

import typer

from pbx.base import when
from pbx.base.errors import OfficeLineError
from pbx.cli.hours import changed as hours_changed
from pbx.cli.shared.answers import answer, practice
from pbx.cli.shared.options import AsJson, office
from routing import hours
from routing.model import Office, Plan

if TYPE_CHECKING:
    from pbx.config.suggest import Suggestion
    from routing.time_text import TimeText

app = typer.Typer(no_args_is_help=True)

hours_changed.add_to(app)

LAST_YEAR = 2100  # the holidays library ends there


class HoursRow(TypedDict):
    """The state of one set of office hours; times are in the office's zone."""

    office_hours: str
    state: str
    because: str
    since: datetime | None
    until: datetime | None


@app.command()
def now(
    context: typer.Context,
    *,
    at: Annotated[
        str | None,
        typer.Option(help="Time to look at, such as noon or '12/25/2026 5pm' (default: now)."),
    ] = None,
    office_hours: Annotated[
        str | None, typer.Option(help="Name of one set of office hours (default: all).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show whether the office is open, why, since when and until when.

    Example: officeline hours now --at "2026-12-25 10:00"
    """
    plan: Plan = office(context).running()
    zone = plan.office.zone
    today = datetime.now(zone)
    asked = today if at is None else when.parse_time(at, zone, today)
    if office_hours is not None and office_hours not in plan.office_hours:
        raise OfficeLineError(
            f"There are no office hours '{office_hours}'; use one of "
            f"{', '.join(plan.office_hours)}."
        )
    names = list(plan.office_hours) if office_hours is None else [office_hours]
    rows = [_row(plan, name, asked) for name in names]
    if as_json:
        found = {
            "at": when.iso(asked, zone),
            "office_hours": [_json(row) for row in rows],
        }
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    for row in rows:
        typer.echo(_sentence(row, plan.office.times))


@app.command()
def suggest(
    context: typer.Context,
    *,
    year: Annotated[
        int | None,
        typer.Option(
            max=LAST_YEAR, help="Year to look at (default: the rest of this year and next year)."
        ),
    ] = None,
    subdivision: Annotated[
        str | None, typer.Option(help="State or province whose holidays to include, such as NY.")
    ] = None,
    yearly: Annotated[
        bool,
        typer.Option(
            "--yearly", help="Write holidays that repeat every year, with their observed days."
        ),
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Add the holidays to the configuration file.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List coming public holidays that the configuration file does not mention.

    Example: officeline hours suggest --year 2027 --subdivision NY --write
    """
    place = office(context)
    from pbx.config import suggest as suggesting

    plan = place.plan()
    settings = plan.office
    today = datetime.now(settings.zone).date()
    if year is not None and yearly:
        raise OfficeLineError(
            f"--yearly means every year, but --year asks for {year}; use only one of them."
        )
    if year is not None and year < today.year:
        raise OfficeLineError(f"{year} is in the past; give {today.year} or a later year.")
    years = (today.year, today.year + 1) if year is None else (year,)
    known = [
        one
        for number in years
        for one in suggesting.suggest(settings.country, subdivision, number, settings.language)
        if one.on >= today.isoformat()
    ]
    if yearly:
        known = [
            one
            for one in _each_year(settings, subdivision, today.year)
            if one.every or one.on >= today.isoformat()
        ]
    found = suggesting.undecided_days(plan, known)
    if write and found:
        suggesting.append_closures(office(context).config, found)
    if as_json:
        closures = [one.table() for one in found]
        listed = {"closures": closures, "written": bool(write and found)}
        if write:
            listed["practice"] = practice(place)
        typer.echo(json.dumps(listed, ensure_ascii=False))
    elif not found:
        typer.echo(f"{place.config} already covers every coming public holiday.")
    else:
        typer.echo(suggesting.closure_tables(found), nl=False)
        if write:
            typer.echo()
            answer(
                place,
                f"These {len(found)} closures are now in {place.config}, "
                "not yet applied (run 'officeline apply').",
            )


def _each_year(office: Office, subdivision: str | None, first: int) -> list[Suggestion]:
    """List the holidays as days of each year, found by comparing the coming years."""
    from pbx.config import suggest as suggesting

    years = range(first, first + suggesting.LOOKED)
    listed = [
        one
        for number in years
        for one in suggesting.suggest(office.country, subdivision, number, office.language)
    ]
    return list(suggesting.each_year(listed, first))


def _row(plan: Plan, office_hours: str, at: datetime) -> HoursRow:
    """Return the state of one set of office hours, with times in the office's zone."""
    state, because = hours.state_at(plan, at, office_hours)
    since, until = (
        one and one.astimezone(plan.office.zone) for one in hours.around(plan, at, office_hours)
    )
    return {
        "office_hours": office_hours,
        "state": str(state),
        "because": because,
        "since": since,
        "until": until,
    }


def _json(row: HoursRow) -> dict[str, object]:
    times = {"since": row["since"], "until": row["until"]}
    return {**row, **{key: at and at.isoformat() for key, at in times.items()}}


def _sentence(row: HoursRow, times: TimeText) -> str:
    since, until = (at and times.moment(at) for at in (row["since"], row["until"]))
    span = ", ".join(
        [
            f"since {since}" if since else f"for more than {hours.REACH.days} days",
            f"until {until}" if until else f"for at least {hours.REACH.days} days more",
        ]
    )
    return f"{row['office_hours']} is {row['state']}: {row['because']} ({span})."
