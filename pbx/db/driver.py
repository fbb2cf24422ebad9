"""Direct use of SQLite's driver, for the few cases that SQLAlchemy has no statement for.

All other code uses SQLModel's tables and SQLAlchemy's statements, on a connection of
`pbx.db.database.writing` or a session of `reading`. The exceptions are:

- setting up connections and beginning transactions: PRAGMA and BEGIN IMMEDIATE are SQLite's own;
- running precompiled statements, because calls produce hundreds of records a second;
- whole files: the copies for backups and upgrades, and the check for damage;
- reading a file without SQLAlchemy: its import takes longer than the rest of a command that asks
  who is on call (`pbx.db.overlay`), and recovery reads around damage (`pbx.db.recover_rows`).

This module imports nothing heavy.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Connection as Open
    from sqlalchemy import CursorResult

Connection = sqlite3.Connection
Error = sqlite3.Error

# Asterisk waits at most 3.7 s for a verdict while a message is made durable: wait less than that.
BUSY_S = 2.0

# How transactions begin. A writer takes the lock at once, because a reader that becomes a writer
# cannot wait for it; `synchronous` and `journal_mode` can only be set outside a transaction.
READ = ("BEGIN",)
WRITE = ("PRAGMA synchronous=NORMAL", "BEGIN IMMEDIATE")
WRITE_DURABLY = ("PRAGMA synchronous=FULL", "BEGIN IMMEDIATE")
# An upgrade waits for another process's upgrade, which may take long on a slow machine.
UPGRADE = ("PRAGMA busy_timeout=60000", *WRITE_DURABLY)
SET_WAL = ("PRAGMA journal_mode=WAL",)


def set_up(connection: Connection) -> None:
    """Prepare a new connection of SQLAlchemy's."""
    connection.isolation_level = None  # we begin transactions ourselves, migrations included
    connection.execute("PRAGMA foreign_keys=ON")


def begin_in(connection: Open, statements: tuple[str, ...]) -> None:
    """Begin a transaction in one of the ways above."""
    for statement in statements:
        connection.exec_driver_sql(statement)


def run_compiled(connection: Open, statement: str, values: tuple[Any, ...]) -> CursorResult[Any]:
    """Execute a statement that SQLAlchemy compiled earlier (`pbx.db.statements.Prepared`)."""
    return connection.exec_driver_sql(statement, values)


def count_up(connection: Open) -> None:
    """Increment the file's `user_version`, which tells a running daemon to reload."""
    count = connection.exec_driver_sql("PRAGMA user_version").scalar() or 0
    connection.exec_driver_sql(f"PRAGMA user_version={(count + 1) % 2**31}")


def revision(connection: Connection) -> int:
    """Return how often `count_up` was called on a file."""
    (count,) = connection.execute("PRAGMA user_version").fetchone()
    return int(count)


def is_wal(connection: Open) -> bool:
    """Tell whether a file keeps a write-ahead log."""
    return connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def read_only(database: Path) -> Connection:
    """Open a file for reading, usable in any thread; raises `Error` if that fails."""
    uri = f"{database.absolute().as_uri()}?mode=ro"
    return sqlite3.connect(
        uri, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False
    )


@contextmanager
def exclusive(database: Path) -> Iterator[Connection]:
    """Open a database for one durable write transaction, committed at the end."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        for statement in WRITE_DURABLY:
            connection.execute(statement)
        yield connection
        connection.execute("COMMIT")


def copy_database(database: Path, target: Path) -> None:
    """Copy a consistent snapshot of a file, including its WAL, even while others write to it.

    Raises `Error` if that fails, and OSError if the disk of the copy is full.
    """
    try:
        with closing(read_only(database)) as source, closing(sqlite3.connect(target)) as copied:
            source.backup(copied)
            copied.execute("PRAGMA journal_mode=DELETE")  # one file, with nothing beside it
    except Error as error:
        if error.sqlite_errorcode in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE}:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target)) from error
        raise


def is_sound(database: Path) -> bool:
    """Return whether SQLite's check of the whole file passes; the file may be in use."""
    try:
        with closing(sqlite3.connect(database)) as connection:
            return connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    except Error:
        return False


def is_damaged(database: Path, within_s: float) -> bool:
    """Return whether a check finds damage within this time; a file in use counts as sound."""
    until = time.monotonic() + within_s
    try:
        with closing(sqlite3.connect(database, timeout=0.5)) as connection:
            connection.set_progress_handler(lambda: time.monotonic() > until, 10_000)
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except Error as error:
        return is_damage(code_in(error))
    return bool(found != "ok")


def code_in(error: object) -> str:
    """Return SQLite's code of an error, such as SQLITE_BUSY; empty if there is none."""
    return str(getattr(error, "sqlite_errorname", "") or "")


def is_damage(code: str) -> bool:
    """Return whether an SQLite code means a damaged file."""
    return code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))


def may_pass(error: object) -> bool:
    """Return whether an error is the database's (locked, full, damaged), not an invalid value's."""
    return isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError
