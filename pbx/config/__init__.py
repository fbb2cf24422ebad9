"""An office's configuration: office.toml, the secrets file and the home, read and checked here."""
