"""From this schema to a next one: all rows come along, and a copy is made before."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, NoReturn

import pytest

from pbx.config.home import Home
from pbx.db import database, upgrade
from pbx.db.database import MIGRATIONS, SCHEMA, StoreError, open_database
from pbx.ops import doctor

Rows = dict[str, list[dict[str, Any]]]
AT = "2026-11-28T07:10:00.000000Z"
NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "r0001"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("call", sa.Column("next", sa.String(), nullable=True))
    {then}
"""
EMPTY = 'op.execute("DELETE FROM decision"); op.execute("{}")'


def make_next(folder: Path, patch: pytest.MonkeyPatch, then: str = "") -> None:
    """Let this be a next version, with one more revision than ours."""
    theirs = folder / "migrations"
    shutil.copytree(MIGRATIONS, theirs)
    (theirs / "versions" / "v0002_next.py").write_text(NEXT.format(then=then))
    patch.setattr(database, "MIGRATIONS", theirs)
    patch.setattr(database, "SCHEMA", "0002")


def filled(path: Path) -> Rows:
    """Make a database with a row in each of its tables; return its rows."""
    open_database(path).dispose()
    with closing(sqlite3.connect(path)) as connection:
        for table in tables(connection):
            fill(connection, table)
        connection.commit()
        return rows(connection)


def schema_of(path: Path) -> str:
    """Read which schema a database has."""
    with closing(sqlite3.connect(path)) as connection:
        (found,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(found)


def tables(connection: sqlite3.Connection) -> list[str]:
    """Name our own tables."""
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return [name for (name,) in names if not name.startswith(("sqlite_", "alembic_"))]


def fill(connection: sqlite3.Connection, table: str) -> None:
    """Put a row into a table: instants, numbers, and a text that all keys share."""
    columns = connection.execute(f"PRAGMA table_info('{table}')").fetchall()
    row: dict[str, str | int] = {}
    for _, name, kind, *_ in columns:
        if kind.startswith(("INT", "FLOAT", "BOOL", "REAL")):
            row[name] = 1
        elif kind in {"VARCHAR(27)", "TEXT(27)"} or name == "at" or name.endswith("_at"):
            row[name] = AT
        else:
            row[name] = "{}" if name in {"detail", "reasons", "facts"} else "one"
    marks = ", ".join("?" for _ in row)
    names = ", ".join(f'"{name}"' for name in row)
    statement = f"INSERT INTO {table} ({names}) VALUES ({marks})"  # noqa: S608  # our own names
    connection.execute(statement, list(row.values()))


def rows(connection: sqlite3.Connection) -> Rows:
    """Read all rows of all tables."""
    connection.row_factory = sqlite3.Row
    return {
        table: [dict(row) for row in connection.execute(f"SELECT * FROM {table}")]  # noqa: S608  # as above
        for table in tables(connection)
    }


def read(path: Path) -> Rows:
    """Read a whole database."""
    with closing(sqlite3.connect(path)) as connection:
        return rows(connection)


def test_an_upgrade_keeps_every_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In each table each column has what it had; the copy is the database as it was."""
    path = tmp_path / "officeline.db"
    before = filled(path)
    assert before
    assert all(len(found) == 1 for found in before.values())
    make_next(tmp_path, monkeypatch)
    open_database(path).dispose()
    after = read(path)
    before["call"][0]["next"] = None
    assert after == before
    assert schema_of(path) == "0002"
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    (copy,) = upgrade.copies(path)
    assert copy.stat().st_mode & 0o777 == 0o600
    del before["call"][0]["next"]
    assert read(copy) == before
    assert schema_of(copy) == SCHEMA


def test_a_new_database_and_one_of_today_need_no_copy(tmp_path: Path) -> None:
    """There is nothing to go back to."""
    path = tmp_path / "officeline.db"
    for _ in range(2):
        open_database(path).dispose()
    assert upgrade.copies(path) == []


def test_what_stands_in_the_wal_is_in_the_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that was killed left its last rows there."""
    path = tmp_path / "officeline.db"
    filled(path)
    make_next(tmp_path, monkeypatch)
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA wal_autocheckpoint=0")
        other.execute("UPDATE call SET caller = '+12125550142'")
        other.commit()
        open_database(path).dispose()
    (copy,) = upgrade.copies(path)
    assert read(copy)["call"][0]["caller"] == "+12125550142"


def test_the_last_two_copies_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each upgrade deletes the older ones."""
    path = tmp_path / "officeline.db"
    for year in (2023, 2024, 2025):
        Path(f"{path}.before-{year}0101-000000").touch()
    filled(path)
    make_next(tmp_path, monkeypatch)
    open_database(path).dispose()
    kept = [one.name for one in upgrade.copies(path)]
    assert len(kept) == 2
    assert kept[0] == "officeline.db.before-20250101-000000"


def test_doctor_tells_of_the_copy(tmp_path: Path) -> None:
    """Whoever wants to go back finds it."""
    copy = Path(f"{Home(tmp_path).database}.before-20250101-000000")
    copy.touch()
    config = Path(__file__).parents[3] / "config" / "office.toml"
    (check,) = [one for one in doctor.examine(config, tmp_path) if one.name == "database"]
    assert check.ok
    assert copy.name in check.detail


@pytest.mark.parametrize(
    "statement", ["SELECT nothing FROM nowhere", "INSERT INTO call VALUES (1)"]
)
def test_a_failed_migration_leaves_all_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    """Half of it was done and is undone; one sentence, no copy, and the former version goes on."""
    path = tmp_path / "officeline.db"
    before = filled(path)
    with monkeypatch.context() as newer:
        make_next(tmp_path, newer, EMPTY.format(statement))
        with pytest.raises(
            StoreError, match=r"^[^\n]*; it was left unchanged\. [^\n]*\.$"
        ) as reported:
            open_database(path)
    assert "schema 0002 (OperationalError)" in str(reported.value)
    assert upgrade.copies(path) == []
    open_database(path).dispose()
    assert read(path) == before


def test_without_room_for_a_copy_nothing_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so, and leaves no half of a copy."""
    path = tmp_path / "officeline.db"
    before = filled(path)
    make_next(tmp_path, monkeypatch)

    def full(_: Path) -> NoReturn:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("pbx.db.upgrade.files.sync", full)
    with pytest.raises(StoreError, match=r"Cannot copy the database .*Free up space"):
        open_database(path)
    assert upgrade.copies(path) == []
    assert read(path) == before
