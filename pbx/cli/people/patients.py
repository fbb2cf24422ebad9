"""`officeline patients`: the directory of callers; numbers are masked."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from pbx.base.errors import OfficeLineError
from pbx.cli.shared.answers import answer, note_if_down, practice
from pbx.cli.shared.audited import Reveal, revealing
from pbx.cli.shared.context import Context, whoever
from pbx.config.home import Home

app = typer.Typer(no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document.")]


@app.command("import")
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE.csv")],
    *,
    partial: Annotated[
        bool, typer.Option("--partial", help="Take the good rows even if others are refused.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Import patients from CSV: id, name, numbers, panel, flags; several parted by semicolons.

    Who has the same id is replaced, all others stay. If a row is refused nothing is imported, and
    the exit code is 1.

    Example: officeline patients import patients.csv
    """
    from pbx.config import patients_file as patients

    known: Context = context.obj
    plan = known.configuration().plan
    text = patients.read_file(file)
    typer.echo(f"Reading {file} ...", err=True)
    entries, refused = patients.parse(text, plan)
    engine = known.database()
    from pbx.db.patients import put_patients

    count, contradicting = put_patients(
        engine,
        entries,
        refused=bool(refused),
        partial=partial,
        by=whoever(),
        now=datetime.now(UTC),
    )
    refused = sorted([*refused, *contradicting], key=lambda one: one.line)
    if as_json:
        rows = [{"line": one.line, "why": one.why} for one in refused]
        document = {"practice": practice(known), "imported": count, "refused": rows}
        typer.echo(json.dumps(document, ensure_ascii=False))
    else:
        for one in refused:
            typer.echo(f"line {one.line}: {one.why}")
        mend = "; mend them, or add --partial" if refused and not partial else ""
        answer(known, f"{count} patients imported, {len(refused)} rows refused{mend}.")
        if count:
            note_if_down(known)
    if refused and not partial:
        raise typer.Exit(1)


@app.command("list")
def list_(context: typer.Context, *, reveal: Reveal = False, as_json: AsJson = False) -> None:
    """List the patients, their numbers masked.

    Example: officeline patients list --json
    """
    from pbx.base.phone_numbers import mask
    from pbx.db.patients import list_patients

    known: Context = context.obj
    shown = str if revealing(known, "patients list", reveal=reveal) else mask
    rows = [
        {
            "id": one.id,
            "name": one.name,
            "numbers": [shown(number) for number in one.numbers],
            "panel": one.panel,
            "flags": list(one.flags),
        }
        for one in (list_patients(known.database()) if Home(known.home).database.exists() else [])
    ]
    if as_json:
        typer.echo(json.dumps({"patients": rows}, ensure_ascii=False))
        return
    for row in rows:
        numbers, flags = ", ".join(row["numbers"] or ()), "; ".join(row["flags"] or ())
        typer.echo(f"{row['id']:<12} {row['name']:<28} {numbers}  {row['panel'] or '-'}  {flags}")
    if not rows:
        typer.echo("There are no patients yet; 'officeline patients import FILE.csv' brings them.")


@app.command()
def flag(
    context: typer.Context,
    patient_id: str,
    flag: str,
    *,
    remove: Annotated[bool, typer.Option("--remove", help="Take the flag away.")] = False,
) -> None:
    """Give a patient a flag that rules can ask for, or take it away.

    Example: officeline patients flag P1042 "interpreter: Spanish"
    """
    from pbx.config.patients_file import flag_of
    from pbx.db.patients import set_flag

    wanted = flag_of(flag)
    if wanted is None:
        raise OfficeLineError("A flag has up to 120 letters, is printable and has no semicolon.")
    now = datetime.now(UTC)
    engine = context.obj.database()
    flags = set_flag(engine, patient_id, wanted, by=whoever(), now=now, remove=remove)
    answer(context.obj, f"{patient_id} has {'; '.join(flags) or 'no flags'}.")
    note_if_down(context.obj)


@app.command()
def remove(
    context: typer.Context,
    patient_id: str,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Forget a patient with all their numbers; calls that were logged stay.

    Example: officeline patients remove P1042
    """
    from pbx.db.patients import is_known, remove_patient

    engine = context.obj.database()
    if not yes and is_known(engine, patient_id):  # who is not there is refused, not asked about
        question = f"Forget the patient {patient_id} of {practice(context.obj)} and their numbers?"
        typer.confirm(question, abort=True, err=True)
    remove_patient(engine, patient_id, by=whoever(), now=datetime.now(UTC))
    answer(context.obj, f"{patient_id} is no longer in the directory.")
    note_if_down(context.obj)
