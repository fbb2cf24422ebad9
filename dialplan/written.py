"""Parses Asterisk's configuration files as they are on the disk."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_SECTION = re.compile(r"\[([^\]]+)\]")
_COMMENT = re.compile(r"(?<!\\);.*")


@dataclass(frozen=True)
class Section:
    """One `[title]` with its options in order; several sections may share a title."""

    title: str
    options: tuple[tuple[str, str], ...]

    def all(self, key: str) -> tuple[str, ...]:
        """Return every value of an option."""
        return tuple(value for name, value in self.options if name == key)

    def get(self, key: str) -> str:
        """Return an option's last value, which Asterisk uses; empty if there is none."""
        return (self.all(key) or ("",))[-1]


@dataclass(frozen=True)
class Written:
    """The files of one Asterisk: file names mapped to texts."""

    files: Mapping[str, str]

    def text(self, file: str) -> str:
        """Return a file's text; empty if there is no such file."""
        return self.files.get(file, "")

    def sections(self, file: str, kind: str | None = None) -> list[Section]:
        """Return a file's sections, limited to one `type` if `kind` is given."""
        found = list(_sections(self.text(file)))
        return [one for one in found if kind is None or one.get("type") == kind]

    def get(self, file: str, title: str, key: str) -> str:
        """Return one option's value; empty if it is not there."""
        values = [one.get(key) for one in self.sections(file) if one.title == title]
        return next((value for value in reversed(values) if value), "")


def _sections(text: str) -> Iterator[Section]:
    title: str | None = None
    options: list[tuple[str, str]] = []
    for raw in text.splitlines():
        line = _COMMENT.sub("", raw).strip()
        if header := _SECTION.match(line):
            if title is not None:
                yield Section(title, tuple(options))
            title, options = header[1], []
        elif "=" in line:
            key, _, value = line.partition("=>" if "=>" in line else "=")
            if "(" in key:  # eventfilter(action(include),name(Hangup)) = ...
                key = line.rpartition("=")[0]
            options.append((key.strip(), value.strip().replace("\\;", ";")))
    if title is not None:
        yield Section(title, tuple(options))
