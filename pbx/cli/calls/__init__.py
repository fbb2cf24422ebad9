"""Commands for calls, past and present."""
