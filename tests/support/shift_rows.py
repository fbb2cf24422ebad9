"""What the database keeps of shifts that began and of the calls about them, read for tests."""

from __future__ import annotations

from sqlalchemy import Engine, select
from sqlmodel import col

from pbx.db.database import reading
from pbx.db.shift_tables import ShiftCall, ShiftStart


def shift_history(engine: Engine) -> list[ShiftStart]:
    """Read everything that was ever written, the oldest first."""
    with reading(engine) as session:
        return list(session.scalars(select(ShiftStart).order_by(col(ShiftStart.id))))


def shift_calls(engine: Engine) -> list[tuple[str, str | None]]:
    """Read whom each call about the start of a shift was to, and its result, the oldest first."""
    wanted = select(ShiftStart.person, ShiftCall.result).where(  # type: ignore[call-overload]  # SQLModel's columns
        col(ShiftCall.shift) == col(ShiftStart.id)
    )
    with reading(engine) as session:
        return [
            (who, result) for who, result in session.execute(wanted.order_by(col(ShiftCall.id)))
        ]
