"""A damaged database: detected, renamed to set it aside, and never deleted."""

from __future__ import annotations

import time
from pathlib import Path

import structlog
from sqlalchemy.exc import DBAPIError

from pbx.db import driver

LOOK_S = 2.0  # how many seconds the check at the start may take
ASIDE = ".corrupt-"
MARK = ".damaged"  # suffix of the file that marks a database as damaged

log = structlog.get_logger()


def code_of(error: BaseException) -> str:
    """Return SQLite's error code within an exception; empty if there is none."""
    cause = error.__cause__ if not isinstance(error, DBAPIError) else error
    return driver.code_in(getattr(cause, "orig", cause))


def mark_damaged(database: Path) -> None:
    """Mark a database as damaged, for the next start."""
    Path(f"{database}{MARK}").touch(mode=0o600)


def set_aside(database: Path) -> Path | None:
    """Rename a damaged database and its side files; return its new path, or None if sound."""
    marked = Path(f"{database}{MARK}")
    if not database.exists() or not (marked.exists() or driver.is_damaged(database, LOOK_S)):
        return None
    aside = Path(f"{database}{ASIDE}{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}")
    for part in ("-wal", "-shm", ""):
        found = Path(f"{database}{part}")
        if found.exists():
            found.rename(f"{aside}{part}")
    marked.unlink(missing_ok=True)
    log.error("database.set_aside", why=f"it is damaged, and kept as {aside.name}")
    return aside


def aside_of(database: Path) -> list[str]:
    """Return the names of the databases that were set aside."""
    found = database.parent.glob(f"{database.name}{ASIDE}*")
    return sorted(one.name for one in found if not one.name.endswith(("-wal", "-shm")))
