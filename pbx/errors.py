"""The errors that people see: one sentence each, saying what is wrong, where, and what to do."""


class OfficeLineError(Exception):
    """Root of every error that is meant for a person; its text is one sentence with its mend."""


class ConfigError(OfficeLineError):
    """The configuration or the vault cannot be used as it stands."""


class EngineError(OfficeLineError):
    """Asterisk cannot be found, fetched, started or reached."""
