"""Record in the audit what commands do or show, before they do it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime

from pbx.cli.shared.context import Context, whoever


@contextlib.contextmanager
def deed(place: Context, what: str, about: str = "", **detail: object) -> Iterator[None]:
    """Record a change outside of the database before it is made; StoreError if that fails."""
    from pbx.db import audit

    engine = place.database()
    try:
        now = datetime.now(UTC)
        with audit.deed(engine, what, by=whoever(), now=now, about=about, detail=detail):
            yield
    finally:
        engine.dispose()


def recorded(place: Context, what: str, about: str = "", **detail: object) -> None:
    """Record what is about to be shown; StoreError if that fails, so that nothing is shown."""
    with deed(place, what, about, **detail):
        pass


def revealing(place: Context, command: str, about: str = "", *, reveal: bool) -> bool:
    """If `reveal`, record who looks at full phone numbers; return `reveal`."""
    if reveal:
        recorded(place, "numbers.revealed", about, command=command)
    return reveal
