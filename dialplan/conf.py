"""The one encoder of Asterisk's configuration files; nothing can break out of its line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

Options = Mapping[str, object]

_NAME = re.compile(r"[A-Za-z0-9_.+@*/:-]+")


def value(text: object) -> str:
    """Encode one value; raise ValueError for CR, LF and NUL, which would forge a line."""
    line = str(text)
    if any(character in line for character in "\r\n\0"):
        raise ValueError(f"a configuration value cannot hold a line break or NUL: {line!r}")
    return line.replace(";", "\\;")  # a bare semicolon begins a comment


def name(text: str) -> str:
    """Check a section's or option's name; raise ValueError if it has any other character."""
    if not _NAME.fullmatch(text):
        raise ValueError(f"not a name for Asterisk's configuration: {text!r}")
    return text


def section(title: str, options: Options | Iterable[tuple[str, object]] = ()) -> str:
    """Render `[title]` and its `option = value` lines; repeated options come as pairs."""
    pairs = options.items() if isinstance(options, Mapping) else options
    lines = [f"[{name(title)}]", *(f"{key} = {value(text)}" for key, text in pairs)]
    return "\n".join(lines) + "\n"


def join_sections(about: str, *sections: str) -> str:
    """Join sections to a file, under one comment that says what it is for."""
    return f"; {value(about)}\n; Written by OfficeLine at each start; edits here are lost.\n\n" + (
        "\n".join(sections)
    )
