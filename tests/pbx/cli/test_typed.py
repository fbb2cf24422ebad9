"""Commands in errors, answers, hints and help, as the reader must type them."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pbx.cli.shared import typed
from tests.support import started
from tests.support.given import OFFICELINE, parsed
from tests.support.ledgers import Reported, write_log

ROOT = Path(__file__).parents[3]
TYPED = "./run officeline"
REFUSED = (["inbox", "show", "1.0"], ["calls", "list"], ["canary"], ["restore", "none.age"])


def given(*words: str, home: Path, command: str = TYPED) -> started.Done:
    """Give the command as ./run does."""
    options = ["--config", str(ROOT / "config/office.toml"), "--home", str(home)]
    env = {typed.VARIABLE: command, "COLUMNS": "200"}
    return started.officeline(*options, *words, env=env)


@pytest.mark.parametrize("words", REFUSED)
@pytest.mark.parametrize("command", ["", TYPED])
def test_an_error_names_the_command_as_it_is_typed(
    tmp_path: Path, words: list[str], command: str
) -> None:
    """With ./run in a checkout, and by its name alone where it is installed."""
    done = given(*words, home=tmp_path / "home", command=command)
    assert done.returncode == 2
    assert f"'{command or 'officeline'} " in done.stderr
    assert ("'officeline " in done.stderr) is not command.startswith("./run")


def names(command: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """List the commands and groups below one."""
    for word, below in getattr(command, "commands", {}).items():
        yield f"{before}{word}", below
        yield from names(below, f"{before}{word} ")


COMMANDS = dict(names(OFFICELINE))
FIRST = "|".join(name for name in COMMANDS if " " not in name)
BELOW = "|".join(name for name in COMMANDS if " " in name)
# A command with its name before it, however it is written; and one in quotes without its name
NAMED = re.compile(rf"(?<![\w/.-])officeline\s+(?:--config|--home|--help|\{{|(?:{FIRST})\b)")
NAMELESS = re.compile(rf"['`](?:{BELOW})\b")


def texts() -> Iterator[tuple[str, str]]:
    """List each text in our modules but docstrings, and where it is; `{}` for what is put in."""
    folders = (ROOT / part for part in ("pbx", "dialplan", "routing"))
    for path in sorted([ROOT / "cli.py", *(path for one in folders for path in one.rglob("*.py"))]):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        skipped = {
            id(part) for one in nodes if isinstance(one, ast.JoinedStr) for part in one.values
        } | {id(one.value) for one in nodes if isinstance(one, ast.Expr)}
        name = path.relative_to(ROOT)
        for node in nodes:
            if isinstance(node, ast.JoinedStr):
                parts = (getattr(one, "value", "") for one in node.values)
                text = "".join(one if isinstance(one, str) else "{}" for one in parts)
                yield f"{name}:{node.lineno}", text
            elif isinstance(node, ast.Constant) and id(node) not in skipped:
                yield f"{name}:{node.lineno}", str(node.value)


def helps() -> Iterator[tuple[str, str]]:
    """List each text of the help, and whose it is."""
    for name, command in {"officeline": OFFICELINE, **COMMANDS}.items():
        for one in (command, *command.params):
            yield f"{name} {one.name}", getattr(one, "help", None) or ""


def badly_named(found: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """List the texts that name a command in a way that no reader would see as it is typed."""
    return [
        (where, text)
        for where, text in found
        if NAMED.search(typed.as_typed(text)) or NAMELESS.search(text)
    ]


def test_each_text_names_commands_so_that_they_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Findings, fixes, answers, errors and help: in quotes, with the name before it."""
    monkeypatch.setenv(typed.VARIABLE, "./typed")
    assert badly_named(texts()) == []
    assert badly_named(helps()) == []
    wrong = ("Set it: officeline people pin PERSON.", "See 'oncall list'.", "officeline {} x")
    assert len(badly_named(("", text) for text in wrong)) == len(wrong)


QUOTED = re.compile(r"(?:'(?:sudo -u \S+ )?|Example: )officeline\s+([^'\n]+)")


def hints() -> list[tuple[str, str]]:
    """List each command that a text names, and where."""
    return sorted({
        (where, " ".join(line.split()))
        for where, text in (*texts(), *helps())
        for line in QUOTED.findall(text)
        if not line.startswith(("{", "...", "people {}", "report {}"))  # their names are filled in
    })  # fmt: skip


def test_each_named_command_can_be_given() -> None:
    """Whatever we tell people to type, the command takes."""
    named = hints()
    assert len(named) > 100
    for where, line in named:
        assert parsed(line.replace("{}", "x")), where


# What answers with a command, on an office that was never started and has one call
SAY = (
    ["doctor"], ["doctor", "--security"], ["check"], ["calls", "live", "--once"],
    ["people", "list"], ["patients", "list"], ["history"], ["status"], ["reconcile"],
    ["report", "morning"], ["inbox", "claim", "1.0", "desk"], ["calls", "show", "1.0"],
    ["engine", "run", "--help"], ["oncall", "cancel", "--help"], ["stop", "--help"],
    ["calls", "list", "--home", "x"], ["calls", "list", "--nope"], ["init"],
    ["hours", "close", "--until", "5pm"],
)  # fmt: skip
SHOWN = re.compile(r"(?:'|Example:\s|Usage:\s)\./run\s+officeline\s+([^'\n]*)")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the home of an office whose call nobody has in Asterisk's records."""
    folder = tmp_path_factory.mktemp("home")
    write_log(folder, [Reported("1795456091.0", datetime.now(UTC), "message", has_message=True)])
    return folder


@pytest.mark.parametrize("words", SAY, ids=" ".join)
def test_what_is_printed_can_be_typed(home: Path, words: list[str]) -> None:
    """None of it names the plain command, and the real one takes what it names."""
    done = given(*words, home=home)
    said = done.stdout + done.stderr
    assert not NAMED.search(re.sub(r"run\s+officeline", "", said)), said
    assert "Traceback" not in said
    for line in SHOWN.findall(said):
        assert parsed(line.replace("[OPTIONS]", "")), line
    if {"doctor", "live", "history", "--help", "--nope", "patients"}.intersection(words):
        assert SHOWN.search(said), said


def test_json_and_files_for_another_place_keep_the_plain_name(home: Path, tmp_path: Path) -> None:
    """A program knows one name; systemd's units are for a machine."""
    found = json.loads(given("doctor", "--json", home=home).stdout)
    assert "'officeline " in json.dumps(found)
    assert TYPED not in json.dumps(found)
    plain, checkout = (given("install", home=home, command=one).stdout for one in ("", TYPED))
    assert plain == checkout
    assert "ExecStart=" in plain
    written = given("install", "--write", str(tmp_path), home=home)
    assert f" {TYPED} engine fetch;" in written.stdout
    assert not any(TYPED in path.read_text() for path in tmp_path.rglob("*") if path.is_file())


def test_the_shell_completes_the_plain_name(home: Path) -> None:
    """A path with a word after it is nothing that a shell completes."""
    env = {**os.environ, typed.VARIABLE: TYPED}
    program = Path(sys.executable).with_name("officeline")
    script = subprocess.run(  # the shell that asks is the one that is found
        ["bash", "-c", f"{program} --show-completion; true"],
        cwd=home, env=env, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert "_officeline_completion officeline" in script.stdout
    assert "./run" not in script.stdout
