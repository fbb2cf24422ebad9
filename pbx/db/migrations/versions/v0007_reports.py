"""Indexes for reports: what they count is in the index itself, so that no row is looked up."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the indexes; a million calls take some seconds, once."""
    counted = ["started_at", "outcome", "urgency", "acknowledged_at"]
    op.create_index("call_counted", "call", counted)
    op.create_index("call_by_caller", "call", ["caller", "started_at"])
    op.create_index("leg_by_person", "leg", ["person", "started_at", "result"])
    op.create_index("attempt_by_person", "attempt", ["person", "started_at", "result"])
    op.create_index("message_by_opening", "message", ["urgency", "opened_at"])
