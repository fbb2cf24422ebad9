"""The one encoder of Asterisk's configuration files; a value cannot add lines of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

Options = Mapping[str, object]

_NAME = re.compile(r"[A-Za-z0-9_.+@*/:-]+")


def value(text: object) -> str:
    """Return one value encoded; raises ValueError for CR, LF and NUL, which could forge a line."""
    line = str(text)
    if any(character in line for character in "\r\n\0"):
        raise ValueError(f"a configuration value cannot hold a line break or NUL: {line!r}")
    return line.replace(";", "\\;")  # a bare semicolon begins a comment


def name(text: str) -> str:
    """Return the name of a section or option; raises ValueError if a character is not allowed."""
    if not _NAME.fullmatch(text):
        raise ValueError(f"not a name for Asterisk's configuration: {text!r}")
    return text


def section(title: str, options: Options | Iterable[tuple[str, object]] = ()) -> str:
    """Return `[title]` and its `option = value` lines; pass pairs if an option repeats."""
    pairs = options.items() if isinstance(options, Mapping) else options
    lines = [f"[{name(title)}]", *(f"{key} = {value(text)}" for key, text in pairs)]
    return "\n".join(lines) + "\n"


def join_sections(about: str, *sections: str) -> str:
    """Return the text of a file: a comment that says what it is for, then the sections."""
    return f"; {value(about)}\n; Written by OfficeLine at each start; edits here are lost.\n\n" + (
        "\n".join(sections)
    )
