"""The call log: calls, legs, decisions, events and messages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _time(name: str, *, nullable: bool = True) -> sa.Column[str]:
    return sa.Column(name, sa.String(27), nullable=nullable)


def _text(name: str, *, nullable: bool = True) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=nullable)


def _of_call() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["call"], ["call.id"], ondelete="CASCADE")


def upgrade() -> None:
    """Create every table and index."""
    _create_call()
    _create_parts()
    _create_message()


def _create_call() -> None:
    op.create_table(
        "call",
        _text("id", nullable=False),
        _time("started_at", nullable=False),
        _time("answered_at"),
        _time("acknowledged_at"),
        _time("ended_at"),
        _text("line", nullable=False),
        _text("did", nullable=False),
        _text("caller"),
        _text("urgency"),
        _text("decision"),
        _text("outcome"),
        _text("person"),
        _text("message"),
        _text("plan"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("call_by_start", "call", ["started_at", "id"])
    op.create_index("call_by_line", "call", ["line", "started_at", "id"])
    op.create_index("call_by_outcome", "call", ["outcome", "started_at", "id"])
    op.create_index("call_by_line_outcome", "call", ["line", "outcome", "started_at", "id"])


def _create_parts() -> None:
    op.create_table(
        "leg",
        _text("call", nullable=False),
        _text("channel", nullable=False),
        _text("person"),
        _text("kind"),
        _time("started_at"),
        _time("answered_at"),
        _time("acknowledged_at"),
        _time("ended_at"),
        _text("result"),
        sa.PrimaryKeyConstraint("call", "channel"),
        _of_call(),
    )
    op.create_table(
        "decision",
        _text("call", nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        _time("at", nullable=False),
        _text("kind", nullable=False),
        _text("target", nullable=False),
        _text("urgency"),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("call", "turn"),
        _of_call(),
    )
    op.create_table(
        "event",
        sa.Column("id", sa.Integer(), nullable=False),
        _text("call", nullable=False),
        _time("at", nullable=False),
        _text("what", nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("call", "at", "what", "detail", name="event_once"),
        _of_call(),
    )


def _create_message() -> None:
    op.create_table(
        "message",
        _text("id", nullable=False),
        _text("call", nullable=False),
        _time("opened_at", nullable=False),
        _text("state", nullable=False),
        _text("urgency", nullable=False),
        _text("callback_number"),
        _text("recording"),
        sa.Column("flags", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("message_by_call", "message", ["call"])
    op.create_index("message_by_state", "message", ["state", "opened_at"])
