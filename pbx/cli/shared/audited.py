"""What commands do and show, written into the audit before they do it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime

from pbx.cli.shared.context import Context, whoever


@contextlib.contextmanager
def deed(place: Context, what: str, about: str = "", **detail: object) -> Iterator[None]:
    """Write down who does something outside of the database; StoreError before it is done."""
    from pbx.db import audit

    engine = place.database()
    try:
        now = datetime.now(UTC)
        with audit.deed(engine, what, by=whoever(), now=now, about=about, detail=detail):
            yield
    finally:
        engine.dispose()


def recorded(place: Context, what: str, about: str = "", **detail: object) -> None:
    """Write down what is shown next; StoreError if that cannot be, and nothing is shown."""
    with deed(place, what, about, **detail):
        pass


def revealing(place: Context, command: str, about: str = "", *, reveal: bool) -> bool:
    """Write down who looks at whole numbers, if anybody does; tell whether."""
    if reveal:
        recorded(place, "numbers.revealed", about, command=command)
    return reveal
