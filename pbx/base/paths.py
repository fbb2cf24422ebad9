"""Paths of the data that ships with OfficeLine, and folder names that several modules share."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pbx.base.errors import ConfigError

SPOOL = "spool"  # the folder below the standby's where Asterisk's user may write


def data_folder(name: Literal["asterisk", "config"]) -> Path:
    """Return the folder of shipped data: the checkout's own, or `pbx/data/NAME` of a wheel."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "data" / name, package.parent / name):
        if folder.is_dir():
            return folder
    raise ConfigError(
        f"The shipped '{name}' folder is missing beside {package}; install OfficeLine again."
    )


def pinned_packages() -> Path:
    """Return the file of pinned packages: a wheel's own, or the checkout's; it may be missing."""
    package = Path(__file__).resolve().parents[1]
    shipped = package / "data" / "requirements.lock"
    return shipped if shipped.is_file() else package.parent / "requirements.lock"
