"""Everything that is wrong with an office.toml, found at once; docs/findings.md lists the codes."""
