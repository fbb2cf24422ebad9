"""A damaged database: known for one, set aside under another name, and never deleted."""

from __future__ import annotations

import time
from pathlib import Path

import structlog
from sqlalchemy.exc import DBAPIError

from pbx.db import driver

LOOK_S = 2.0  # how long the look at the start may take
ASIDE = ".corrupt-"
MARK = ".damaged"  # beside the database: whoever uses it found it damaged

log = structlog.get_logger()


def code_of(error: BaseException) -> str:
    """Name SQLite's code within an error; empty if there is none."""
    cause = error.__cause__ if not isinstance(error, DBAPIError) else error
    return driver.code_in(getattr(cause, "orig", cause))


def mark_damaged(database: Path) -> None:
    """Note that a database is damaged, for the next start."""
    Path(f"{database}{MARK}").touch(mode=0o600)


def set_aside(database: Path) -> Path | None:
    """Rename a damaged database with what belongs to it, and return its new name; else None."""
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
    """Name the databases that were set aside."""
    found = database.parent.glob(f"{database.name}{ASIDE}*")
    return sorted(one.name for one in found if not one.name.endswith(("-wal", "-shm")))
