"""`officeline secrets`: list which secrets are set, and set new ones; never shows a secret."""

from __future__ import annotations

import json
import stat
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from pbx.base.errors import ConfigError, OfficeLineError
from pbx.base.os_errors import os_sentence
from pbx.base.phone_numbers import mask
from pbx.cli.shared.answers import answer, practice
from pbx.cli.shared.audited import deed
from pbx.cli.shared.options import AsJson, Yes, office
from pbx.config import secrets

app = typer.Typer(no_args_is_help=True)

LONGEST = 128  # characters of a password


@app.command()
def status(
    context: typer.Context,
    *,
    as_json: AsJson = False,
) -> None:
    """Show what the secrets file holds for each person, and who can read it.

    Example: officeline secrets status
    """
    place = office(context)
    held = secrets.read(place.home)
    people = tuple(place.configuration().plan.people)
    rows = [_row(held, person, people) for person in (*people, *sorted(held.named() - {*people}))]
    phones = sorted(held.phones)
    others = {
        "trunk": bool(held.trunk),
        "manager": bool(held.manager),
        "token": bool(held.token),
        "mqtt": bool(held.mqtt),
        "phones": phones,
    }
    path = place.home / secrets.FILE
    if as_json:
        document = {
            "file": str(path),
            "mode": _mode(path),
            "folder_mode": _mode(place.home),
            "people": rows,
            "secrets": others,
        }
        typer.echo(json.dumps(document, ensure_ascii=False))
        return
    mode = _mode(path)
    typer.echo(f"{path}: mode {mode}." if mode else f"There is no secrets file at {path} yet.")
    for row in rows:
        has = [word for word in ("mobile", "second", "pin", "push") if row[word]]
        gone = "" if row["in_file"] else "  (not in the file)"
        typer.echo(f"{row['id']:<12} {', '.join(has) or 'nothing'}{gone}")
    made = [word for word in ("trunk", "manager", "token", "mqtt") if others[word]]
    typer.echo(f"Secrets: {', '.join(made) or 'none'}; desk phones: {', '.join(phones) or 'none'}.")


@app.command()
def rekey(
    context: typer.Context,
    *,
    yes: Yes = False,
) -> None:
    """Generate new secrets for the desk phones, the manager interface and events.

    Example: officeline secrets rekey
    """
    from pbx.config.home import Home
    from pbx.service import supervisor

    place = office(context)
    phones = tuple(place.configuration().plan.phones)
    if supervisor.is_running(Home(place.home)):
        raise OfficeLineError(
            f"An office is running in {place.home} with the old secrets; stop it with "
            "'officeline stop', run this again, and start it with 'officeline up'."
        )
    if not yes:
        question = (
            f"Generate new secrets for {practice(place)}? "
            f"{len(phones)} desk phones must get theirs before they ring again"
        )
        typer.confirm(question, abort=True, err=True)
    with deed(place, "secrets.rekeyed", phones=len(phones)):
        secrets.change(place.home, lambda held: held.rekeyed(phones))
    answer(
        place,
        f"Generated new secrets for {', '.join(phones) or 'no desk phones'}, the manager interface "
        "and events. Start 'officeline up' again, and enter its new secret in each desk phone. "
        "The trunk's password, set by the carrier, did not change.",
    )


@app.command("set")
def set_(
    context: typer.Context,
    which: Annotated[Literal["trunk", "mqtt"], typer.Argument(help="Which password to set.")],
    *,
    from_stdin: Annotated[
        bool,
        typer.Option(
            "--stdin", help="Read the password from standard input (default: ask for it)."
        ),
    ] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Delete the stored password.")] = False,
    yes: Yes = False,
) -> None:
    """Set the password of the carrier's trunk or of the MQTT broker.

    Example: officeline secrets set mqtt
    """
    place = office(context)
    home = place.home  # fails before the password is asked for
    if remove and from_stdin:
        raise OfficeLineError("Give either --remove or --stdin.")
    if remove and not yes:
        typer.confirm(f"Delete the password '{which}' of {practice(place)}?", abort=True, err=True)
    given = "" if remove else _given(from_stdin=from_stdin)
    with deed(place, "secrets.set", which, removed=remove):
        secrets.change(
            home,
            lambda held: (
                replace(held, mqtt=given) if which == "mqtt" else replace(held, trunk=given)
            ),
        )
    done = "forgotten" if remove else "set"
    answer(
        place, f"The password '{which}' is {done}; this takes effect at the next 'officeline up'."
    )


def _given(*, from_stdin: bool) -> str:
    """Return a password: one printable line."""
    if from_stdin:
        found = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        found = str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    else:
        raise OfficeLineError(
            "A password can be asked for only at a terminal; use --stdin to pass it."
        )
    if not found.isprintable() or not 0 < len(found) <= LONGEST:
        raise OfficeLineError(
            f"A password has 1 to {LONGEST} printable characters; get a different one."
        )
    return found


def _row(held: secrets.Secrets, person: str, people: tuple[str, ...]) -> dict[str, object]:
    numbers = held.contacts(person)
    return {
        "id": person,
        "in_file": person in people,
        "mobile": mask(numbers["mobile"]) if "mobile" in numbers else None,
        "second": mask(numbers["second"]) if "second" in numbers else None,
        "pin": person in held.pins,
        "push": person in held.push,
    }


def _mode(path: Path) -> str | None:
    """Return a file's mode in octal, as in chmod; None if there is no such file."""
    try:
        return f"{stat.S_IMODE(path.stat().st_mode):04o}"
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(os_sentence(f"{path} cannot be looked at", error, path)) from error
