"""Records of the log in one transaction: all that the database would ever take."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError, StatementError

from pbx.db import apply
from pbx.db.database import writing
from pbx.db.records import Record

log = structlog.get_logger()


class UnusableError(Exception):
    """The database cannot be written now; another try may succeed."""


class _BadRecordError(Exception):
    """A record that no database would take."""


def write_batch(engine: Engine, batch: Sequence[Record], *, durable: bool = False) -> None:
    """Write records in one transaction; if one of them is bad, all others one by one.

    UnusableError if the database takes none now; `durable` returns after the disk has them.
    """
    try:
        _transact(engine, batch, durable=durable)
    except _BadRecordError:
        for record in batch:
            try:
                _transact(engine, [record], durable=durable)
            except _BadRecordError as error:
                log.error(  # noqa: TRY400  # a traceback may show the record, and numbers in it
                    "calllog.record_dropped",
                    record=type(record).__name__,
                    call=record.call,
                    error=str(error),
                )


def _transact(engine: Engine, batch: Sequence[Record], *, durable: bool) -> None:
    try:
        with writing(engine, durable=durable) as connection:
            for record in batch:
                apply.write_record(connection, record)
    except SQLAlchemyError as error:
        raise (UnusableError if _may_pass(error) else _BadRecordError)(_kind(error)) from error
    except (ValueError, TypeError, AttributeError, LookupError, ArithmeticError) as error:
        raise _BadRecordError(type(error).__name__) from error


def _may_pass(error: SQLAlchemyError) -> bool:
    """Tell a database in trouble (locked, full, damaged) from a value that it refuses for good."""
    if not isinstance(error, DBAPIError):
        return not isinstance(error, StatementError)
    return isinstance(error.orig, sqlite3.OperationalError) or type(error.orig) is (
        sqlite3.DatabaseError
    )


def _kind(error: SQLAlchemyError) -> str:
    name = getattr(getattr(error, "orig", None), "sqlite_errorname", None)
    return str(name or type(error).__name__)
