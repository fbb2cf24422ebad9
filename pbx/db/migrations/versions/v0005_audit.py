"""The audit: who did what, appended alone, each row bound to the one before it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# REPLACE deletes without a DELETE trigger; that a row must be the next one stops it, too.
_TRIGGERS = (
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
    """Create the table and what keeps it from being changed."""
    texts = ("at", "who", "what", "about", "detail", "hash")
    op.create_table(
        "audit",
        sa.Column("seq", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in texts),
        sa.PrimaryKeyConstraint("seq"),
        sqlite_strict=True,
    )
    for trigger in _TRIGGERS:
        op.execute(trigger)
