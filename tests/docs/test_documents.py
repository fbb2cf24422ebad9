"""What the documents show must be so: every block of docs/office-toml.md is a working file."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from typer.main import get_command

from cli import app
from pbx.config import plan
from routing import proof
from routing.model import Plan
from tests.support.office_reference import HEADING, meanings, reference, undescribed

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/office-toml.md").read_text(encoding="utf-8")
HEAD = (ROOT / "config/office.toml").read_text(encoding="utf-8").partition("[[lines]]")[0]


@pytest.fixture(scope="module")
def whole() -> Plan:
    """Join the blocks to one file behind the example's own head, and read it."""
    blocks = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    assert len(blocks) == 10
    text = HEAD + "\n".join(blocks)
    return plan.parse(text, Path("docs/office-toml.md")).plan


def test_the_reference_is_a_file_that_can_be_read(whole: Plan) -> None:
    """Each table that the text speaks of is there."""
    assert set(whole.people) == {"lee", "osei", "patel", "answering"}
    assert [line.owner for line in whole.lines] == [None, "lee", None]
    assert set(whole.menus) == {"night", "more"}
    assert len(whole.rules) == 7
    assert len(whole.closures) == 9
    assert len(whole.seasons) == 1
    assert whole.outbound.allow == ("+1876",)


def test_the_reference_reaches_a_human(whole: Plan) -> None:
    """Even the reference's practice is proven for a year."""
    numbers = dict.fromkeys(whole.people, frozenset({"mobile", "second"}))
    start = datetime(2026, 11, 24, tzinfo=UTC)
    found = proof.prove(whole, numbers, start, a_year_on(start))
    assert found.holds, found.counterexamples[:1]
    alone = replace(whole, people={"lee": whole.people["lee"]})
    assert not proof.prove(alone, numbers, start, a_year_on(start)).holds


def test_every_key_is_in_the_reference() -> None:
    """As the models have it that read the file; OFFICELINE_GOLDEN=write renews the section."""
    written = reference()
    if os.environ.get("OFFICELINE_GOLDEN") == "write":
        before, _, _ = TEXT.partition(HEADING)
        (ROOT / "docs/office-toml.md").write_text(f"{before}{written}", encoding="utf-8")
        pytest.fail("docs/office-toml.md was written anew: read the difference and run again")
    assert undescribed() == []  # each has a text below it in pbx/config/schema*.py
    assert TEXT.endswith(f"\n{written}")


def test_a_key_without_a_text_is_found() -> None:
    """The test above can fail."""
    assert meanings(Undescribed) == {"said": "What it is."}


class Undescribed(BaseModel):
    """A table with one key that says what it is, and one that does not."""

    said: str
    """What it is."""
    unsaid: str


def commands(document: str) -> list[str]:
    """List the commands of the blocks of a document."""
    text = (ROOT / "docs" / document).read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return re.findall(r"^officeline (.*)$", "".join(blocks), re.MULTILINE)


def parse(words: list[str]) -> None:
    """Read the words of a command as it would, without doing anything; UsageError if it cannot."""
    command: Any = get_command(app)
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    command.make_context(command.name, words)


@pytest.mark.parametrize("document", ["first-afternoon.md", "day-in-the-life.md"])
def test_each_command_of_a_document_is_one(document: str) -> None:
    """Whoever copies a line is understood."""
    found = commands(document)
    assert len(found) > 5
    for line in found:
        parse(shlex.split(line))


def test_a_wrong_command_in_a_document_is_found() -> None:
    """The test above can fail."""
    with pytest.raises(Exception, match="No such option"):
        parse(["inbox", "list", "--nothing"])


def a_year_on(at: datetime) -> datetime:
    """Return the same day a year on."""
    return at.replace(year=at.year + 1)
