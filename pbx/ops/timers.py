"""The state of an office's systemd timers, for backups and test calls."""

from __future__ import annotations

import subprocess
from pathlib import Path

BACKUP, CANARY = "officeline-backup", "officeline-canary"
FOLDERS = (Path("/etc/systemd/system"), Path("/run/systemd/system"))
ANSWER_S = 5.0  # how long to wait for systemd


def is_on(unit: str) -> bool:
    """Return whether a timer exists and is enabled."""
    return any((place / "timers.target.wants" / f"{unit}.timer").exists() for place in FOLDERS)


def is_written(unit: str) -> bool:
    """Return whether a timer exists."""
    return any((place / f"{unit}.timer").exists() for place in FOLDERS)


def has_failed(unit: str) -> bool:
    """Return whether the last run of a unit failed; False if systemd cannot be asked."""
    words = ["systemctl", "is-failed", "--quiet", f"{unit}.service"]
    try:
        done = subprocess.run(words, capture_output=True, check=False, timeout=ANSWER_S)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
