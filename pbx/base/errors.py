"""The errors that people see: one sentence each, saying what is wrong, where, and what to do."""


class OfficeLineError(Exception):
    """Root of every error that is meant for a person; its text is one sentence with its fix.

    The text may repeat a foreign one: what a terminal would obey and not show is taken out of it.
    """

    def __init__(self, text: str) -> None:
        super().__init__("".join(map(_shown, text)))


def _shown(character: str) -> str:
    return character if character.isprintable() or character == "\n" else "\ufffd"


class ConfigError(OfficeLineError):
    """The configuration or the secrets file cannot be used as it stands."""


class EngineError(OfficeLineError):
    """Asterisk cannot be found, fetched, started or reached."""
