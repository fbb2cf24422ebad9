"""The database file: opening, upgrading to this version's schema, and safe transactions.

SQLite in WAL mode: readers never wait for the writer. The log commits with synchronous=NORMAL
(a power cut may cost its last moments), messages with FULL, which is on the disk before it
returns: https://www.sqlite.org/pragma.html#pragma_synchronous
"""

from __future__ import annotations

import contextlib
import os
import stat
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    String,
    column,
    create_engine,
    event,
    inspect,
    select,
    table,
)
from sqlalchemy.exc import DBAPIError

from pbx.base import disk, files
from pbx.base.errors import OfficeLineError
from pbx.base.os_errors import database_sentence, os_sentence
from pbx.db import driver, upgrade

if TYPE_CHECKING:
    from sqlmodel import Session

SCHEMA = "r0001"  # the newest revision below migrations/versions
MIGRATIONS = Path(__file__).parent / "migrations"

_VERSIONS = table("alembic_version", column("version_num", String))
_BEGINS = "officeline_begins"  # the key of the statements that begin a transaction


class StoreError(OfficeLineError):
    """The database cannot be used."""


def open_database(path: Path) -> Engine:
    """Open the database, creating or migrating it; StoreError if it cannot be used."""
    engine: Engine | None = None
    try:
        _touch(path)
        _refuse_read_only(path)
        engine = _engine(path)
        _bring_up_to_date(engine, path)
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
    except OSError as error:
        what, other = f"The database {path} cannot be opened", "name another folder with --home"
        raise StoreError(os_sentence(what, error, path, otherwise=other)) from error
    except DBAPIError as error:
        raise damage_sentence(error, path) from error
    finally:
        if engine is not None:
            engine.dispose()  # only an engine that is returned may keep a connection
    return engine


@contextlib.contextmanager
def writing(engine: Engine, *, durable: bool = False) -> Iterator[Connection]:
    """Run one write transaction, committed at the end; `durable` syncs it to the disk.

    Raises StoreError if the database cannot be used.
    """
    begins = driver.WRITE_DURABLY if durable else driver.WRITE
    try:
        opened = engine.connect().execution_options(**{_BEGINS: begins})
        with opened as connection, connection.begin():
            yield connection
    except DBAPIError as error:
        raise damage_sentence(error, file_of(engine)) from error


def is_writing(connection: Connection) -> bool:
    """Return whether the connection's transactions take the write lock when they begin."""
    return connection.get_execution_options().get(_BEGINS) in {driver.WRITE, driver.WRITE_DURABLY}


@contextlib.contextmanager
def changing(engine: Engine) -> Iterator[Connection]:
    """Run one durable transaction that changes what is applied on top of office.toml.

    It also tells a running daemon to reload.
    """
    with writing(engine, durable=True) as connection:
        yield connection
        driver.count_up(connection)


@contextlib.contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """Open a read-only session; StoreError if the database cannot be used."""
    from sqlmodel import Session

    try:
        with Session(engine) as session:
            yield session
    except DBAPIError as error:
        raise damage_sentence(error, file_of(engine)) from error


def file_of(engine: Engine) -> Path:
    """Return the file that an engine writes to."""
    return Path(engine.url.database or "")


def damage_sentence(error: DBAPIError, path: Path) -> StoreError:
    """Return an error with one sentence on SQLite's problem and what to do."""
    code = driver.code_in(error.orig)
    what, fix = f"cannot be used ({error.orig})", "check the disk and the file's owner"
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        what, fix = "is locked by another program", "close that program and try again"
    elif why := _full(code, path):
        what, fix = f"cannot grow: {why}", "free some space on it and try again"
    elif code.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        what, fix = "cannot be written", "check the owner of the file and its folder, and the disk"
    elif code.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        what, fix = "is damaged or not a database", "move it aside, or restore a backup"
    return StoreError(f"The database {path} {what}; {fix}.")


def _full(code: str, path: Path) -> str | None:
    """Return a sentence on the full disk if SQLite's code may mean that, else None."""
    may_be = code.startswith(("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN"))
    why = disk.trouble(path) if may_be else None
    return why or ("the disk is full" if code.startswith("SQLITE_FULL") else None)


def database_refusal(path: Path) -> str | None:
    """Return why a database cannot be written now; None if it can, or does not exist."""
    if not path.exists():
        return None
    engine = _engine(path)
    try:
        _refuse_read_only(path)
        with writing(engine):
            return None
    except StoreError as error:
        return str(error)
    finally:
        engine.dispose()


def _touch(path: Path) -> None:
    """Create a missing file that only its owner can read, without ever opening an existing one.

    Opening and closing the file would release every POSIX lock that this process holds on it,
    including those of SQLite. Another process could then think it is the last one and delete the
    WAL, and everything that we write afterward, including messages, would be lost:
    https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_
    """
    with contextlib.suppress(FileExistsError):
        os.mknod(path, stat.S_IFREG | 0o600)
        files.sync(path.parent)  # else a power cut could lose the file with a durable message


def _refuse_read_only(path: Path) -> None:
    """Raise now for a read-only file, which SQLite would open and then fail to write to."""
    for place in (path.parent, path):  # the WAL stands beside the file
        if not os.access(place, os.W_OK, effective_ids=True):
            other = "name another folder with --home"
            raise StoreError(database_sentence("cannot be written", path, place, otherwise=other))


def _engine(path: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": driver.BUSY_S},
        pool_timeout=driver.BUSY_S,
        hide_parameters=True,  # an error's text is logged, and parameters hold numbers
    )

    connections: set[driver.Connection] = set()
    weakref.finalize(engine, _close, connections)  # Python does not close them by itself

    @event.listens_for(engine, "close")
    def _closed(connection: driver.Connection, _record: Any) -> None:
        connections.discard(connection)

    @event.listens_for(engine, "connect")
    def _connected(connection: driver.Connection, _record: Any) -> None:
        connections.add(connection)
        driver.set_up(connection)

    @event.listens_for(engine, "begin")
    def _begins(connection: Connection) -> None:
        driver.begin_in(connection, connection.get_execution_options().get(_BEGINS, driver.READ))

    return engine


def _close(connections: set[driver.Connection]) -> None:
    """Close the connections that a discarded engine has left open."""
    while connections:
        connections.pop().close()


def _bring_up_to_date(engine: Engine, path: Path) -> None:
    """Run the missing migrations in one transaction; importing alembic only if there are any."""
    with engine.connect() as connection:
        at_head = _version(connection, path) == SCHEMA
    if not at_head:
        _migrate(engine, path)
    _set_wal(engine)


def _set_wal(engine: Engine) -> None:
    """Set WAL mode if it is off, as in a new file or in a copy made by VACUUM INTO."""
    with engine.connect() as connection:
        if driver.is_wal(connection):
            return
    with engine.connect().execution_options(**{_BEGINS: driver.SET_WAL}) as connection:
        connection.begin()


def _migrate(engine: Engine, path: Path) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    with engine.connect() as connection:
        version = _version(connection, path)
    if version is not None and version not in known:
        raise StoreError(
            f"The database {path} was written by a newer OfficeLine, or by one from before 0.2 "
            f"(schema {version}); install that version again, restore a backup, or name another "
            "folder with --home."
        )
    _set_wal(engine)
    copy: Path | None = None
    try:
        opened = engine.connect().execution_options(**{_BEGINS: driver.UPGRADE})
        with opened as connection, connection.begin():
            version = _version(connection, path)
            if version == SCHEMA:
                return  # another process was faster
            if version is not None:
                copy = upgrade.copy_of(path)  # while nobody can write
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except Exception as error:  # after any error, the transaction is rolled back completely
        if copy is not None:
            copy.unlink(missing_ok=True)
        raise _not_upgraded(error, path, begun=copy is not None) from error
    upgrade.keep_the_last(path)


def _not_upgraded(error: Exception, path: Path, *, begun: bool) -> StoreError:
    """Return the error that says why a database was not upgraded, and what to do."""
    if isinstance(error, StoreError):
        if not isinstance(error.__cause__, DBAPIError):
            return error
        error = error.__cause__
    if not begun and isinstance(error, OSError | driver.Error):
        return StoreError(
            f"Cannot copy the database {path} before its upgrade ({error}); it was left "
            "unchanged. Free up space on its disk and try again."
        )
    code = driver.code_in(getattr(error, "orig", None))
    if isinstance(error, DBAPIError) and not code.startswith(("SQLITE_ERROR", "SQLITE_CONSTRAINT")):
        return damage_sentence(error, path)
    return StoreError(
        f"Cannot upgrade the database {path} to schema {SCHEMA} ({type(error).__name__}); it was "
        "left unchanged. Install the previous version again, and report this error."
    )


def _version(connection: Connection, path: Path) -> str | None:
    """Return the schema's revision; None for an empty database."""
    tables = inspect(connection).get_table_names()
    if not tables:
        return None
    if _VERSIONS.name not in tables:
        raise StoreError(
            f"The database {path} belongs to another program; "
            "move it away, or name another folder with --home."
        )
    found = connection.scalar(select(_VERSIONS.c.version_num))
    return None if found is None else str(found)
