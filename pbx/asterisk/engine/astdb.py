"""Asterisk's own database (AstDB): move an unreadable file aside before Asterisk starts.

If Asterisk cannot open the file, it exits at once and the office has no phone service. Its content
is soon rebuilt: the heartbeat writes whom the failsafe rings, and desk phones register again. But
phones register only once an hour, so rows that can still be read are copied to the new file.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import structlog

from pbx.asterisk.engine.runtime import ServiceUser

NAME = "astdb.sqlite3"
ASIDE = f"{NAME}.damaged"  # keep only the last one, so that they cannot fill the disk
_LOOK_S = 0.5  # wait for another program's lock; if it stays locked, leave the file alone
# the same statement that Asterisk uses
_TABLE = "CREATE TABLE IF NOT EXISTS astdb(key TEXT, value TEXT, PRIMARY KEY(key))"
_BESIDE = ("-journal", "-wal", "-shm")

log = structlog.get_logger()


def make_usable(folder: Path, user: ServiceUser) -> None:
    """Make sure that `user` can open this folder's database, moving a damaged one aside."""
    path = folder / NAME
    if not os.path.lexists(path):
        return
    why = _trouble(path)
    if why is not None:
        log.error("asterisk.database_set_aside", why=f"{why}; it is kept as {ASIDE}")
        _set_aside(path)
    if user.name is not None:
        for one in (path, *(Path(f"{path}{end}") for end in _BESIDE)):
            with contextlib.suppress(OSError):
                os.chown(one, user.uid, user.gid, follow_symlinks=False)


def _trouble(path: Path) -> str | None:
    """Return the reason why Asterisk could not use the file; None if it can, or if it is locked."""
    if not os.access(path, os.R_OK | os.W_OK, effective_ids=True):
        return "it belongs to somebody else"
    try:
        with closing(sqlite3.connect(path, timeout=_LOOK_S)) as connection:
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            tables = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'astdb'")
            if found == "ok" and tables.fetchone():
                connection.execute("SELECT key, value FROM astdb LIMIT 1").fetchone()
    except sqlite3.Error as error:
        busy = getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
        return None if busy else str(error)
    return None if found == "ok" else str(found)


def _set_aside(path: Path) -> None:
    """Rename the file and its journals, and create a new one with the rows that can be read."""
    aside = path.with_name(ASIDE)
    for end in ("", *_BESIDE):
        with contextlib.suppress(OSError):
            Path(f"{aside}{end}").unlink(missing_ok=True)
            Path(f"{path}{end}").rename(f"{aside}{end}")
    rows: list[tuple[str, str]] = []
    with contextlib.suppress(sqlite3.Error), closing(sqlite3.connect(aside)) as connection:
        for key, value in connection.execute("SELECT key, value FROM astdb"):
            if isinstance(key, str) and isinstance(value, str):
                rows.append((key, value))
    part = path.with_name(f".{NAME}.part")
    with contextlib.suppress(sqlite3.Error, OSError):
        part.unlink(missing_ok=True)
        with closing(sqlite3.connect(part)) as connection, connection:
            connection.execute(_TABLE)
            connection.executemany("INSERT OR REPLACE INTO astdb VALUES (?, ?)", rows)
        part.chmod(0o640)
        part.rename(path)
