"""office.toml: read, checked, made into a plan, and written where a command changes it."""
