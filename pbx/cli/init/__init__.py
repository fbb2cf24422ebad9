"""The command that sets up an office."""
