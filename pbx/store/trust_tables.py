"""The tables that say who did what; rows of the audit are only ever added."""

from __future__ import annotations

from sqlalchemy import Text
from sqlmodel import Field, SQLModel


class AuditRow(SQLModel, table=True):
    """One deed, bound to the one before it by `hash`; `pbx.store.audit` alone writes here.

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
