"""A plain copy of the database, made beside it before a newer version changes its tables."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

BEFORE = ".before-"
KEPT = 2


def copy_of(database: Path) -> Path:
    """Copy a database durably, for our eyes only; OSError or sqlite3.Error if that cannot be.

    By SQLite's own means: whatever is in the WAL is in the copy.
    """
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    copy = Path(f"{database}{BEFORE}{stamp}")
    copy.unlink(missing_ok=True)
    copy.touch(mode=0o600, exist_ok=False)
    try:
        with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
            target.execute("PRAGMA journal_mode=DELETE")  # one file, with nothing beside it
        for path in (copy, copy.parent):
            _sync(path)
    except BaseException:
        copy.unlink()
        raise
    return copy


def copies(database: Path) -> list[Path]:
    """List the copies, the oldest first."""
    return sorted(database.parent.glob(f"{database.name}{BEFORE}????????-??????"))


def keep_the_last(database: Path) -> None:
    """Delete all copies but the last ones."""
    for old in copies(database)[:-KEPT]:
        old.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
