"""`officeline patients`: import, list, flag and remove patients in the directory."""

from __future__ import annotations

import gc
import json
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from pbx.base.errors import OfficeLineError
from pbx.cli.shared.answers import answer, note_if_down, practice
from pbx.cli.shared.audited import revealing
from pbx.cli.shared.context import Context, whoever
from pbx.cli.shared.options import AsJson, Reveal, Yes, office
from pbx.config.home import Home

app = typer.Typer(no_args_is_help=True)


@app.command("import")
def import_(  # one parameter for each option
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE.csv")],
    *,
    maps: Annotated[
        list[str] | None,
        typer.Option("--map", help="Meaning of a column, such as 'Patient ID=id' (repeatable)."),
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(help="Encoding of the file, such as cp1252 (default: UTF-8).")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Remove patients that are not in the file.")
    ] = False,
    partial: Annotated[
        bool, typer.Option("--partial", help="Import the valid rows even if others are refused.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, without changing it.")
    ] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Import patients from a CSV file, such as an export of an EHR or a spreadsheet.

    Shows what would change and asks before writing. Without a terminal, new patients are added
    without asking; changing existing patients requires --yes. Patients with a known id are
    updated; their panel and flags stay unless the file has those columns. Other patients stay. If
    a row is refused, nothing is imported and the command exits 1.

    Example: officeline patients import patients.csv --dry-run
    """
    from pbx.cli.people import patients_preview as preview
    from pbx.config import patients_file as patients
    from pbx.config.patient_lists.changes import compare
    from pbx.config.patient_lists.columns import mapping
    from pbx.db.patients import list_patients, put_patients

    gc.disable()  # with 50,000 patients, garbage collection would take a third of the time
    known = office(context)
    plan, mapped = known.configuration().plan, mapping(maps or ())
    text = patients.read_file(file, encoding)
    typer.echo(f"Reading {file} ...", err=True)
    parsed = patients.parse_patients(text, plan, mapped)
    entries, contradicting = patients.settle(parsed.entries)
    refused = sorted([*parsed.refused, *contradicting], key=lambda one: one.line)
    if not entries and not refused:
        raise OfficeLineError(f"{file} has no patients below line {parsed.table.line}.")
    there = list_patients(known.database()) if Home(known.home).database.exists() else []
    changes = compare(there, entries, replace=replace)
    goes = bool(entries) and (partial or not refused) and not dry_run
    changes_nothing = changes.is_nothing and not (replace and changes.gone)
    if not as_json or (goes and not yes and not changes_nothing):
        for line in preview.lines(parsed, entries, changes, replace=replace):
            typer.echo(line, err=as_json)
    if goes and not changes_nothing:
        _ask(known, yes=yes, adds_only=not (changes.changed or (replace and changes.gone)))
        now = datetime.now(UTC)
        put_patients(
            known.database(), entries, by=whoever(), now=now, partial=partial, replace=replace,
            seen=changes,
        )  # fmt: skip
    if as_json:
        document = {
            "practice": practice(known),
            "imported": len(entries) if goes else 0,
            "removed": len(changes.gone) if goes and replace else 0,
            **preview.to_json(parsed, entries, changes, refused),
        }
        typer.echo(json.dumps(document, ensure_ascii=False))
    else:
        for line in preview.refusals(refused):
            typer.echo(line)
        answer(known, _outcome(len(entries), len(refused), goes=goes, dry_run=dry_run))
        if goes and not changes_nothing:
            note_if_down(known)
    if refused and not partial:
        raise typer.Exit(1)


def _ask(known: Context, *, yes: bool, adds_only: bool) -> None:
    """Ask before anything is written; without a terminal, only new patients may be added."""
    if yes:
        return
    try:
        agreed = typer.confirm(f"Import this into {practice(known)}?", err=True)
    except typer.Abort:
        typer.echo(err=True)
        if adds_only and not sys.stdin.isatty():
            return
        raise OfficeLineError(
            "Nothing was imported, because nobody could confirm. Add --yes to import without "
            "confirmation."
        ) from None
    if not agreed:
        answer(known, "nothing was imported.", err=True)
        raise typer.Exit(1)


def _outcome(entries: int, refused: int, *, goes: bool, dry_run: bool) -> str:
    from pbx.cli.people.patients_preview import counted

    rows = f"{counted(refused, 'row')} refused"
    if goes:
        return f"{counted(entries, 'patient')} imported, {rows}."
    if dry_run:
        return f"nothing was imported because of --dry-run; {rows}."
    return f"0 patients imported, {rows}; fix them, or add --partial."


@app.command("list")
def list_(context: typer.Context, *, reveal: Reveal = False, as_json: AsJson = False) -> None:
    """List patients with masked numbers. Marks numbers that several patients share.

    Example: officeline patients list --json
    """
    from pbx.base.phone_numbers import mask
    from pbx.db.patients import list_patients

    known = office(context)
    shown = str if revealing(known, "patients list", reveal=reveal) else mask
    there = list_patients(known.database()) if Home(known.home).database.exists() else []
    holders = Counter(number for one in there for number in one.numbers)
    rows = [
        {
            "id": one.id,
            "name": one.name,
            "numbers": [shown(number) for number in one.numbers],
            "shared": [shown(number) for number in one.numbers if holders[number] > 1],
            "panel": one.panel,
            "flags": list(one.flags),
        }
        for one in there
    ]
    if as_json:
        typer.echo(json.dumps({"patients": rows}, ensure_ascii=False))
        return
    for one in there:
        numbers = ", ".join(
            f"{shown(number)} (shared)" if holders[number] > 1 else shown(number)
            for number in one.numbers
        )
        flags = "; ".join(one.flags)
        typer.echo(f"{one.id:<12} {one.name:<28} {numbers}  {one.panel or '-'}  {flags}")
    if not there:
        typer.echo(
            "There are no patients yet; import them with 'officeline patients import FILE.csv'."
        )


@app.command()
def flag(
    context: typer.Context,
    patient_id: str,
    flag: str,
    *,
    remove: Annotated[
        bool, typer.Option("--remove", help="Remove the flag instead of adding it.")
    ] = False,
) -> None:
    """Add a flag to a patient, which rules can check, or remove it.

    Example: officeline patients flag P1042 "interpreter: Spanish"
    """
    known = office(context)
    from pbx.config.patients_file import flag_of
    from pbx.db.patients import set_flag

    wanted = flag_of(flag)
    if wanted is None:
        raise OfficeLineError("A flag must have 1 to 120 printable characters and no semicolon.")
    now = datetime.now(UTC)
    engine = known.database()
    flags = set_flag(engine, patient_id, wanted, by=whoever(), now=now, remove=remove)
    answer(known, f"{patient_id} has {'; '.join(flags) or 'no flags'}.")
    note_if_down(known)


@app.command()
def remove(
    context: typer.Context,
    patient_id: str,
    *,
    yes: Yes = False,
) -> None:
    """Remove a patient and their numbers from the directory. Logged calls stay.

    Example: officeline patients remove P1042
    """
    known = office(context)
    from pbx.db.patients import is_known, remove_patient

    engine = known.database()
    if not yes and is_known(engine, patient_id):  # no question about an unknown patient
        question = f"Remove patient {patient_id} of {practice(known)} and their numbers?"
        typer.confirm(question, abort=True, err=True)
    remove_patient(engine, patient_id, by=whoever(), now=datetime.now(UTC))
    answer(known, f"{patient_id} is no longer in the directory.")
    note_if_down(known)
