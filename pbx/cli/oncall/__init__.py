"""Commands for who is on call."""
