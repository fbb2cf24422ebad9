"""Whether the real command takes what a document or a hint gives to it."""

from __future__ import annotations

import re
import shlex
from typing import Any

from typer.main import get_command

from cli import app

OFFICELINE = get_command(app)


def parsed(line: str) -> tuple[str, list[str]]:
    """Return the command's name and its own words; ValueError for what there is not."""
    found: Any = OFFICELINE
    words, names = shlex.split(line.removesuffix(" ...")), []
    while words and words[0] in {"--config", "--home"}:
        del words[:2]
    while words and hasattr(found, "commands") and not words[0].startswith("-"):
        if words[0] not in found.commands:
            raise ValueError(f"there is no '{words[0]}' in '{line}'")
        names.append(words.pop(0))
        found = found.commands[names[-1]]
    there = {"--help"}
    for parameter in found.params:
        there.update(parameter.opts, parameter.secondary_opts)
    given = {word.partition("=")[0] for word in words if re.match("--?[a-z]", word)}
    if given - there:
        raise ValueError(f"'{line}' has no such option: {given - there}")
    return " ".join(names), words
