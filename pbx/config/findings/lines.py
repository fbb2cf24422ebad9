"""Find the line of each value in a TOML file, which tomllib does not report."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping

Path = tuple[str | int, ...]

_GAP = re.compile(r"(?:[ \t\r\n,]|#[^\n]*)*")
_BLANK = re.compile(r"[ \t]*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?:"{0,2})'
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}#\n]*")


class Lines:
    """The lines (from 1) of every key, table and element of a text that tomllib can read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.known: Mapping[Path, int] = _Scan(text).lines

    def of(self, path: Path) -> int:
        """Return the line of a value, or of the closest table around it that is in the file."""
        while path and path not in self.known:
            path = path[:-1]
        return self.known.get(path, 1)


class _Scan:
    """One walk over a text; it trusts the text, which tomllib has accepted."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line, self._counted = 1, 0
        self._last: dict[Path, int] = {}  # the latest element of each array of tables
        self.lines: dict[Path, int] = {}
        self._file()

    def _file(self) -> None:
        table: Path = ()
        while (self._skip(_GAP), self._at)[1] < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)

    def _skip(self, pattern: re.Pattern[str]) -> str:
        """Skip what the pattern matches here, and return it."""
        match = pattern.match(self._text, self._at)
        found = match[0] if match else ""
        self._at += len(found)
        return found

    def _mark(self, path: Path) -> None:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        self.lines.setdefault(path, self._line)

    def _header(self) -> Path:
        """Read [a.b] or [[a.b]]; keys of arrays of tables mean their latest element."""
        many = self._text.startswith("[[", self._at)
        self._at += 1 + many
        *parents, last = self._keys()
        table: Path = ()
        for part in parents:
            table = self._inside((*table, part))
            self._mark(table)
        table = (*table, last)
        self._mark(table)
        if many:
            self._last[table] = self._last.get(table, -1) + 1
        table = self._inside(table)
        self._mark(table)
        self._at += 1 + many
        return table

    def _inside(self, path: Path) -> Path:
        return (*path, self._last[path]) if path in self._last else path

    def _keys(self) -> list[str]:
        """Read a key such as a."b.c".d, up to what follows it."""
        keys = []
        while True:
            self._skip(_BLANK)
            quoted = self._skip(_STRING)
            keys.append(_unquoted(quoted) if quoted else self._skip(_BARE))
            self._skip(_BLANK)
            if not self._text.startswith(".", self._at):
                return keys
            self._at += 1

    def _pair(self, table: Path) -> None:
        """Read one key with its value."""
        start = self._at
        keys = self._keys()
        behind, self._at = self._at, start
        for number in range(1, len(keys) + 1):
            self._mark((*table, *keys[:number]))
        self._at = behind + 1  # the equals sign
        self._value((*table, *keys))

    def _value(self, path: Path) -> None:
        self._skip(_BLANK)
        match self._text[self._at : self._at + 1]:
            case "[":
                self._elements(path)
            case "{":
                self._at += 1
                while (self._skip(_GAP), self._text[self._at])[1] != "}":
                    self._pair(path)
                self._at += 1
            case '"' | "'":
                self._skip(_STRING)
            case _:
                self._skip(_SCALAR)

    def _elements(self, path: Path) -> None:
        self._at += 1
        number = 0
        while (self._skip(_GAP), self._text[self._at])[1] != "]":
            self._mark((*path, number))
            self._value((*path, number))
            number += 1
        self._at += 1


def _unquoted(quoted: str) -> str:
    return next(iter(tomllib.loads(f"{quoted} = 0")))
