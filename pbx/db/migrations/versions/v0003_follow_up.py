"""The follow-up: a message's timer, its history, and each attempt to call."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.Integer(), nullable=False)


def _time(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(27), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=nullable)


def _of_message() -> tuple[sa.Column[str], sa.ForeignKeyConstraint]:
    return _text("message"), sa.ForeignKeyConstraint(["message"], ["message.id"])


def upgrade() -> None:
    """Create the tables; every message that is not closed is due from its opening on."""
    times = ("due_at", "reopened_at", "breached_at", "delivered_at", "acknowledged_at")
    for name in (*times, "called_back_at", "closed_at"):
        op.add_column("message", _time(name, nullable=True))
    people = ("owner", "delivered_by", "acknowledged_by", "called_back_by", "closed_by")
    for name in ("escalation", *people, "disposition"):
        op.add_column("message", _text(name, nullable=True))
    stage = sa.Column("stage", sa.Integer(), nullable=False, server_default="0")
    op.add_column("message", stage)
    op.execute("UPDATE message SET due_at = opened_at WHERE state <> 'closed'")
    op.create_index("message_by_due", "message", ["urgency", "due_at"])
    op.create_index("message_by_number", "message", ["callback_number"])
    op.create_table(
        "message_event",
        _id(),
        *_of_message(),
        _time("at"),
        _text("what"),
        _text("person", nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("message_event_by_message", "message_event", ["message", "id"])
    op.create_table(
        "attempt",
        _id(),
        *_of_message(),
        _text("person"),
        _text("via"),
        sa.Column("stage", sa.Integer(), nullable=False),
        _time("started_at"),
        _time("ended_at", nullable=True),
        _text("result", nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("attempt_by_message", "attempt", ["message", "id"])
    op.create_index("attempt_by_result", "attempt", ["result"])
