"""The office as it was set up: office.toml, secrets and home, read and checked in one place."""
