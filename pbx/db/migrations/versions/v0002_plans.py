"""What stands beside the file: applied plans, overrides, changed hours, patients; kept facts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.Integer(), nullable=False)


def _time(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(27), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=nullable)


def upgrade() -> None:
    """Create the tables, and give a decision its facts."""
    op.add_column("decision", sa.Column("facts", sa.JSON(), nullable=True))
    op.create_table(
        "plan_applied",
        _id(),
        _text("hash"),
        _time("applied_at"),
        _text("by"),
        _text("note"),
        _text("text"),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("plan_applied_by_hash", "plan_applied", ["hash"])
    _create_changes()
    _create_patients()


def _create_changes() -> None:
    op.create_table(
        "schedule_override",
        _id(),
        _text("schedule"),
        _text("kind"),
        _text("person", nullable=True),
        _text("instead_of", nullable=True),
        *_bounded(),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "hours_change",
        _id(),
        _text("state"),
        _text("office_hours", nullable=True),
        *_bounded(),
        sa.PrimaryKeyConstraint("id"),
    )


def _bounded() -> tuple[sa.Column[str], ...]:
    """List what every change has: its span, and who made it and why."""
    return (
        _time("start"),
        _time("end"),
        _text("reason"),
        _text("by"),
        _time("made_at"),
        _time("canceled_at", nullable=True),
    )


def _create_patients() -> None:
    op.create_table(
        "patient",
        _text("id"),
        _text("name"),
        _text("panel", nullable=True),
        sa.Column("flags", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "patient_number",
        _text("number"),
        _text("patient"),
        sa.PrimaryKeyConstraint("number"),
        sa.ForeignKeyConstraint(["patient"], ["patient.id"], ondelete="CASCADE"),
    )
    op.create_index("patient_number_by_patient", "patient_number", ["patient"])
