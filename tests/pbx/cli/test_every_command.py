"""Every command of the contract, given something wrong: one sentence, exit 2, nothing changed.

The commands, and what can be given to each, are asked of the command itself, and what is right of
its help's example: a command or an option that is added is in here by itself.
"""

from __future__ import annotations

import io
import re
import shlex
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

import cli
from pbx.cli.calls import callback
from pbx.config import secrets
from pbx.config.home import Home
from pbx.config.patients_file import PatientEntry
from pbx.config.plan import parse
from pbx.db import changes, driver
from pbx.db.database import open_database
from pbx.db.patients import put_patients
from pbx.db.plans import apply_first
from pbx.demo.stage import MOBILES
from pbx.escalation.pins import hashed
from routing.model import Override, Patient
from tests.support.ledgers import Reported, cdr_lines, write_cdr, write_log
from tests.support.offices import ROOT

CALL = "1795456091.0"  # which the help's examples name
# What somebody writes freely, and filters of the audit: nothing that is there is wrong in them.
FREE = {"by", "disposition", "flag", "force", "reason", "text", "what", "who"}
REFUSED = 2
NOTE = re.compile(
    "the configuration file differs|differs from the running plan|says how far it is"
    "|^The secrets file has no"
)
# Where the help's example is right for its reader and not for a look at each value
INSTEAD = {
    "init": "init --trunk other --host sip.example.org",
    "report day": "report day --date yesterday",  # one file at a time
    "report month": "report month --date yesterday",
    "restore": "restore office.toml --identity key.txt",
    "inbox play": f"inbox play {CALL}",
}
# What begins to run something, asks for a download, speaks with the carrier, or renders our sounds
STARTS = {
    "demo", "doctor", "engine fetch", "engine run", "engine status", "init", "install",
    "prompts render", "serve", "up",
}  # fmt: skip
WRITES = {
    "apply", "callback", "hold add", "hours cancel", "hours close", "hours reopen", "inbox claim",
    "inbox close", "inbox note", "oncall cancel", "oncall override", "oncall swap", "oncall take",
    "patients flag", "patients remove", "people mobile", "people remove", "rollback",
    "secrets rekey",
}  # fmt: skip


# Not everybody's name fits into ASCII, nor into Latin-1
NAMES = {"Ana Lee": "José Nuñez", "Kofi Osei": "Zoë Łuczak", "Mira Patel": "Ngũgĩ Ōno"}


@dataclass(frozen=True)
class Given:
    """A command of the contract, its parameters and the words of its example."""

    name: str
    parameters: tuple[Any, ...]
    words: tuple[str, ...]

    def with_bad(self, parameter: Any, bad: str) -> list[str]:
        """Give the example with one value that cannot be."""
        words = list(self.words)
        if parameter.param_type_name == "argument":
            place = self._arguments()
            which = [one.name for one in self._positional()].index(parameter.name)
            words[place[which] : place[which] + 1 if which < len(place) else None] = [bad]
            return words
        for option in parameter.opts:
            if option in words:
                words[words.index(option) + 1] = bad
                return words
        return [*words, parameter.opts[-1], bad]

    def _positional(self) -> list[Any]:
        return [one for one in self.parameters if one.param_type_name == "argument"]

    def _arguments(self) -> list[int]:
        """Say where in the example the arguments stand, and where one more would."""
        flags = {opt for one in self.parameters if not takes(one) for opt in one.opts}
        found, place = [], len(self.name.split())
        while place < len(self.words):
            if not self.words[place].startswith("--"):
                found.append(place)
                place += 1
            else:
                place += 1 if self.words[place] in flags else 2
        return [*found, len(self.words)]


def commands(command: Any = None, name: str = "") -> Iterator[Given]:
    """List all of them."""
    command = command or get_command(cli.app)
    if hasattr(command, "commands"):
        for word, one in command.commands.items():
            yield from commands(one, f"{name} {word}".strip())
        return
    parameters = tuple(one for one in command.params if one.name != "help")
    example = command.help.partition("Example: officeline ")[2].replace("/tmp/", "")  # noqa: S108
    words = shlex.split(INSTEAD.get(name, example))
    while words[0] in {"--home", "--config"}:
        del words[:2]
    yield Given(name, parameters, tuple(words))


def takes(parameter: Any) -> bool:
    """Tell whether a parameter takes a value."""
    return parameter.param_type_name == "argument" or not parameter.is_flag


ALL = sorted(commands(), key=lambda one: one.name)
VALUES = [
    pytest.param(one, parameter, id=f"{one.name} {parameter.opts[-1]}")
    for one in ALL
    for parameter in one.parameters
    if takes(parameter) and parameter.name not in FREE
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an office in which the examples of the help are right."""
    folder = tmp_path_factory.mktemp("every")
    text = (ROOT / "config" / "office.toml").read_text(encoding="utf-8")
    for plain, name in NAMES.items():
        assert plain in text
        text = text.replace(plain, name)
    (folder / "office.toml").write_text(text, encoding="utf-8")
    home = Home(folder / "home")
    home.folder.mkdir(mode=0o700)
    now = datetime.now(UTC).replace(microsecond=0)
    reported = Reported(CALL, now - timedelta(hours=3), "message", has_message=True)
    write_log(home.folder, [reported])
    write_cdr(home.folder, cdr_lines(reported))
    held = secrets.Secrets(mobiles=dict(MOBILES)).with_pin("lee", hashed("480297"))
    secrets.write(home.folder, held)
    engine = open_database(home.database)
    running = parse(text, folder / "office.toml").plan
    apply_first(engine, text, running.hash, now=now)
    entry = PatientEntry(1, Patient("P1042", "Zoë Łuczak — née Müller"), ("+12125550142",))
    put_patients(engine, [entry], refused=False, partial=False, by="amy", now=now)
    for number in range(12):
        span = (now + number * timedelta(hours=1), now + (number + 1) * timedelta(hours=1))
        override = Override(0, "doctors", "add", "lee", None, *span)
        changes.add_override(engine, override, by="amy", now=now)
    engine.dispose()
    return folder


def state(place: Path) -> dict[str, Any]:
    """Read all that a command could have changed: each file, and what the database says."""
    home = Home(place / "home")
    beside = {home.database.with_name(home.database.name + end) for end in ("-wal", "-shm", "")}
    found: dict[str, Any] = {
        str(path): path.read_bytes() if path.is_file() else path.stat().st_mode
        for path in sorted(place.rglob("*"))
        if path not in beside and path.name != "running.lock"
    }
    with closing(sqlite3.connect(home.database)) as connection:
        # what is attempted is written down before it is done: the audit may grow
        rows = (line for line in connection.iterdump() if '"audit"' not in line)
        found["database"] = list(rows)
    return found


@cache
def composed(word: str) -> typer.Typer:
    """Put the command together as a process does that is given this word."""
    return cli.compose([word])


class Shell:
    """Runs the command on an office as a shell would, without a terminal."""

    def __init__(
        self, place: Path, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str]
    ) -> None:
        self.place, self._patch, self._capture = place, patch, capture

    def __call__(self, *words: str) -> tuple[int, str, str]:
        """Return the exit code and what was said on stdout and stderr."""
        given = ["--config", str(self.place / "office.toml"), "--home", str(self.place / "home")]
        self._patch.setattr(cli, "app", composed(words[0]))
        self._patch.setattr("sys.argv", ["officeline", *given, *words])
        self._patch.setattr("sys.stdin", io.StringIO(""))
        self._patch.chdir(self.place)
        self._capture.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = self._capture.readouterr()
        code = ended.value.code
        return (0 if code is None else int(code)), printed.out, printed.err

    def shown_in(self, encoding: str, *words: str) -> tuple[int, str, str]:
        """Do the same where what is printed has an encoding, such as PYTHONIOENCODING gives it."""
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding) for _ in range(2))
        with self._patch.context() as patch:
            patch.setattr("sys.stdout", out)
            patch.setattr("sys.stderr", err)
            code, _, _ = self(*words)
        printed = []
        for stream in (out, err):
            stream.seek(0)
            printed.append(stream.buffer.read().decode(errors="replace"))
        return code, printed[0], printed[1]

    def refused(self, *words: str) -> str:
        """Assert exit 2, one sentence without a traceback, and that nothing has changed."""
        before = state(self.place)
        code, out, err = self(*words)
        assert (code, out) == (2, ""), (code, out, err)
        assert state(self.place) == before
        return one_sentence(err)


@pytest.fixture
def shell(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    """Give commands to the office that all of these tests share."""
    return Shell(place, monkeypatch, capsys)


@pytest.fixture
def own(
    tmp_path: Path,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Shell:
    """Give commands to a copy of it, which they may change."""
    for module, name in ((driver, "BUSY_S"), (callback, "TAKEN_S")):
        monkeypatch.setattr(module, name, 0.05)  # who has the database will not let go of it
    return Shell(shutil.copytree(place, tmp_path / "own"), monkeypatch, capsys)


@pytest.mark.parametrize(("command", "parameter"), VALUES)
def test_a_value_that_cannot_be(shell: Shell, command: Given, parameter: Any) -> None:
    """No name, no time, no number and no file is like that."""
    shell.refused(*command.with_bad(parameter, str(shell.place / "office.toml" / "nothing")))


TIMED = [
    pytest.param(one, parameter, id=f"{one.name} {parameter.opts[-1]}")
    for one in ALL
    for parameter in one.parameters
    if parameter.name in {"at", "start", "end", "since", "until", "date_", "day"}
]


@pytest.mark.parametrize(("command", "parameter"), TIMED)
def test_a_time_is_assessed_before_there_is_a_database(
    own: Shell, command: Given, parameter: Any
) -> None:
    """Whoever types a wrong one hears of that first, and nothing is made."""
    database = own.place / "home" / "officeline.db"
    database.unlink()
    code, out, err = own(*command.with_bad(parameter, "yesteryear"))
    assert (code, out) == (2, "")
    assert re.search("yesteryear|The days are not clear", one_sentence(err)), err
    assert not database.exists()


@pytest.mark.parametrize("command", ALL, ids=lambda one: one.name)
def test_words_that_nobody_asked_for(shell: Shell, command: Given) -> None:
    """An option that there is not, and one word too many."""
    assert "--nonsense" in shell.refused(*command.words, "--nonsense")
    more = ["more"] * (1 + len(command.parameters))
    assert "extra argument" in shell.refused(*command.words, *more)


@pytest.mark.parametrize("command", ALL, ids=lambda one: one.name)
def test_what_is_required_is_missing(shell: Shell, command: Given) -> None:
    """The command without its words."""
    if any(one.required for one in command.parameters):
        assert "Missing" in shell.refused(*command.name.split())


RUN = [one for one in ALL if one.name not in STARTS]


@pytest.mark.parametrize("command", RUN, ids=lambda one: one.name)
def test_a_database_that_somebody_has(own: Shell, command: Given) -> None:
    """Whoever would write is refused and changes nothing; whoever reads may well answer."""
    with closing(sqlite3.connect(own.place / "home" / "officeline.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        if command.name in WRITES:
            own.refused(*command.words, *yes(command))
        else:
            one_answer(own(*command.words, *yes(command)))


@pytest.mark.parametrize(
    ("line", "fix"),
    [
        ("callback lee 2125550142", "start it with 'officeline up'"),
        ("drill failsafe", "officeline up"),
        ("serve", "officeline up"),
        ("events tail", "[mqtt]"),
    ],
)
def test_an_office_that_does_not_run(own: Shell, line: str, fix: str) -> None:
    """Whatever needs one says how to start it."""
    assert fix in one_sentence(own(*line.split())[2])


def test_the_lists_name_commands() -> None:
    """None of them is left over from what has another name now."""
    assert STARTS | WRITES | set(INSTEAD) <= {one.name for one in ALL}


TROUBLES: dict[str, Callable[[Path], object]] = {
    "no file": lambda place: (place / "office.toml").unlink(),
    "no TOML": lambda place: (place / "office.toml").write_text("[office\n"),
    "no secrets file": lambda place: (place / "home" / "secrets.json").write_text("{"),
    "no database": lambda place: (place / "home" / "officeline.db").write_bytes(b"x" * 9000),
    "no home": lambda place: shutil.rmtree(place / "home"),
}


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("command", RUN, ids=lambda one: one.name)
def test_what_a_command_needs_is_gone(own: Shell, command: Given, trouble: str) -> None:
    """It does without, or says so in a sentence; nobody sees a traceback."""
    TROUBLES[trouble](own.place)
    one_answer(own(*command.words, *yes(command)))


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
@pytest.mark.parametrize("command", RUN, ids=lambda one: one.name)
def test_a_terminal_that_knows_few_letters(own: Shell, command: Given, encoding: str) -> None:
    """It shows something in the place of each that it lacks, and the command does what it does."""
    one_answer(own.shown_in(encoding, *command.words, *yes(command)))


def yes(command: Given) -> list[str]:
    """Answer what a command would ask, or have it answer once."""
    there = {option for one in command.parameters for option in one.opts}
    return [word for word in ("--yes", "--once") if word in there - set(command.words)]


def one_answer(found: tuple[int, str, str]) -> None:
    """Assert that a command did its work, or said no, or why it could not."""
    code, out, err = found
    assert code in {0, 1, 2}, found
    assert "Traceback" not in out + err
    if code == REFUSED:
        one_sentence(err)


def one_sentence(err: str) -> str:
    """Assert that stderr is one sentence, after notes on which plan it is about; return it."""
    said = [line for line in err.splitlines() if not NOTE.search(line)]
    assert len(said) == 1, err
    assert said[0].endswith((".", ")")), err
    return said[0]
