"""`officeline prove`: check that every possible call in a span reaches a person."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Annotated

import typer

from pbx.base.errors import OfficeLineError
from pbx.cli.shared.options import AsJson, office
from pbx.cli.shared.working import working
from routing.time_text import TimeText

YEAR = timedelta(days=365)
LONGEST = 10 * YEAR + timedelta(days=3)
FIRST_YEAR, LAST_YEAR = 1990, 2100


def prove(
    context: typer.Context,
    *,
    start: Annotated[
        str | None, typer.Option("--from", help="Start time, such as 1/1/2027 (default: now).")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", help="End time (default: one year after the start).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Prove that every possible call reaches a person. Exits 1 and lists the paths that do not.

    Example: officeline prove --from 2026-11-01 --to 2027-03-01
    """
    known = office(context)
    from pbx.reports import proof_text as proved
    from routing import proof

    plan = known.plan()
    zone = plan.office.zone
    since, until = span(start, end, plan.office.times)
    with working("Proving every minute of the span"):
        found = proof.prove(plan, known.numbers(plan), since, until)
    if as_json:
        typer.echo(json.dumps(proved.to_json(found, zone), ensure_ascii=False))
    else:
        typer.echo("\n".join(proved.sentences(found, plan.office.times)))
    if not found.holds:
        raise typer.Exit(1)


def span(start: str | None, end: str | None, times: TimeText) -> tuple[datetime, datetime]:
    """Return a span in the office's zone (default: a year from now); OfficeLineError if bad."""
    from pbx.base import when

    zone = times.zone
    now = datetime.now(zone).replace(second=0, microsecond=0)
    since = now if start is None else when.parse_time(start, zone, now)
    if not FIRST_YEAR <= since.year <= LAST_YEAR:
        raise OfficeLineError(f"The span must be between {FIRST_YEAR} and {LAST_YEAR}.")
    until = since + YEAR if end is None else when.parse_time(end, zone, now, after=since)
    if until <= since:
        raise OfficeLineError(
            f"The span would end at {times.moment(until)}, but it begins at "
            f"{times.moment(since)}; give a later --to."
        )
    if until - since > LONGEST:
        raise OfficeLineError("The span is over ten years; give an earlier --to.")
    return since, until
