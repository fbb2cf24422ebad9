"""Commands for the office's hours."""
