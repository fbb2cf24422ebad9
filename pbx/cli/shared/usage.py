"""Turn typer's usage errors into one plain sentence."""

from __future__ import annotations

import re

from pbx.base.errors import OfficeLineError
from pbx.cli.shared.typed import name

# Phrases of typer and its validators, and plain words for them
_WORDS = (
    (r": Value error, ", ": "),
    (r": Input should be a valid integer.*", ": it must be a whole number"),
    (r": Input should be a valid number.*", ": it must be a number"),
    (r": Input should be greater than or equal to ", ": it must be at least "),
    (r": Input should be less than or equal to ", ": it must be at most "),
    (r": Input should be ", ": it must be "),
    (r"'\[(\w+)\]'", r"'\1'"),  # an optional argument
    (r"\. Did you mean (.*)\?$", r" (did you mean \1?)"),
)
_GLOBAL = {"--config": "FILE", "--home": "DIR"}


def sentence(error: Exception) -> str:
    """Return a sentence for a usage error; empty if typer has already printed help."""
    text = " ".join(str(getattr(error, "format_message", error.__str__)()).split()).rstrip(".")
    if not text:
        return ""
    for theirs, ours in _WORDS:
        text = re.sub(theirs, ours, text, count=1)
    context = getattr(error, "ctx", None)
    root = name() if context is None else str(context.find_root().info_name)
    command = root if context is None else context.command_path
    option = getattr(error, "option_name", None)
    if option in _GLOBAL and text.startswith("No such option"):
        given = f"{root} {option} {_GLOBAL[option]} {command.removeprefix(f'{root} ')}"
        return f"{option} must come before the command, as in '{given}'.\n"
    return f"{OfficeLineError(text)}; see '{command} --help'.\n"
