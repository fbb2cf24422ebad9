"""Writes records of the call log in one transaction, skipping those that are invalid."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError, StatementError

from pbx.db import call_rows, driver
from pbx.db.database import StoreError, writing
from pbx.db.records import Record

log = structlog.get_logger()


class UnusableError(Exception):
    """The database cannot be written now; a retry may succeed."""


class _BadRecordError(Exception):
    """A record is invalid, so a retry is useless."""


def write_batch(engine: Engine, batch: Sequence[Record], *, durable: bool = False) -> None:
    """Write records in one transaction, or one by one without the invalid ones if any is invalid.

    Raises UnusableError if the database cannot be written; `durable` syncs before returning.
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
                call_rows.write_record(connection, record)
    except StoreError as error:
        cause = getattr(error.__cause__, "orig", None)
        kind = UnusableError if driver.may_pass(cause) else _BadRecordError
        raise kind(driver.code_in(cause) or str(error)) from error
    except StatementError as error:
        raise _BadRecordError(type(error).__name__) from error
    except SQLAlchemyError as error:
        raise UnusableError(type(error).__name__) from error
    except (ValueError, TypeError, AttributeError, LookupError, ArithmeticError) as error:
        raise _BadRecordError(type(error).__name__) from error
