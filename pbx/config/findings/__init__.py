"""Find everything that is wrong with an office.toml; docs/findings.md lists the codes."""
