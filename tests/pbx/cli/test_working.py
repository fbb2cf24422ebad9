"""What takes long says so at a terminal, and nowhere else."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
SLOW = """
import sys, time
from pbx.cli.shared import working
working.AFTER_S = 0.1
with working.working("Counting"):
    time.sleep(float(sys.argv[1]))
"""


def said(seconds: float) -> str:
    """Run it at a terminal of its own, and read what it says there."""
    ours, its = pty.openpty()
    words = [sys.executable, "-c", SLOW, str(seconds)]
    done = subprocess.run(words, cwd=ROOT, stderr=its, stdout=subprocess.PIPE, check=True)
    assert done.stdout == b""
    os.write(its, b"|")  # or there would be nothing to read
    os.close(its)
    text = ""
    while not text.endswith("|"):
        text += os.read(ours, 100).decode()
    os.close(ours)
    return text


def test_at_a_terminal_what_lasts_is_reported() -> None:
    """Once, with what is being done; what is done at once says nothing."""
    assert said(0.6) == "Counting ...\r\n|"
    assert said(0) == "|"


def test_a_file_is_reported_nothing() -> None:
    """Nor a program that reads what goes wrong."""
    words = [sys.executable, "-c", SLOW, "0.6"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, check=True)
    assert done.stderr == b""
