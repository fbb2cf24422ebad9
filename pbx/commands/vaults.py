"""`officeline vault`: what is held of whom, and new secrets; never a number or a secret itself."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Annotated, Any

import typer

from pbx import vault
from pbx.commands.context import Context
from pbx.errors import ConfigError, OfficeLineError
from pbx.numbers import mask

app = typer.Typer(no_args_is_help=True)


@app.command()
def status(
    context: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Tell what the vault holds of whom, and who can read it.

    Example: officeline vault status
    """
    place: Context = context.obj
    held = vault.read(place.home)
    people = tuple(place.configuration().plan.people)
    rows = [_row(held, person, people) for person in (*people, *sorted(held.named() - {*people}))]
    secrets: dict[str, Any] = {
        "trunk": bool(held.trunk),
        "manager": bool(held.manager),
        "token": bool(held.token),
        "phones": sorted(held.phones),
    }
    path = place.home / vault.FILE
    if as_json:
        document = {
            "vault": str(path),
            "mode": _mode(path),
            "folder_mode": _mode(place.home),
            "people": rows,
            "secrets": secrets,
        }
        typer.echo(json.dumps(document, ensure_ascii=False))
        return
    mode = _mode(path)
    typer.echo(f"{path}: mode {mode}." if mode else f"There is no vault at {path} yet.")
    for row in rows:
        has = [word for word in ("mobile", "second", "pin") if row[word]]
        gone = "" if row["in_file"] else "  (not in the file)"
        typer.echo(f"{row['id']:<12} {', '.join(has) or 'nothing'}{gone}")
    phones = ", ".join(secrets["phones"]) or "none"
    made = [word for word in ("trunk", "manager", "token") if secrets[word]]
    typer.echo(f"Secrets: {', '.join(made) or 'none'}; desk phones: {phones}.")


@app.command()
def rekey(
    context: typer.Context,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Make new secrets for the desk phones, the manager and our own events.

    Example: officeline vault rekey
    """
    from pbx import supervisor
    from pbx.home import Home

    place: Context = context.obj
    phones = tuple(place.configuration().plan.phones)
    if supervisor.is_running(Home(place.home)):
        raise OfficeLineError(
            f"The line runs on {place.home} with its old secrets; stop 'officeline up', "
            "make new ones and start it again."
        )
    if not yes:
        question = f"Make new secrets? {len(phones)} desk phones need theirs before they ring again"
        typer.confirm(question, abort=True, err=True)
    vault.change(place.home, lambda held: held.rekeyed(phones))
    typer.echo(
        f"New secrets for {', '.join(phones) or 'no desk phones'}, the manager and the token. "
        "'officeline up' must be started again, and each desk phone needs its new one; "
        "the trunk's password is the carrier's and stays."
    )


def _row(held: vault.Vault, person: str, people: tuple[str, ...]) -> dict[str, Any]:
    numbers = held.contacts(person)
    return {
        "id": person,
        "in_file": person in people,
        "mobile": mask(numbers["mobile"]) if "mobile" in numbers else None,
        "second": mask(numbers["second"]) if "second" in numbers else None,
        "pin": person in held.pins,
    }


def _mode(path: Path) -> str | None:
    """Return a file's mode as chmod writes it; None if there is no such file."""
    try:
        return f"{stat.S_IMODE(path.stat().st_mode):04o}"
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"{path} cannot be looked at ({error.strerror}).") from error
