"""The tables of the audit and of retention holds. Their rows are never deleted."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Text
from sqlmodel import Field, SQLModel

from pbx.db.tables import UtcTime


class AuditRow(SQLModel, table=True):
    """One deed, bound to the one before it by `hash`; `pbx.db.audit` alone writes here.

    `at` is UTC text, `detail` a JSON object; nowhere is a phone number or a patient's name.
    """

    __tablename__ = "audit"
    __table_args__ = {"sqlite_strict": True}

    seq: int = Field(primary_key=True)
    at: str = Field(sa_type=Text)
    who: str = Field(sa_type=Text)
    what: str = Field(sa_type=Text)
    about: str = Field(sa_type=Text)
    detail: str = Field(sa_type=Text)
    hash: str = Field(sa_type=Text)


class HoldRow(SQLModel, table=True):
    """A call or message, by its id, that is kept however old it is, until the hold is lifted."""

    __tablename__ = "hold"

    id: int | None = Field(default=None, primary_key=True)
    target: str
    reason: str
    by: str
    made_at: datetime = Field(sa_type=UtcTime)
    lifted_at: datetime | None = Field(default=None, sa_type=UtcTime)
