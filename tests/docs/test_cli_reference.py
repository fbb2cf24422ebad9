"""docs/cli.md is the command's own help: a command that is missing or stale fails here."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from typer.main import get_command

from cli import COMMANDS, GROUPS, app
from pbx.config import plan
from tests.support.cli_reference import reference

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"


def test_the_page_is_what_the_command_says() -> None:
    """OFFICELINE_GOLDEN=write renews it."""
    if os.environ.get("OFFICELINE_GOLDEN") == "write":
        PAGE.write_text(reference(), encoding="utf-8")
        pytest.fail("docs/cli.md was written anew: read the difference and run again")
    assert PAGE.read_text(encoding="utf-8") == reference()


def test_every_command_and_option_is_in_it() -> None:
    """Whatever the generator does, nothing that can be given is left out."""
    text = PAGE.read_text(encoding="utf-8")
    titles = set(re.findall(r"^##+ (.*)$", text, re.MULTILINE))
    assert {*COMMANDS, *GROUPS} <= titles
    for name, group in get_command(app).commands.items():  # type: ignore[attr-defined]  # a group
        for word, command in getattr(group, "commands", {"": group}).items():
            assert f"{name} {word}".strip() in titles
            for parameter in command.params:
                for option in parameter.opts:
                    assert f"`{option if '-' in option else option.upper()}" in text, (name, option)


def test_the_guides_configurations_can_be_read() -> None:
    """Each [trunk] and [network] that docs/trunk.md shows is one that the office starts with."""
    root = PAGE.parents[1]
    example = (root / "config" / "office.toml").read_text(encoding="utf-8")
    rest = example[example.index("[[lines]]") :]
    office = example[: example.index("[trunk]")]
    text = (PAGE.parent / "trunk.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    read = [plan.parse(office + block + rest, PAGE) for block in blocks]
    assert [one.trunk.transport for one in read] == ["udp", "tls"]
    assert read[1].network.tls_port == 5061
