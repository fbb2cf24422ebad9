"""Print results of changes with the practice's name, and note if no control layer is running."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator

import typer

from pbx.base.errors import OfficeLineError
from pbx.cli.shared.context import Context


def practice(place: Context) -> str:
    """Return the practice's name from the running plan or its file; or else text with its home."""
    for text in _texts(place):
        try:
            name = str(tomllib.loads(text)["office"]["name"])
        except (ValueError, KeyError, TypeError):  # not TOML, or not an office.toml
            continue
        return str(OfficeLineError(name))  # removes terminal control characters
    return f"The office in {place.home}"


def answer(place: Context, sentence: str, *, err: bool = False) -> None:
    """Print a result with the practice's name."""
    typer.echo(f"{practice(place)}: {sentence}", err=err)


def is_up(place: Context) -> bool:
    """Tell whether a control layer is running, which will use a change."""
    from pbx.config.home import Home
    from pbx.service import heartbeat_file

    return heartbeat_file.read_heartbeat(Home(place.home)).runs


def note_if_down(place: Context) -> None:
    """Print that a change takes effect later, if no control layer is running."""
    if not is_up(place):
        waits = "this takes effect when 'officeline up' starts it."
        typer.echo(f"No control layer is running in {place.home}; {waits}")


def _texts(place: Context) -> Iterator[str]:
    """Return the text of the running plan and of the file, if they can be read."""
    from pbx.config.home import Home
    from pbx.db.overlay import applied_texts

    try:
        applied = applied_texts(Home(place.home).database)
    except OfficeLineError:
        applied = []
    yield from (one.text for one in applied)
    if place.file is not None:
        try:
            yield place.file.read_text(encoding="utf-8")
        except (OSError, ValueError):
            return
