"""Commands for office.toml: check, prove, apply and explain it."""
