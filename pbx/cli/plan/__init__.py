"""Commands for office.toml: check it, prove it, apply it, explain what it does."""
