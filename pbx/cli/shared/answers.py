"""Answers to commands that change something: they name the practice, and say if nothing runs."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator

import typer

from pbx.base.errors import OfficeLineError
from pbx.cli.shared.context import Context


def practice(place: Context) -> str:
    """Name the practice as the plan that runs does, else its file, else its home."""
    for text in _texts(place):
        try:
            name = str(tomllib.loads(text)["office"]["name"])
        except (ValueError, KeyError, TypeError):  # no TOML, or none of ours
            continue
        return str(OfficeLineError(name))  # what a terminal would obey is taken out
    return f"The office in {place.home}"


def answer(place: Context, sentence: str, *, err: bool = False) -> None:
    """Say what was done, and to which practice."""
    typer.echo(f"{practice(place)}: {sentence}", err=err)


def is_up(place: Context) -> bool:
    """Tell whether a control layer runs that takes a change up."""
    from pbx.config.home import Home
    from pbx.service import heartbeat_file

    return heartbeat_file.read_heartbeat(Home(place.home)).runs


def note_if_down(place: Context) -> None:
    """Say that a change waits, if no control layer runs that would take it up."""
    if not is_up(place):
        waits = "this takes effect when 'officeline up' starts it."
        typer.echo(f"No control layer runs on {place.home} now: {waits}")


def _texts(place: Context) -> Iterator[str]:
    """Give the text of the plan that runs, and that of the file, as far as they can be read."""
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
