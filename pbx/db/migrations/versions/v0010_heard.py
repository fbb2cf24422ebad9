"""How much of a message was heard before its patient was called."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; of earlier calls nobody knows."""
    for name in ("joins", "size"):
        op.add_column("outbound_call", sa.Column(name, sa.Integer(), nullable=True))
