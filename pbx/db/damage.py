"""A damaged database: known for one, set aside under another name, and never deleted."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import structlog
from sqlalchemy.exc import DBAPIError

LOOK_S = 2.0  # how long the look at the start may take
ASIDE = ".corrupt-"
MARK = ".damaged"  # beside the database: whoever uses it found it damaged

log = structlog.get_logger()


def is_damage(code: str) -> bool:
    """Tell SQLite's codes for a damaged file from all others."""
    return code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))


def code_of(error: BaseException) -> str:
    """Name SQLite's code within an error; empty if there is none."""
    cause = error.__cause__ if not isinstance(error, DBAPIError) else error
    return str(getattr(getattr(cause, "orig", cause), "sqlite_errorname", "") or "")


def mark_damaged(database: Path) -> None:
    """Note that a database is damaged, for the next start."""
    Path(f"{database}{MARK}").touch(mode=0o600)


def set_aside(database: Path) -> Path | None:
    """Rename a damaged database with what belongs to it, and return its new name; else None."""
    marked = Path(f"{database}{MARK}")
    if not database.exists() or not (marked.exists() or _is_damaged(database)):
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


def _is_damaged(database: Path) -> bool:
    """Look through the file, no longer than is bearable at a start; one in use is not damaged."""
    until = time.monotonic() + LOOK_S
    try:
        with closing(sqlite3.connect(database, timeout=0.5)) as connection:
            connection.set_progress_handler(lambda: time.monotonic() > until, 10_000)
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as error:
        return is_damage(str(getattr(error, "sqlite_errorname", "")))
    return bool(found != "ok")
