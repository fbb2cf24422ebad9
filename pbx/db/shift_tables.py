"""The tables of shifts that begin, beside those of `pbx.db.tables`."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from pbx.db.tables import UtcTime


class ShiftStart(SQLModel, table=True):
    """One person who has to confirm the start of one shift; see `routing.shift_start`."""

    __tablename__ = "shift_start"
    __table_args__ = (
        UniqueConstraint("schedule", "person", "role", "start"),
        Index("shift_start_by_state", "state"),
    )

    id: int | None = Field(default=None, primary_key=True)
    schedule: str
    person: str
    role: str
    start: datetime = Field(sa_type=UtcTime)
    end: datetime | None = Field(default=None, sa_type=UtcTime)
    state: str
    tries: int = 0
    due_at: datetime | None = Field(default=None, sa_type=UtcTime)
    made_at: datetime = Field(sa_type=UtcTime)
    changed_at: datetime = Field(sa_type=UtcTime)
    by: str | None = None
    by_hand: bool = False


class ShiftCall(SQLModel, table=True):
    """One call about the start of a shift; without a `result` it goes on, or was cut off."""

    __tablename__ = "shift_call"
    __table_args__ = (Index("shift_call_by_result", "result"),)

    id: int | None = Field(default=None, primary_key=True)
    shift: int = Field(foreign_key="shift_start.id")
    started_at: datetime = Field(sa_type=UtcTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcTime)
    result: str | None = None
