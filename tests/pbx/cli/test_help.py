"""The examples in the help texts: each command has one, and its times can be read."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from typer.main import get_command

from cli import app
from pbx.base import when

TIMES = {"--at", "--from", "--to", "--since", "--until"}


def examples(command: object, name: str) -> Iterator[tuple[str, str]]:
    """List the commands below this one with the example that each of them shows."""
    below = getattr(command, "commands", None)
    if below is None:
        yield name, (getattr(command, "help", None) or "").partition("Example: officeline ")[2]
    for word, one in (below or {}).items():
        yield from examples(one, f"{name} {word}".strip())


@pytest.mark.parametrize(("name", "example"), sorted(examples(get_command(app), "")))
def test_every_command_has_an_example_that_works(name: str, example: str) -> None:
    """It is of this very command, and whoever copies it is understood."""
    words = shlex.split(example)
    assert name in example
    for option, value in pairwise(words):
        if option in TIMES and not value.startswith(("/", "age1")):  # --to may name a file or key
            when.parse_time(value, ZoneInfo("America/New_York"), datetime(2026, 11, 24, tzinfo=UTC))
