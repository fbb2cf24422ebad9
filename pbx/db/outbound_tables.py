"""The table of calls that the office places to patients."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from pbx.db.tables import UtcTime


class OutboundCall(SQLModel, table=True):
    """A call to a patient that somebody asked for; `number` is the patient's, E.164.

    `by` is a user of this machine who gave the command, empty where it was asked for by telephone.
    `call` is the Linkedid of the person's own leg, and `placed_at` when the patient was dialed:
    from then on it counts. While `result` is null the call is not over. `joins` and `size` say how
    much of the message the person had heard by then: see `pbx.escalation.words`.
    """

    __tablename__ = "outbound_call"
    __table_args__ = (
        Index("outbound_call_by_result", "result", "state"),
        Index("outbound_call_by_person", "person", "placed_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    person: str
    number: str
    message: str | None = None
    by: str = ""
    asked_at: datetime = Field(sa_type=UtcTime)
    state: str
    call: str | None = None
    placed_at: datetime | None = Field(default=None, sa_type=UtcTime)
    answered_at: datetime | None = Field(default=None, sa_type=UtcTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcTime)
    result: str | None = None
    joins: int | None = None
    size: int | None = None
