"""What a document shows below a command is what the command answers.

Each runs on the example practice, the morning after one made-up night. "(...)" stands for some
words, a line "..." for some lines.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from typer.testing import CliRunner

from cli import app
from pbx.config import secrets
from pbx.demo.stage import MOBILES
from tests.docs.test_documented_commands import PAGES
from tests.support.given import parsed
from tests.support.ledgers import Reported, cdr_lines, write_cdr, write_log

ROOT = Path(__file__).parents[2]
EVENING = datetime(2026, 11, 25, 2, tzinfo=UTC)  # 21:00 in New York
MORNING = datetime(2026, 11, 25, 13, 25, tzinfo=UTC)  # 08:25


def reported(minutes: float, number: str, **more: object) -> Reported:
    """Make a call of that night, so many minutes after nine."""
    at = EVENING + timedelta(minutes=minutes)
    return Reported(f"{at.timestamp():.0f}.{number[-4:]}", at, caller=f"+1212555{number}", **more)  # type: ignore[arg-type]


NIGHT = (
    reported(10, "0142", legs=("osei",), answer_s=19.0, seconds=260.0),
    reported(95, "0143", outcome="message", urgency="routine", legs=(), has_message=True),
    reported(310, "0144", outcome="message", legs=("osei", "patel"), has_message=True),
)


def shown(text: str) -> Iterator[tuple[str, list[str]]]:
    """List the commands of the blocks that show an answer, each with its lines."""
    for block in re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        for command in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, *answer = command.rstrip("\n").split("\n")
            if answer:
                yield line, answer


def as_pattern(lines: list[str]) -> str:
    """Make an expression of an answer; what a document leaves out may be anything."""
    found = ""
    for line in lines:
        if line.strip() == "...":
            found += r"(?:.*\n)*?"
        else:
            found += re.escape(line.rstrip()).replace(re.escape("(...)"), ".*") + r" *\n"
    return found


BLOCKS = [
    pytest.param(line, answer, id=f"{page.name}: {line}")
    for page in PAGES
    for line, answer in shown(page.read_text(encoding="utf-8"))
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a home with that night in both ledgers, and everybody's number."""
    folder = tmp_path_factory.mktemp("home")
    write_log(folder, NIGHT)
    write_cdr(folder, [line for one in NIGHT for line in cdr_lines(one)])
    secrets.write(folder, secrets.Secrets(mobiles=dict(MOBILES)))
    return folder


def test_the_documents_show_answers() -> None:
    """That there is something to compare."""
    assert len(BLOCKS) >= 5


@pytest.mark.parametrize(("line", "answer"), BLOCKS)
def test_an_answer_is_what_is_shown(home: Path, line: str, answer: list[str]) -> None:
    """To the letter; whoever reads it on their own screen finds it again."""
    words = shlex.split(line.removeprefix("./run ").removeprefix("officeline "))
    assert parsed(" ".join(map(shlex.quote, words)))
    place = ["--config", str(ROOT / "config" / "office.toml"), "--home", str(home)]
    with time_machine.travel(MORNING, tick=False):
        done = CliRunner().invoke(app, [*place, *words])
    assert done.exception is None, done.output
    assert re.fullmatch(as_pattern(answer), done.stdout), done.stdout


def test_an_answer_that_differs_is_found() -> None:
    """The test above can fail, by a letter, a line too many and a line too few."""
    said = "one two\nthree\nfour\nfive\n"
    for right in (["one two", "three", "four", "five"], ["one (...)", "...", "five"]):
        assert re.fullmatch(as_pattern(right), said)
    for wrong in (["one", "...", "five"], ["one two", "three", "four"], ["...", "six"]):
        assert not re.fullmatch(as_pattern(wrong), said)
