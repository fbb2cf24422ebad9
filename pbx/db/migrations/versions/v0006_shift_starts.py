"""Who is to confirm that a shift began, and each call about it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def _time(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(27), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=nullable)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "shift_start",
        sa.Column("id", sa.Integer(), nullable=False),
        *(_text(name) for name in ("schedule", "person", "role")),
        _time("start"),
        _time("end", nullable=True),
        _text("state"),
        sa.Column("tries", sa.Integer(), nullable=False),
        _time("due_at", nullable=True),
        _time("made_at"),
        _time("changed_at"),
        _text("by", nullable=True),
        sa.Column("by_hand", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("schedule", "person", "role", "start"),
    )
    op.create_index("shift_start_by_state", "shift_start", ["state"])
    op.create_table(
        "shift_call",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("shift", sa.Integer(), nullable=False),
        _time("started_at"),
        _time("ended_at", nullable=True),
        _text("result", nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["shift"], ["shift_start.id"]),
    )
    op.create_index("shift_call_by_result", "shift_call", ["result"])
