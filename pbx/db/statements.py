"""Building blocks of statements, and the only module that uses SQLite's dialect.

Statements are written over the tables themselves, not over the mapped classes: what is written by
them is then the same for whoever reads the source, and costs half of what the mapping would.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    CursorResult,
    Dialect,
    Integer,
    Table,
    case,
    cast,
    func,
)
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.sql.dml import UpdateBase
from sqlmodel import SQLModel

from pbx.db import driver

__all__ = ["Prepared", "earlier_of", "hidden", "insert", "new_id", "seconds_between", "table_of"]

Place = tuple[str | None, Any, Callable[[Any], Any] | None]


def table_of(model: type[SQLModel]) -> Table:
    """Return the table of a model."""
    return SQLModel.metadata.tables[str(model.__tablename__)]


def new_id(made: CursorResult[Any]) -> int:
    """Return the id that a row got when it was inserted."""
    (found,) = made.inserted_primary_key or (0,)
    return int(found)


def earlier_of(kept: ColumnElement[Any], new: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the earlier of two times; `kept` may be null."""
    return case((kept <= new, kept), else_=new)


def hidden(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the column so that SQLite does not use its index, where another index is better."""
    return func.coalesce(column, column)


def seconds_between(start: ColumnElement[Any], end: ColumnElement[Any]) -> ColumnElement[int]:
    """Return the whole seconds between two times."""
    days = func.julianday(end) - func.julianday(start)
    return cast(func.round(days * 86400), Integer)


class Prepared:
    """A statement that is compiled once, for what runs hundreds of times a second.

    SQLAlchemy's own handling of a statement costs as much as the database's, each time that it
    runs. Values are turned into the database's by their columns' types, as ever; None is null.
    """

    def __init__(self, statement: UpdateBase) -> None:
        self._statement = statement
        self._made: tuple[str, list[Place]] | None = None

    def run(self, connection: Connection, values: Mapping[str, Any]) -> CursorResult[Any]:
        """Execute the statement; a value that its column cannot hold is a ValueError."""
        text, places = self._made = self._made or self._make(connection.dialect)
        found = []
        for name, constant, process in places:
            value = constant if name is None else values[name]
            found.append(value if process is None or value is None else process(value))
        return driver.run_compiled(connection, text, tuple(found))

    def _make(self, dialect: Dialect) -> tuple[str, list[Place]]:
        made = self._statement.compile(dialect=dialect)
        places: list[Place] = []
        for name in made.positiontup or ():
            bind = made.binds[name]
            process = bind.type.dialect_impl(dialect).bind_processor(dialect)
            places.append((name if bind.required else None, bind.value, process))
        return str(made), places
