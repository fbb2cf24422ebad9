"""The database's file: created, migrated, refused."""

from __future__ import annotations

import gc
import os
import sqlite3
import subprocess
import sys
import threading
import time
import weakref
import zipfile
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlmodel import SQLModel

from pbx.db import driver, tables
from pbx.db.database import MIGRATIONS, SCHEMA, StoreError, open_database, writing
from tests.support import prepared

ROOT = Path(__file__).parents[3]


def pragma(path: Path, name: str) -> str:
    """Ask a pragma on a connection of an engine of ours."""
    engine = open_database(path)
    with engine.connect() as connection:
        answer = str(connection.exec_driver_sql(f"PRAGMA {name}").scalar())
    engine.dispose()
    return answer


def test_a_new_database_has_the_schema_of_the_tables(tmp_path: Path) -> None:
    """The migrations lead to exactly what the SQLModel tables say."""
    engine = open_database(tmp_path / "officeline.db")
    assert tables.Call.metadata is SQLModel.metadata
    with engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), SQLModel.metadata)
    engine.dispose()
    assert found == []


def test_the_schema_constant_is_the_newest_revision() -> None:
    """The fast path compares with the head that alembic would find."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == SCHEMA


def test_a_second_open_keeps_the_rows_and_leaves_alembic_alone(tmp_path: Path) -> None:
    """A database at head opens without importing alembic."""
    path = tmp_path / "officeline.db"
    engine = open_database(path)
    with writing(engine) as connection:
        connection.execute(
            text("INSERT INTO call (id, started_at, line, did) VALUES ('1', '', '', '')")
        )
    engine.dispose()
    script = """
import sys
from pathlib import Path
from pbx.db.database import open_database
connection = open_database(Path(sys.argv[1])).connect()
print(connection.exec_driver_sql("SELECT id FROM call").scalar(), "alembic" in sys.modules)
"""
    words = [sys.executable, "-c", script, str(path)]
    done = subprocess.run(words, check=True, capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.split() == ["1", "False"]


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    """The database, and what SQLite keeps beside it, have mode 0600, even if they had another."""
    path = tmp_path / "officeline.db"
    old = os.umask(0)
    try:
        engine = open_database(path)
        with writing(engine) as connection:
            connection.execute(text("DELETE FROM call"))
        modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
        engine.dispose()
    finally:
        os.umask(old)
    assert modes == dict.fromkeys(
        ["officeline.db", "officeline.db-wal", "officeline.db-shm"], 0o600
    )
    path.chmod(0o644)
    open_database(path).dispose()
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_log_is_wal_and_messages_are_synced(tmp_path: Path) -> None:
    """Readers never wait, and a durable transaction runs with synchronous=FULL, the others not."""
    path = tmp_path / "officeline.db"
    assert pragma(path, "journal_mode") == "wal"
    assert pragma(path, "foreign_keys") == "1"
    assert pragma(path, "busy_timeout") == "2000"
    engine = open_database(path)
    for durable, level in ((True, 2), (False, 1), (True, 2)):
        with writing(engine, durable=durable) as connection:
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == level
    engine.dispose()


def in_another_process(path: Path, statement: str) -> str:
    """Open the file by SQLite alone elsewhere, run one statement, close, and return its answer."""
    script = (
        "import sqlite3, sys; connection = sqlite3.connect(sys.argv[1]);"
        "print(connection.execute(sys.argv[2]).fetchall()); connection.close()"
    )
    words = [sys.executable, "-c", script, str(path), statement]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


def test_opening_again_takes_no_lock_from_who_has_it_open(tmp_path: Path) -> None:
    """The daemon opens it several times; a command that comes and goes leaves it its WAL."""
    path = tmp_path / "officeline.db"
    first = open_database(path)
    insert = text("INSERT INTO call (id, started_at, line, did) VALUES (:id, '', '', '')")
    with writing(first, durable=True) as connection:
        connection.execute(insert, {"id": "1"})
    open_database(path).dispose()
    assert in_another_process(path, "SELECT id FROM call") == "[('1',)]"
    with writing(first, durable=True) as connection:
        connection.execute(insert, {"id": "2"})
    assert in_another_process(path, "SELECT id FROM call ORDER BY id") == "[('1',), ('2',)]"
    first.dispose()


def test_a_copy_without_wal_gets_it(tmp_path: Path) -> None:
    """VACUUM INTO, which backups are made with, does not copy the journal mode."""
    open_database(tmp_path / "officeline.db").dispose()
    copy = tmp_path / "copy.db"
    with closing(sqlite3.connect(tmp_path / "officeline.db")) as connection:
        connection.execute("VACUUM INTO ?", (str(copy),))
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert pragma(copy, "journal_mode") == "wal"


@pytest.mark.parametrize("durable", [False, True])
def test_a_writer_has_the_lock_from_the_start_and_all_or_nothing(
    tmp_path: Path, *, durable: bool
) -> None:
    """Nobody writes in between, and what fails in the middle leaves nothing."""
    path = tmp_path / "officeline.db"
    engine = open_database(path)
    row = text("INSERT INTO call (id, started_at, line, did) VALUES ('1', '', '', '')")

    def write_twice() -> None:
        with writing(engine, durable=durable) as connection:
            connection.execute(row)
            connection.execute(row)

    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other:
        with writing(engine, durable=durable), pytest.raises(sqlite3.OperationalError):
            other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="UNIQUE"):
            write_twice()
        assert other.execute("SELECT count(*) FROM call").fetchone() == (0,)
    engine.dispose()


def test_an_installed_wheel_brings_its_migrations(tmp_path: Path) -> None:
    """Outside of a checkout, too, a new database gets its tables."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, check=True, cwd=ROOT)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    script = (
        "import sys; from pathlib import Path; from pbx.db import database;"
        "database.open_database(Path(sys.argv[1])).dispose(); print(database.__file__)"
    )
    words = [sys.executable, "-c", script, str(tmp_path / "officeline.db")]
    done = subprocess.run(
        words, check=True, cwd=tmp_path / "installed", capture_output=True, text=True
    )
    assert done.stdout.startswith(str(tmp_path / "installed"))
    assert pragma(tmp_path / "officeline.db", "integrity_check") == "ok"


def test_two_processes_may_create_it_at_once(tmp_path: Path) -> None:
    """Of several that open a new database together, one migrates and all get it."""
    path = tmp_path / "officeline.db"
    script = (
        "import sys; from pathlib import Path; from pbx.db.database import open_database;"
        "open_database(Path(sys.argv[1])).dispose()"
    )
    words = [sys.executable, "-c", script, str(path)]
    running = [
        subprocess.Popen(words, stderr=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(4)
    ]
    for process in running:
        _, complaint = process.communicate(timeout=60)
        assert (process.returncode, complaint) == (0, "")
    assert pragma(path, "integrity_check") == "ok"


def test_an_upgrade_outwaits_another_processes(tmp_path: Path) -> None:
    """The other one may hold the lock for longer than a message would wait."""
    path = tmp_path / "officeline.db"
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("PRAGMA journal_mode=WAL")
        other.execute("BEGIN IMMEDIATE")
        ends = threading.Timer(driver.BUSY_S + 0.5, other.execute, ["ROLLBACK"])
        ends.start()
        with prepared.migrations():
            open_database(path).dispose()
        ends.join()
    assert pragma(path, "integrity_check") == "ok"


def test_an_engine_that_nobody_holds_closes_its_connections(tmp_path: Path) -> None:
    """Python 3.13 complains of a connection that is left open, and a command may end anywhere."""
    engine = open_database(tmp_path / "officeline.db")
    with engine.connect() as connection:
        raw = connection.connection.dbapi_connection
    assert raw is not None
    alive = weakref.ref(engine)
    del engine, connection
    for _ in range(100):  # while another thread collects, `collect` does nothing
        gc.collect()
        if alive() is None:
            break
        time.sleep(0.01)
    with pytest.raises(sqlite3.ProgrammingError, match="closed database"):
        raw.execute("SELECT 1")
