"""The tables of the call log; all times are UTC, kept as text that sorts, and come back aware."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, Dialect, Index, String, UniqueConstraint
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel


def utc_text(at: datetime) -> str:
    """Write an aware instant as UTC text of a fixed width, so that texts sort as times do."""
    if at.tzinfo is None:
        raise ValueError("a time without a zone cannot be stored")
    # not strftime, whose years before 1000 are narrower
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def from_utc_text(text: str) -> datetime:
    """Read what `utc_text` wrote."""
    return datetime.fromisoformat(text)


class UtcTime(TypeDecorator[datetime]):
    """A column of aware instants; SQLite has no type of its own for them."""

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """Turn an instant into its text."""
        del dialect
        return None if value is None else utc_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        """Turn a text back into an instant."""
        del dialect
        return None if value is None else from_utc_text(value)


class Call(SQLModel, table=True):
    """A call with all its legs; `id` is Asterisk's Linkedid, `caller` E.164 or null (anonymous).

    Records may come out of order: a call that is known by hearsay alone has an empty line and DID,
    and starts with the first thing that was heard of it.
    """

    __tablename__ = "call"
    # Each filter of `calls list` ends in the order that it shows, so that no list is ever sorted.
    __table_args__ = (
        Index("call_by_start", "started_at", "id"),
        Index("call_by_line", "line", "started_at", "id"),
        Index("call_by_outcome", "outcome", "started_at", "id"),
        Index("call_by_line_outcome", "line", "outcome", "started_at", "id"),
    )

    id: str = Field(primary_key=True)
    started_at: datetime = Field(sa_type=UtcTime)
    answered_at: datetime | None = Field(default=None, sa_type=UtcTime)
    acknowledged_at: datetime | None = Field(default=None, sa_type=UtcTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcTime)
    line: str = ""
    did: str = ""
    caller: str | None = None
    urgency: str | None = None
    decision: str | None = None
    outcome: str | None = None
    person: str | None = None
    message: str | None = None
    plan: str | None = None


class Leg(SQLModel, table=True):
    """One attempt to reach a person; never with a number. `channel` is Asterisk's Uniqueid."""

    __tablename__ = "leg"

    call: str = Field(primary_key=True, foreign_key="call.id", ondelete="CASCADE")
    channel: str = Field(primary_key=True)
    person: str | None = None
    kind: str | None = None
    started_at: datetime | None = Field(default=None, sa_type=UtcTime)
    answered_at: datetime | None = Field(default=None, sa_type=UtcTime)
    acknowledged_at: datetime | None = Field(default=None, sa_type=UtcTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcTime)
    result: str | None = None


class Decision(SQLModel, table=True):
    """What was decided at one turn; `reasons` is a list of {rule, matched, because}."""

    __tablename__ = "decision"

    call: str = Field(primary_key=True, foreign_key="call.id", ondelete="CASCADE")
    turn: int = Field(primary_key=True)
    at: datetime = Field(sa_type=UtcTime)
    kind: str
    target: str = ""
    urgency: str | None = None
    reasons: list[dict[str, Any]] = Field(sa_type=JSON)


class Event(SQLModel, table=True):
    """Anything else worth knowing of a call; the same one told twice is one."""

    __tablename__ = "event"
    __table_args__ = (UniqueConstraint("call", "at", "what", "detail", name="event_once"),)

    id: int | None = Field(default=None, primary_key=True)
    call: str = Field(foreign_key="call.id", ondelete="CASCADE")
    at: datetime = Field(sa_type=UtcTime)
    what: str
    detail: dict[str, str] = Field(sa_type=JSON)


class Message(SQLModel, table=True):
    """A patient's matter until it is closed; `recording` is a path below the home.

    `call` is no foreign key: a message is durable before the log hears of its call.
    """

    __tablename__ = "message"
    __table_args__ = (
        Index("message_by_call", "call"),
        Index("message_by_state", "state", "opened_at"),
    )

    id: str = Field(primary_key=True)
    call: str
    opened_at: datetime = Field(sa_type=UtcTime)
    state: str
    urgency: str
    callback_number: str | None = None
    recording: str | None = None
    flags: list[str] = Field(sa_type=JSON)
