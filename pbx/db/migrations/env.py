"""Alembic's entrance: run on the connection that `pbx.db.database` hands over."""

from alembic import context
from sqlmodel import SQLModel

from pbx.db import outbound_tables, shift_tables, tables, trust_tables

ours = (
    tables.Call,
    trust_tables.AuditRow,
    shift_tables.ShiftStart,
    outbound_tables.OutboundCall,
)
for table in ours:
    assert table.metadata is SQLModel.metadata  # noqa: S101  # importing fills the metadata

# SQLite's DDL is transactional once Python's driver leaves transactions alone; the caller began
# one and commits it, so that a migration happens as a whole or not at all.
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
