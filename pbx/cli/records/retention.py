"""`officeline retention`: delete records past their retention period; the audit counts them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from pbx.base import when
from pbx.cli.calls.calls import open_log
from pbx.cli.shared.answers import answer, practice
from pbx.cli.shared.context import whoever
from pbx.cli.shared.options import AsJson, Yes, office
from pbx.config.home import Home


def retention(
    context: typer.Context,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be deleted, without deleting it.")
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete calls, messages and recordings past their retention period.

    Open messages, items on hold and the audit are never deleted.

    Example: officeline retention --dry-run
    """
    place = office(context)
    engine = open_log(place)
    configuration = place.configuration()
    zone = configuration.plan.office.zone
    from pbx.config.schema_retention import RetentionTable
    from pbx.ops import retention as keeping

    now = datetime.now(UTC)
    table = configuration.retention or RetentionTable()
    old = keeping.find_expired(engine, Home(place.home), table, now)
    counts = old.counts()
    if not dry_run and any(counts.values()):
        if not yes:
            asked = f"{practice(place)}: delete {_reported(counts)} for good"
            typer.confirm(asked, abort=True, err=True)
        counts = keeping.delete(
            engine,
            Home(place.home),
            old,
            by=whoever(),
            now=now,
            say=lambda words: typer.echo(words, err=True),
        )
    if as_json:
        document = {
            "practice": practice(place),
            "deleted": not dry_run,
            "recordings_before": when.iso(old.recordings_before, zone),
            "calls_before": when.iso(old.calls_before, zone),
            **counts,
        }
        typer.echo(json.dumps(document))
        return
    verb = "would go" if dry_run else "went"
    ends = (old.recordings_before, old.calls_before)
    recordings, calls = (configuration.plan.office.times.day(at.astimezone(zone)) for at in ends)
    ends_with = f"recordings end with {recordings}, calls with {calls}"
    answer(place, f"{_reported(counts)} {verb}; {ends_with}.")


def _reported(counts: dict[str, int]) -> str:
    return (
        "{calls} calls ({records} of Asterisk's own records), {placed} calls to patients, "
        "{messages} messages, {recordings} recordings and {copies} database copies from before "
        "an upgrade"
    ).format_map(counts)
