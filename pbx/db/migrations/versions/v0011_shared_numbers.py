"""Several patients may share a number, as a family does."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Give the table a key of both, which SQLite can only do by a new one; all rows stay."""
    op.rename_table("patient_number", "patient_number_before")
    op.drop_index("patient_number_by_patient")
    op.create_table(
        "patient_number",
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("patient", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("number", "patient"),
        sa.ForeignKeyConstraint(["patient"], ["patient.id"], ondelete="CASCADE"),
    )
    op.create_index("patient_number_by_patient", "patient_number", ["patient"])
    op.execute("INSERT INTO patient_number SELECT number, patient FROM patient_number_before")
    op.drop_table("patient_number_before")
