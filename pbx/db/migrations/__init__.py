"""The schema's history; alembic reads it through env.py, only when a database is behind."""
