"""Commands for people, patients and secrets."""
