"""Find or fetch Asterisk, start it without privileges, watch, restart and stop it."""
