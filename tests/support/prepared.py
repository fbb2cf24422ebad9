"""What thousands of tests would do again, done once: the commands' tree, and a new database.

typer puts all of the command together at each call, a sixth of a second, and each new database
goes through all migrations. A process does both once; here one process calls a thousand times.
"""

# ruff: noqa: SLF001  # only inside is it known which of both a database is, new or old
from __future__ import annotations

import sqlite3
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer.main
import typer.testing
from sqlalchemy import Engine

from pbx.db import database

_build = typer.main.get_command
_migrate = database._migrate
_trees: weakref.WeakKeyDictionary[typer.Typer, Any] = weakref.WeakKeyDictionary()


def prepare(patch: pytest.MonkeyPatch) -> None:
    """Let typer keep the trees that it has built, and let a new database begin as a copy."""
    patch.setattr(typer.main, "get_command", _tree)
    patch.setattr(typer.testing, "_get_command", _tree)
    patch.setattr(database, "_migrate", _copied)


@contextmanager
def migrations() -> Iterator[None]:
    """Let each new database go through the migrations again, as an office's does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "_migrate", _migrate)
        yield


def _tree(app: typer.Typer) -> Any:
    if app not in _trees:
        _trees[app] = _build(app)
    return _trees[app]


@cache
def _statements(module: Path, schema: str) -> tuple[str, ...]:
    """Return what makes a database that went through these migrations."""
    del module, schema  # what it depends on
    with tempfile.TemporaryDirectory() as folder, migrations():
        path = Path(folder) / "officeline.db"
        database.open_database(path).dispose()
        with closing(sqlite3.connect(path)) as connection:
            dump = tuple(connection.iterdump())
    return tuple(one for one in dump if one not in {"BEGIN TRANSACTION;", "COMMIT;"})


def _copied(engine: Engine, path: Path) -> None:
    """Make an empty database one like it; bring any other up to date as ever."""
    with database.writing(engine, durable=True) as connection:
        is_new = database._version(connection, path) is None
        for statement in _statements(database.MIGRATIONS, database.SCHEMA) if is_new else ():
            connection.exec_driver_sql(statement)
    if not is_new:
        _migrate(engine, path)
