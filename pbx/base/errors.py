"""The errors that people see: one sentence each, saying what is wrong, where, and what to do."""


class OfficeLineError(Exception):
    """Base of every error that people see; its text is one sentence that includes the fix.

    The text may quote other programs, so control characters that a terminal would obey are removed.
    """

    def __init__(self, text: str) -> None:
        super().__init__("".join(map(_shown, text)))


def _shown(character: str) -> str:
    return character if character.isprintable() or character == "\n" else "\ufffd"


class ConfigError(OfficeLineError):
    """The configuration or the secrets file cannot be used as it is."""


class EngineError(OfficeLineError):
    """Asterisk cannot be found, fetched, started or reached."""
