"""The tables of the call log, the messages, and the changes on top of the office's file.

All times are UTC, stored as text that sorts by time, and are read as aware datetimes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import JSON, Dialect, Index, String, UniqueConstraint
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

from routing.model import OverrideKind  # read at run time


def utc_text(at: datetime) -> str:
    """Write an aware instant as UTC text of a fixed width, so that texts sort as times do."""
    if at.tzinfo is None:
        raise ValueError("a time without a zone cannot be stored")
    # not strftime, whose years before 1000 are narrower
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def from_utc_text(text: str) -> datetime:
    """Return the time that `utc_text` wrote."""
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
        # Reports count from these alone, see pbx/db/figures.py.
        Index("call_counted", "started_at", "outcome", "urgency", "acknowledged_at"),
        Index("call_by_caller", "caller", "started_at"),
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
    __table_args__ = (Index("leg_by_person", "person", "started_at", "result"),)

    call: str = Field(primary_key=True, foreign_key="call.id", ondelete="CASCADE")
    channel: str = Field(primary_key=True)
    person: str | None = None
    kind: str | None = None
    started_at: datetime | None = Field(default=None, sa_type=UtcTime)
    answered_at: datetime | None = Field(default=None, sa_type=UtcTime)
    acknowledged_at: datetime | None = Field(default=None, sa_type=UtcTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcTime)
    result: str | None = None


class StoredDecision(SQLModel, table=True):
    """What was decided at one turn; `reasons` is a list of {rule, matched, because}.

    `facts` are what it was decided on, such as the keys and earlier calls.
    """

    __tablename__ = "decision"

    call: str = Field(primary_key=True, foreign_key="call.id", ondelete="CASCADE")
    turn: int = Field(primary_key=True)
    at: datetime = Field(sa_type=UtcTime)
    kind: str
    target: str = ""
    urgency: str | None = None
    reasons: list[dict[str, Any]] = Field(sa_type=JSON)
    facts: dict[str, Any] = Field(sa_type=JSON)


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
    """A patient's message; `recording` is a path relative to the home.

    `call` is not a foreign key, because a message is durable before its call is in the log.
    `due_at` is its timer, null only once it is closed; `reopened_at` is when its follow-up last
    started again. `escalation` may be empty; `stage` is a `routing.follow_up.FollowUpStage`. The
    acknowledgment is kept when the follow-up starts again: only `state` is the current state.
    """

    __tablename__ = "message"
    __table_args__ = (
        Index("message_by_call", "call"),
        Index("message_by_state", "state", "opened_at"),
        Index("message_by_due", "urgency", "due_at"),
        Index("message_by_number", "callback_number"),
        Index("message_by_opening", "urgency", "opened_at"),
    )

    id: str = Field(primary_key=True)
    call: str
    opened_at: datetime = Field(sa_type=UtcTime)
    state: str
    urgency: str
    callback_number: str | None = None
    recording: str | None = None
    flags: list[str] = Field(sa_type=JSON)
    escalation: str | None = None
    owner: str | None = None
    due_at: datetime | None = Field(default=None, sa_type=UtcTime)
    reopened_at: datetime | None = Field(default=None, sa_type=UtcTime)
    stage: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    breached_at: datetime | None = Field(default=None, sa_type=UtcTime)
    delivered_by: str | None = None
    delivered_at: datetime | None = Field(default=None, sa_type=UtcTime)
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = Field(default=None, sa_type=UtcTime)
    called_back_by: str | None = None
    called_back_at: datetime | None = Field(default=None, sa_type=UtcTime)
    closed_by: str | None = None
    closed_at: datetime | None = Field(default=None, sa_type=UtcTime)
    disposition: str | None = None


class MessageEvent(SQLModel, table=True):
    """What happened to a message, in its order; rows are only ever added."""

    __tablename__ = "message_event"
    __table_args__ = (Index("message_event_by_message", "message", "id"),)

    id: int | None = Field(default=None, primary_key=True)
    message: str = Field(foreign_key="message.id")
    at: datetime = Field(sa_type=UtcTime)
    what: str
    person: str | None = None
    detail: dict[str, Any] = Field(sa_type=JSON)


class Attempt(SQLModel, table=True):
    """One call to a person about a message, written before it is dialed.

    Attempts of one round have the same `started_at`; one without a `result` goes on, or was cut off
    by the end of the process. `via` is a contact's name, never a number.
    """

    __tablename__ = "attempt"
    __table_args__ = (
        Index("attempt_by_message", "message", "id"),
        Index("attempt_by_result", "result"),
        Index("attempt_by_person", "person", "started_at", "result"),
    )

    id: int | None = Field(default=None, primary_key=True)
    message: str = Field(foreign_key="message.id")
    person: str
    via: str
    stage: int
    started_at: datetime = Field(sa_type=UtcTime)
    ended_at: datetime | None = Field(default=None, sa_type=UtcTime)
    result: str | None = None


class PlanApplied(SQLModel, table=True):
    """A plan that went live: the file's whole text; the highest `id` runs.

    `ok` is false where somebody overrode objections, and `note` then holds their reason.
    """

    __tablename__ = "plan_applied"
    __table_args__ = (Index("plan_applied_by_hash", "hash"),)

    id: int | None = Field(default=None, primary_key=True)
    hash: str
    applied_at: datetime = Field(sa_type=UtcTime)
    by: str
    note: str = ""
    text: str
    ok: bool = True


class ScheduleOverride(SQLModel, table=True):
    """A bounded change of a schedule, never deleted; see `routing.model.Override`."""

    __tablename__ = "schedule_override"

    id: int | None = Field(default=None, primary_key=True)
    schedule: str
    kind: OverrideKind = Field(sa_type=String)
    person: str | None = None
    instead_of: str | None = None
    start: datetime = Field(sa_type=UtcTime)
    end: datetime = Field(sa_type=UtcTime)
    reason: str = ""
    by: str
    made_at: datetime = Field(sa_type=UtcTime)
    canceled_at: datetime | None = Field(default=None, sa_type=UtcTime)


class HoursChanged(SQLModel, table=True):
    """A bounded change of the hours, never deleted; see `routing.model.HoursChange`."""

    __tablename__ = "hours_change"

    id: int | None = Field(default=None, primary_key=True)
    state: Literal["open", "closed"] = Field(sa_type=String)
    office_hours: str | None = None
    start: datetime = Field(sa_type=UtcTime)
    end: datetime = Field(sa_type=UtcTime)
    reason: str = ""
    by: str
    made_at: datetime = Field(sa_type=UtcTime)
    canceled_at: datetime | None = Field(default=None, sa_type=UtcTime)


class PatientRow(SQLModel, table=True):
    """A patient of the directory; `panel` is the physician whose patient this is."""

    __tablename__ = "patient"

    id: str = Field(primary_key=True)
    name: str
    panel: str | None = None
    flags: list[str] = Field(sa_type=JSON)


class PatientNumber(SQLModel, table=True):
    """A number, E.164, of a patient; a family may share one."""

    __tablename__ = "patient_number"
    __table_args__ = (Index("patient_number_by_patient", "patient"),)

    number: str = Field(primary_key=True)
    patient: str = Field(primary_key=True, foreign_key="patient.id", ondelete="CASCADE")


class PinTries(SQLModel, table=True):
    """Wrong PINs in a row, by person and way; an empty `person` counts those of all strangers."""

    __tablename__ = "pin_tries"

    person: str = Field(primary_key=True)
    way: str = Field(primary_key=True)
    wrong: int
    since: datetime = Field(sa_type=UtcTime)
    last_at: datetime = Field(sa_type=UtcTime)
    locked_at: datetime | None = Field(default=None, sa_type=UtcTime)
