"""A plain copy of the database, made beside it before a newer version changes its tables."""

from __future__ import annotations

import time
from pathlib import Path

from pbx.base import files
from pbx.db import driver

BEFORE = ".before-"
KEPT = 2


def copy_of(database: Path) -> Path:
    """Copy a database durably, readable by its owner only; raises OSError or driver.Error."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    copy = Path(f"{database}{BEFORE}{stamp}")
    copy.unlink(missing_ok=True)
    copy.touch(mode=0o600, exist_ok=False)
    try:
        driver.copy_database(database, copy)
        for path in (copy, copy.parent):
            files.sync(path)
    except BaseException:
        copy.unlink()
        raise
    return copy


def copies(database: Path) -> list[Path]:
    """Return the paths of the copies, oldest first."""
    return sorted(database.parent.glob(f"{database.name}{BEFORE}????????-??????"))


def keep_the_last(database: Path) -> None:
    """Delete all copies but the last ones."""
    for old in copies(database)[:-KEPT]:
        old.unlink(missing_ok=True)
