"""Hints name a command as the reader must type it: `./run officeline ...` in a checkout.

A text names a command in single quotes, 'officeline inbox list', or after "Example: " in a help.
Whatever is printed for people goes through `as_typed`; JSON and files keep the plain name.
"""

from __future__ import annotations

import os
import re
from io import TextIOWrapper
from typing import Any

NAME = "officeline"
VARIABLE = "OFFICELINE_COMMAND"  # set by ./run, as it was itself typed
_NAMED = re.compile(rf"('(?:sudo -u \S+ )?|Example: ){NAME}(?=\s+\S)")


def name() -> str:
    """Return what starts the command here."""
    return os.environ.get(VARIABLE) or NAME


def as_typed(text: str) -> str:
    """Put what starts the command here into each command that a text for people names."""
    command = name()
    return text if command == NAME else _NAMED.sub(lambda found: f"{found[1]}{command}", text)


def help_as_typed(command: Any) -> Any:  # click's own types are not typer's
    """Do so in all help texts of a command and of what is below it, before they are laid out."""
    for one in (command, *command.params):
        for kind in ("help", "short_help", "epilog"):
            if text := getattr(one, kind, None):
                setattr(one, kind, as_typed(text))
    for below in getattr(command, "commands", {}).values():
        help_as_typed(below)
    return command


class ForPeople(TextIOWrapper):
    """A stream to a person: what is printed on it is put as it must be typed."""

    def write(self, text: str) -> int:
        """Write a text; a command's name is never cut in two, as each is printed whole."""
        return super().write(as_typed(text))


def for_people(stream: TextIOWrapper) -> TextIOWrapper:
    """Return a stream for people to where that one goes; itself where the name is the plain one."""
    if name() == NAME:
        return stream
    stream.flush()
    return ForPeople(
        stream.buffer,
        stream.encoding,
        stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
