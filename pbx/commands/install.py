"""`officeline install`: the units of systemd's, and what goes with them; printed or written."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from pbx.commands.answers import answer
from pbx.commands.context import Context


def install(
    context: typer.Context,
    *,
    write: Annotated[
        Path | None, typer.Option(help="Write them below this folder, as /etc; else print them.")
    ] = None,
    user: Annotated[str, typer.Option(help="Who runs it; never root.")] = "officeline",
    yes: Annotated[bool, typer.Option("--yes", help="Replace files that differ.")] = False,
) -> None:
    """Print what makes systemd run this office: units, their user, and an end of old logs.

    Example: officeline install --write /etc
    """
    from pbx import install as units
    from pbx.engine.runtime import SHARED_CACHE

    place: Context = context.obj
    program = Path(sys.executable).parent / "officeline"
    machine = units.Machine(program, place.config, place.home, SHARED_CACHE, user)
    files = units.rendered(machine)
    if write is None:
        typer.echo("\n".join(files.values()), nl=False)
        return
    paths = units.write(files, write.absolute(), replace=yes)
    answer(place, f"{len(paths)} files are written, which run it with {place.config}.")
    typer.echo("\n".join(map(str, paths)))
    typer.echo(
        "Next: systemd-sysusers; sudo OFFICELINE_CACHE="
        f"{SHARED_CACHE} officeline engine fetch; systemctl daemon-reload; "
        "systemctl enable --now officeline-asterisk officeline"
    )
