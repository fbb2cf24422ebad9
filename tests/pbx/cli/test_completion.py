"""Completion by the shell: the script works in a real bash, and speaks what zsh understands."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = Path(sys.executable).with_name("officeline")
AT_HAND = {**os.environ, "PATH": f"{COMMAND.parent}:{os.environ['PATH']}"}
CASES = [
    ("officeline ca", {"calls", "callback", "canary"}),
    ("officeline calls l", {"list", "live"}),
    ("officeline --config x.toml inbox p", {"play"}),
    ("officeline calls list --out", {"--outcome"}),
    ("officeline calls list --outcome con", {"connected"}),
]


def run(words: list[str], **more: str) -> str:
    """Run a command that must succeed; return what it printed."""
    done = subprocess.run(
        words, env={**AT_HAND, **more}, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


@pytest.mark.parametrize(("line", "offered"), CASES)
def test_bash_completes(line: str, offered: set[str]) -> None:
    """As docs/install.md sets it up; commands, options and the words of an option."""
    script = f"""
        eval "$(officeline --show-completion)"
        COMP_WORDS=({line}) COMP_CWORD={len(shlex.split(line)) - 1}
        complete -p officeline >&2
        _officeline_completion officeline
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    assert set(run(["bash", "-c", script]).split()) == offered


@pytest.mark.parametrize(("line", "offered"), CASES)
def test_zsh_is_offered_the_same(line: str, offered: set[str]) -> None:
    """By what the script for zsh asks for, with the help of each beside it."""
    asked = {"_OFFICELINE_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": line}
    said = run([str(COMMAND)], **asked)
    assert said.startswith("_arguments '*: :((")
    assert {one for one in offered if f'"{one}"' in said.replace("\\", "")} == offered
