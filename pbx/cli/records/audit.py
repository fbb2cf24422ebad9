"""`officeline audit`: list, verify and export the record of who did what."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pbx.base import when
from pbx.base.errors import OfficeLineError
from pbx.base.os_errors import os_sentence
from pbx.cli.shared.context import Context, whoever
from pbx.cli.shared.options import AsJson, office
from pbx.cli.shared.working import working
from pbx.config.home import Home

if TYPE_CHECKING:
    from typing import TextIO
    from zoneinfo import ZoneInfo

    from pbx.db.audit import AuditEntry

app = typer.Typer(no_args_is_help=True)

From = Annotated[str | None, typer.Option("--from", help="Start time, such as 'fri 5pm'.")]
To = Annotated[str | None, typer.Option("--to", help="End time (exclusive), such as noon.")]
COLUMNS = ("seq", "at", "who", "what", "about", "detail", "hash")


@app.command("list")
def list_(
    context: typer.Context,
    *,
    start: From = None,
    end: To = None,
    who: Annotated[
        str | None, typer.Option(help="List only the actions of this person or user.")
    ] = None,
    what: Annotated[
        str | None,
        typer.Option(
            help="List only this action, such as plan.applied, or a whole group, such as plan."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List audited actions, oldest first.

    Example: officeline audit list --from "yesterday 17:00" --what numbers
    """
    place = office(context)
    zone = place.zone()
    found = _entries(place, zone, start, end, who, what)
    if as_json:
        shown = [_shape(one, zone) for one in found]
        typer.echo(json.dumps({"entries": shown}, ensure_ascii=False))
        return
    from pbx.cli.shared.printing import plain_console, plain_table

    out = plain_console()
    if not found:
        out.print("No actions were recorded.")
        return
    now, times = datetime.now(zone), place.times()
    rows = plain_table("no.", "at", "who", "what", "about", "detail")
    for one in found:
        detail = ", ".join(f"{key}: {value}" for key, value in one.detail.items())
        rows.add_row(str(one.seq), times.short(one.at, now), one.who, one.what, one.about, detail)
    out.print(rows)


@app.command()
def verify(
    context: typer.Context,
    *,
    head: Annotated[
        str | None, typer.Option(metavar="HASH", help="Chain head that was stored elsewhere.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Verify that no audit row was changed, removed or inserted.

    Exits 1 if one was. Rows removed from the end are found only with a head that was stored
    elsewhere.

    Example: officeline audit verify
    """
    place = office(context)
    from pbx.db import audit

    kept = None if head is None else _hash(head)
    if Home(place.home).database.exists():
        with working("Reading the chain"):
            found = audit.verify(place.database(), kept)
    else:
        there = kept in {None, audit.GENESIS}
        found = audit.Verified(there, 0, audit.GENESIS, None if there else 1)
    if as_json:
        typer.echo(json.dumps(vars(found)))
    elif found.ok:
        typer.echo(f"All {found.entries} rows are unchanged. The head is {found.head}.")
    elif found.broken_at is not None and found.broken_at > found.entries:
        typer.echo(
            f"The head {kept} is not in the chain of {found.entries} rows: its end was removed, "
            "or all of it was rewritten."
        )
    else:
        typer.echo(
            f"The chain is broken at row {found.broken_at} of {found.entries}: a row there was "
            "changed, removed or inserted."
        )
    if not found.ok:
        raise typer.Exit(1)


@app.command()
def head(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Print the head of the audit chain.

    Store it where nobody who can change the database can change it.

    Example: officeline audit head
    """
    place = office(context)
    from pbx.db import audit

    at = (0, audit.GENESIS)
    if Home(place.home).database.exists():
        at = audit.head(place.database())
    count, hash_ = at
    typer.echo(json.dumps({"entries": count, "head": hash_}) if as_json else hash_)


@app.command()
def export(
    context: typer.Context,
    file: Path,
    *,
    start: From = None,
    end: To = None,
) -> None:
    """Export the audit to a new file: CSV if its name ends in .csv, otherwise JSON lines.

    The export itself is recorded in the audit.

    Example: officeline audit export audit-2026.jsonl --from 2026-01-01 --to 2027-01-01
    """
    place = office(context)
    zone = place.zone()
    from pbx.db import audit

    found = _entries(place, zone, start, end)
    audit.record(
        place.database(),
        "audit.exported",
        by=whoever(),
        now=datetime.now(UTC),
        detail={"count": len(found)},
    )
    try:
        file.touch(mode=0o600, exist_ok=False)
        with file.open("w", encoding="utf-8", newline="") as target:
            _write(target, (_shape(one, zone) for one in found), as_csv=file.suffix == ".csv")
    except FileExistsError as error:
        raise OfficeLineError(f"{file} already exists; choose another file.") from error
    except OSError as error:
        what, other = f"{file} cannot be written", "choose a file in one of your folders"
        raise OfficeLineError(os_sentence(what, error, file, otherwise=other)) from error
    typer.echo(f"{file} has {len(found)} rows.")


def _write(target: TextIO, rows: Iterable[dict[str, object]], *, as_csv: bool) -> None:
    if not as_csv:
        target.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        return
    writer = csv.DictWriter(target, COLUMNS)
    writer.writeheader()
    for row in rows:
        writer.writerow({**row, "detail": json.dumps(row["detail"], ensure_ascii=False)})


def _entries(
    place: Context,
    zone: ZoneInfo,
    start: str | None,
    end: str | None,
    who: str | None = None,
    what: str | None = None,
) -> list[AuditEntry]:
    """Return the selected rows; empty if there is no database yet."""
    now = datetime.now(zone)
    since, until = when.past_span(start, end, zone, now)
    if not Home(place.home).database.exists():
        return []
    from pbx.db import audit

    return audit.entries(place.database(), since, until, who, what)


def _shape(one: AuditEntry, zone: ZoneInfo) -> dict[str, object]:
    return {
        "seq": one.seq,
        "at": when.iso(one.at, zone),
        "who": one.who,
        "what": one.what,
        "about": one.about,
        "detail": dict(one.detail),
        "hash": one.hash,
    }


def _hash(text: str) -> str:
    """Return a chain head as 'audit head' prints it; OfficeLineError if it is not one."""
    found = text.strip().lower()
    if re.fullmatch(r"[0-9a-f]{64}", found) is None:
        raise OfficeLineError(
            "A head has 64 digits and letters a to f; 'officeline audit head' prints it."
        )
    return found
