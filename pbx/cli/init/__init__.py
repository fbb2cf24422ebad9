"""The command that makes a new office."""
