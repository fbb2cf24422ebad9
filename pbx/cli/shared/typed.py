"""Show commands as the reader must type them: `./run officeline ...` in a checkout.

Texts write a command in single quotes, 'officeline inbox list', or after "Example: " in help.
Everything printed for people goes through `as_typed`; JSON and files keep the plain name.
"""

from __future__ import annotations

import os
import re
from io import TextIOWrapper
from typing import Any

NAME = "officeline"
VARIABLE = "OFFICELINE_COMMAND"  # set by ./run to the way it was typed
_NAMED = re.compile(rf"('(?:sudo -u \S+ )?|Example: ){NAME}(?=\s+\S)")


def name() -> str:
    """Return the command's name as the user must type it."""
    return os.environ.get(VARIABLE) or NAME


def as_typed(text: str) -> str:
    """Return a text in which each command is shown as the user must type it."""
    command = name()
    return text if command == NAME else _NAMED.sub(lambda found: f"{found[1]}{command}", text)


def help_as_typed(command: Any) -> Any:  # click's own types are not typer's
    """Apply `as_typed` to all help texts of a command and its subcommands; return the command."""
    for one in (command, *command.params):
        for kind in ("help", "short_help", "epilog"):
            if text := getattr(one, kind, None):
                setattr(one, kind, as_typed(text))
    for below in getattr(command, "commands", {}).values():
        help_as_typed(below)
    return command


class ForPeople(TextIOWrapper):
    """A stream for people: commands in its text are shown as they must be typed."""

    def write(self, text: str) -> int:
        """Write a text; each text contains whole command names only."""
        return super().write(as_typed(text))


def for_people(stream: TextIOWrapper) -> TextIOWrapper:
    """Return a `ForPeople` stream to the same place; the stream itself if the name is plain."""
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
