"""`officeline people`: who can be called; their numbers live in the vault."""

from __future__ import annotations

import json
import tomllib
from typing import Annotated

import typer

from pbx import vault
from pbx.commands.context import Context
from pbx.errors import ConfigError, OfficeLineError
from pbx.numbers import mask, to_e164

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_(
    context: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """List people and whether they have a mobile, masked.

    Example: officeline people list
    """
    known = _people(context.obj)
    mobiles = vault.read(context.obj.home).mobiles
    rows = [
        {"id": key, "name": name, "mobile": mask(mobiles[key]) if key in mobiles else None}
        for key, name in known.items()
    ]
    if as_json:
        typer.echo(json.dumps({"people": rows}, ensure_ascii=False))
        return
    for row in rows:
        typer.echo(f"{row['id']:<12} {row['name']:<28} {row['mobile'] or 'no mobile yet'}")


@app.command()
def mobile(context: typer.Context, person: str, number: str) -> None:
    """Set a person's mobile in the vault; it is asked for nowhere else and shown masked.

    Example: officeline people mobile lee "(212) 555-0111"
    """
    known = _people(context.obj)
    if person not in known:
        raise ConfigError(
            f"There is nobody called '{person}' in {context.obj.config}; "
            f"there are {', '.join(known) or 'no people'}."
        )
    e164 = to_e164(number)
    if e164 is None:
        raise OfficeLineError("That is no phone number; write it as in +1 212 555 0111.")
    held = vault.read(context.obj.home)
    vault.write(context.obj.home, held.with_mobile(person, e164))
    typer.echo(f"{known[person]} is called on {mask(e164)} from the next start on.")


def _people(context: Context) -> dict[str, str]:
    """Read ids and names without judging the rest of the file."""
    try:
        with context.config.open("rb") as file:
            people = tomllib.load(file)["people"]
        return {key: str(person["name"]) for key, person in people.items()}
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"The people cannot be read from {context.config}; "
            "mend the file, or name another with --config FILE."
        ) from error
