"""The database: calls, legs, decisions, events and messages."""
