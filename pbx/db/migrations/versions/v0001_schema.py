"""The whole schema of the first release."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.schema import SchemaItem

revision = "r0001"  # schemas of before 0.2 have no letter
down_revision = None
branch_labels = None
depends_on = None

# REPLACE deletes without a DELETE trigger; that a row must be the next one stops it, too.
_AUDIT_TRIGGERS = (
    """
    CREATE TRIGGER audit_in_order BEFORE INSERT ON audit
    WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM audit)
    BEGIN SELECT RAISE(ABORT, 'audit rows follow one another'); END
    """,
    """
    CREATE TRIGGER audit_never_changed BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'audit rows are never changed'); END
    """,
    """
    CREATE TRIGGER audit_never_deleted BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'audit rows are never deleted'); END
    """,
)


def upgrade() -> None:
    """Create every table, index and trigger."""
    _create_call()
    _create_parts_of_call()
    _create_message()
    _create_parts_of_message()
    _create_changes()
    _create_patients()
    _create_pins()
    _create_audit()
    _create_shifts()
    _create_outbound()


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.Integer(), nullable=False)


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=nullable)


def _times(*names: str, nullable: bool = False) -> list[SchemaItem]:
    return [sa.Column(name, sa.String(27), nullable=nullable) for name in names]


def _texts(*names: str, nullable: bool = False) -> list[SchemaItem]:
    return [sa.Column(name, sa.String(), nullable=nullable) for name in names]


def _json(name: str, *, nullable: bool = False) -> SchemaItem:
    return sa.Column(name, sa.JSON(), nullable=nullable)


def _key(*names: str) -> SchemaItem:
    return sa.PrimaryKeyConstraint(*names)


def _of(table: str, *, cascade: bool = False) -> SchemaItem:
    ondelete = "CASCADE" if cascade else None
    return sa.ForeignKeyConstraint([table], [f"{table}.id"], ondelete=ondelete)


def _create_call() -> None:
    op.create_table(
        "call",
        *_texts("id"),
        *_times("started_at"),
        *_times("answered_at", "acknowledged_at", "ended_at", nullable=True),
        *_texts("line", "did"),
        *_texts("caller", "urgency", "decision", "outcome", "person", nullable=True),
        *_texts("message", "plan", nullable=True),
        _key("id"),
    )
    # Each filter of `calls list` ends in the order that it shows, so that no list is ever sorted.
    op.create_index("call_by_start", "call", ["started_at", "id"])
    op.create_index("call_by_line", "call", ["line", "started_at", "id"])
    op.create_index("call_by_outcome", "call", ["outcome", "started_at", "id"])
    op.create_index("call_by_line_outcome", "call", ["line", "outcome", "started_at", "id"])
    # What reports count is in the index itself, so that no row is looked up.
    counted = ["started_at", "outcome", "urgency", "acknowledged_at"]
    op.create_index("call_counted", "call", counted)
    op.create_index("call_by_caller", "call", ["caller", "started_at"])


def _create_parts_of_call() -> None:
    op.create_table(
        "leg",
        *_texts("call", "channel"),
        *_texts("person", "kind", nullable=True),
        *_times("started_at", "answered_at", "acknowledged_at", "ended_at", nullable=True),
        *_texts("result", nullable=True),
        _key("call", "channel"),
        _of("call", cascade=True),
    )
    op.create_index("leg_by_person", "leg", ["person", "started_at", "result"])
    op.create_table(
        "decision",
        *_texts("call"),
        _number("turn"),
        *_times("at"),
        *_texts("kind", "target"),
        *_texts("urgency", nullable=True),
        _json("reasons"),
        _json("facts"),
        _key("call", "turn"),
        _of("call", cascade=True),
    )
    op.create_table(
        "event",
        _id(),
        *_texts("call"),
        *_times("at"),
        *_texts("what"),
        _json("detail"),
        _key("id"),
        sa.UniqueConstraint("call", "at", "what", "detail", name="event_once"),
        _of("call", cascade=True),
    )


def _create_message() -> None:
    op.create_table(
        "message",
        *_texts("id", "call"),
        *_times("opened_at"),
        *_texts("state", "urgency"),
        *_texts("callback_number", "recording", nullable=True),
        _json("flags"),
        *_times("due_at", "reopened_at", "breached_at", "delivered_at", nullable=True),
        *_times("acknowledged_at", "called_back_at", "closed_at", nullable=True),
        *_texts("escalation", "owner", "delivered_by", "acknowledged_by", nullable=True),
        *_texts("called_back_by", "closed_by", "disposition", nullable=True),
        sa.Column("stage", sa.Integer(), nullable=False, server_default="0"),
        _key("id"),
    )
    op.create_index("message_by_call", "message", ["call"])
    op.create_index("message_by_state", "message", ["state", "opened_at"])
    op.create_index("message_by_due", "message", ["urgency", "due_at"])
    op.create_index("message_by_number", "message", ["callback_number"])
    op.create_index("message_by_opening", "message", ["urgency", "opened_at"])


def _create_parts_of_message() -> None:
    op.create_table(
        "message_event",
        _id(),
        *_texts("message"),
        *_times("at"),
        *_texts("what"),
        *_texts("person", nullable=True),
        _json("detail"),
        _key("id"),
        _of("message"),
    )
    op.create_index("message_event_by_message", "message_event", ["message", "id"])
    op.create_table(
        "attempt",
        _id(),
        *_texts("message", "person", "via"),
        _number("stage"),
        *_times("started_at"),
        *_times("ended_at", nullable=True),
        *_texts("result", nullable=True),
        _key("id"),
        _of("message"),
    )
    op.create_index("attempt_by_message", "attempt", ["message", "id"])
    op.create_index("attempt_by_result", "attempt", ["result"])
    op.create_index("attempt_by_person", "attempt", ["person", "started_at", "result"])


def _create_changes() -> None:
    op.create_table(
        "plan_applied",
        _id(),
        *_texts("hash"),
        *_times("applied_at"),
        *_texts("by", "note", "text"),
        sa.Column("ok", sa.Boolean(), nullable=False),
        _key("id"),
    )
    op.create_index("plan_applied_by_hash", "plan_applied", ["hash"])
    op.create_table(
        "schedule_override",
        _id(),
        *_texts("schedule", "kind"),
        *_texts("person", "instead_of", nullable=True),
        *_bounded(),
    )
    op.create_table(
        "hours_change", _id(), *_texts("state"), *_texts("office_hours", nullable=True), *_bounded()
    )
    op.create_table(
        "hold",
        _id(),
        *_texts("target", "reason", "by"),
        *_times("made_at"),
        *_times("lifted_at", nullable=True),
        _key("id"),
    )


def _bounded() -> tuple[SchemaItem, ...]:
    """List what every bounded change has: its span, and who made it and why."""
    who = (*_texts("reason", "by"), *_times("made_at"))
    return (*_times("start", "end"), *who, *_times("canceled_at", nullable=True), _key("id"))


def _create_patients() -> None:
    op.create_table(
        "patient",
        *_texts("id", "name"),
        *_texts("panel", nullable=True),
        _json("flags"),
        _key("id"),
    )
    op.create_table(
        "patient_number",
        *_texts("number", "patient"),
        _key("number", "patient"),
        _of("patient", cascade=True),
    )
    op.create_index("patient_number_by_patient", "patient_number", ["patient"])


def _create_pins() -> None:
    op.create_table(
        "pin_tries",
        *_texts("person", "way"),
        _number("wrong"),
        *_times("since", "last_at"),
        *_times("locked_at", nullable=True),
        _key("person", "way"),
    )


def _create_audit() -> None:
    texts = ("at", "who", "what", "about", "detail", "hash")
    op.create_table(
        "audit",
        _number("seq"),
        *(sa.Column(name, sa.Text(), nullable=False) for name in texts),
        _key("seq"),
        sqlite_strict=True,
    )
    for trigger in _AUDIT_TRIGGERS:
        op.execute(trigger)


def _create_shifts() -> None:
    op.create_table(
        "shift_start",
        _id(),
        *_texts("schedule", "person", "role"),
        *_times("start"),
        *_times("end", nullable=True),
        *_texts("state"),
        _number("tries"),
        *_times("due_at", nullable=True),
        *_times("made_at", "changed_at"),
        *_texts("by", nullable=True),
        sa.Column("by_hand", sa.Boolean(), nullable=False),
        _key("id"),
        sa.UniqueConstraint("schedule", "person", "role", "start"),
    )
    op.create_index("shift_start_by_state", "shift_start", ["state"])
    op.create_table(
        "shift_call",
        _id(),
        _number("shift"),
        *_times("started_at"),
        *_times("ended_at", nullable=True),
        *_texts("result", nullable=True),
        _key("id"),
        sa.ForeignKeyConstraint(["shift"], ["shift_start.id"]),
    )
    op.create_index("shift_call_by_result", "shift_call", ["result"])


def _create_outbound() -> None:
    op.create_table(
        "outbound_call",
        _id(),
        *_texts("person", "number"),
        *_texts("message", nullable=True),
        *_texts("by"),
        *_times("asked_at"),
        *_texts("state"),
        *_texts("call", nullable=True),
        *_times("placed_at", "answered_at", "ended_at", nullable=True),
        *_texts("result", nullable=True),
        _number("joins", nullable=True),
        _number("size", nullable=True),
        _key("id"),
    )
    op.create_index("outbound_call_by_result", "outbound_call", ["result", "state"])
    op.create_index("outbound_call_by_person", "outbound_call", ["person", "placed_at"])
