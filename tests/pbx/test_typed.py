"""Commands in errors, as the reader must type them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REFUSED = (["inbox", "show", "1.0"], ["calls", "list"], ["canary"], ["restore", "none.age"])


@pytest.mark.parametrize("words", REFUSED)
@pytest.mark.parametrize("command", ["", "./run officeline"])
def test_an_error_names_the_command_as_it_is_typed(
    tmp_path: Path, words: list[str], command: str
) -> None:
    """With ./run in a checkout, and by its name alone where it is installed."""
    environment = {**os.environ, "OFFICELINE_COMMAND": command}
    options = ["--config", str(ROOT / "config/office.toml"), "--home", str(tmp_path / "home")]
    done = subprocess.run(
        [sys.executable, "-m", "cli", *options, *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2
    assert f"'{command or 'officeline'} " in done.stderr
    assert ("'officeline " in done.stderr) is not command.startswith("./run")
