"""What systemd starts for an office by the clock, backups and test calls, as it really stands."""

from __future__ import annotations

import subprocess
from pathlib import Path

BACKUP, CANARY = "officeline-backup", "officeline-canary"
FOLDERS = (Path("/etc/systemd/system"), Path("/run/systemd/system"))
ANSWER_S = 5.0  # in which systemd says how a unit stands


def is_on(unit: str) -> bool:
    """Tell whether a timer is enabled, and still there."""
    return any((place / "timers.target.wants" / f"{unit}.timer").exists() for place in FOLDERS)


def is_written(unit: str) -> bool:
    """Tell whether there is a timer that could be enabled."""
    return any((place / f"{unit}.timer").exists() for place in FOLDERS)


def has_failed(unit: str) -> bool:
    """Tell whether systemd says that the last start of a unit failed, if it can be asked."""
    words = ["systemctl", "is-failed", "--quiet", f"{unit}.service"]
    try:
        done = subprocess.run(words, capture_output=True, check=False, timeout=ANSWER_S)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
