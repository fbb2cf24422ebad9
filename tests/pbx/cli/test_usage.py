"""What is given wrongly is one sentence on stderr and exit 2; Ctrl-C is exit 130, at any time."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import cli

ROOT = Path(__file__).parents[3]


def officeline(*words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command as a process."""
    return subprocess.run(
        [sys.executable, "-m", "cli", *words],
        capture_output=True,
        text=True,
        input=typed,
        cwd=ROOT,
        timeout=60,
        check=False,
    )


def test_the_command_of_a_checkout_is_the_checkouts() -> None:
    """A copy beside it would not know the commands that a newer version brings."""
    probe = [sys.executable, "-I", "-c", "import cli; print(cli.__file__)"]
    done = subprocess.run(probe, capture_output=True, text=True, cwd="/", check=True)
    assert Path(done.stdout.strip()) == ROOT / "cli.py"


@pytest.mark.parametrize(
    ("line", "reported"),
    [
        ("nope", "No such command 'nope'; see 'officeline --help'"),
        (
            "calls lst",
            "No such command 'lst' (did you mean 'list'?); see 'officeline calls --help'",
        ),
        ("check --nope", "No such option: --nope"),
        ("callback lee", "Missing argument 'number'; see 'officeline callback --help'"),
        ("patients import", "Missing "),
        ("calls list --limit x", "Invalid value for '--limit': it must be a whole number; "),
        ("calls list --limit 0", "Invalid value for '--limit': it must be at least 1; "),
        ("demo --days 99", "Invalid value for '--days': it must be at most 60; "),
        ("simulate --urgent x", "Invalid value for '--urgent': it must be a number; "),
        ("rollback x", "Invalid value for 'ID': it must be a whole number; "),
        ("calls list --outcome lost", "Invalid value for '--outcome': 'lost' is not one of"),
        ("audit verify --head", "Option '--head' requires an argument; "),
        ("history one two", "Got unexpected extra argument"),
    ],
)
def test_what_is_not_understood_is_one_sentence(line: str, reported: str) -> None:
    """No box, no usage, and what to look at; whatever command, option or value it is."""
    done = officeline(*line.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(reported)
    assert re.fullmatch(r"[^\n]+; see 'officeline[a-z ]* --help'\.\n", done.stderr)


@pytest.mark.parametrize(
    ("line", "reported"),
    [
        (
            "check --config x.toml",
            "--config must come before the command, as in 'officeline --config FILE check'.",
        ),
        (
            "calls list --home=x",
            "--home must come before the command, as in 'officeline --home DIR calls list'.",
        ),
    ],
)
def test_an_option_of_every_command_is_put_in_its_place(line: str, reported: str) -> None:
    """Who writes it behind the command is told where it stands."""
    done = officeline(*line.split())
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"{reported}\n")


@pytest.mark.parametrize("line", ["", "calls"])
def test_without_a_command_its_help_is_printed(line: str) -> None:
    """By the name that people type, and not as done."""
    done = officeline(*line.split())
    assert (done.returncode, done.stderr) == (2, "")
    assert f"Usage: officeline {line}".rstrip() in done.stdout


def test_a_no_is_exit_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whether it was said, or nobody was there to say yes."""

    def asks(**_: object) -> None:
        raise typer.Abort

    monkeypatch.setattr(cli, "app", asks)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    assert capsys.readouterr().err == "Canceled. Nothing was changed.\n"


@pytest.mark.parametrize(
    "module", ["pathlib", "typer.models", "typer.main", "pbx.base.errors", "routing.simulate"]
)
def test_ctrl_c_is_exit_130_from_the_first_import_on(module: str, tmp_path: Path) -> None:
    """Sent as soon as a module is imported, from the first moments on to the middle of the work."""
    place = ["--config", "config/office.toml", "--home", str(tmp_path)]
    # as a file, like the installed command: with -m, Python ends itself by the signal where it came
    # in the middle of an exec, as of a dataclass, however it is caught
    words = [sys.executable, "-X", "importtime", "cli.py", *place]
    words += ["simulate", "--from", "2026-01-01", "--to", "2036-01-01"]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.rpartition("|")[2].strip() == module:
                process.send_signal(signal.SIGINT)
                break
        rest = process.stderr.read()
    assert [line for line in rest.splitlines() if not line.startswith("import time:")] == []
    assert process.returncode == 130
