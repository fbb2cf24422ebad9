"""AGI on the wire: bytes in, values out; no socket, no clock, every buffer bounded.

Asterisk sends a block of `agi_name: value` lines, then one reply for each command of ours; see
res/res_agi.c. A caller's name or number may stand in the block with line breaks in it, so the first
header of a name counts and lines that are no header of AGI are dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

LINE_LIMIT = 2048  # bytes
HEADER_LIMIT = 100  # lines
USAGE_LIMIT = 200  # lines of a 520's usage text
# What Asterisk holds of ours. Past the first it runs the rest of a line as a command of its own,
# past the second it writes beyond its array (res_agi.c), past the third the last variable swallows
# the others (pbx_variables.c), the proof of the verdict with them.
COMMAND_LIMIT = 8191  # bytes, line break included
WORD_LIMIT = 126
VARIABLE_LIMIT = 98

_HEADER = re.compile(r"(agi_[a-z0-9_]+): ?(.*)")
_REPLY = re.compile(r"(\d{3})[ -]?(.*)")
_RESULT = re.compile(r"result=(\S*)\s*(.*)")
# A variable's value reaches MSet through AGI's word parser and the argument splitter: a comma,
# quote, backslash, bracket or dollar would be read by one of them.
_PLAIN = re.compile(r"[A-Za-z0-9_+\-./:@&=^|#* ]*")
_NAME = re.compile(r"_{0,2}[A-Za-z][A-Za-z0-9_-]*")


class ProtocolError(Exception):
    """The peer sent what AGI does not allow, or more than we hold."""


@dataclass(frozen=True)
class AgiRequest:
    """The header block: which script is asked for, about which channel, with which arguments."""

    headers: Mapping[str, str]
    args: tuple[str, ...] = ()

    @property
    def script(self) -> str:
        """Name the script, as in agi://host/script."""
        return self.headers.get("agi_network_script", "")

    @property
    def uniqueid(self) -> str:
        """Return the channel's Uniqueid."""
        return self.headers.get("agi_uniqueid", "")

    @property
    def channel(self) -> str:
        """Return the channel's name."""
        return self.headers.get("agi_channel", "")

    @property
    def callerid(self) -> str:
        """Return the caller's number as Asterisk has it, or an empty text when unknown."""
        number = self.headers.get("agi_callerid", "")
        return "" if number == "unknown" else number


@dataclass(frozen=True)
class Reply:
    """An answer to a command: 200 with a result, or 510, 511, 520 with a complaint in `data`."""

    code: int
    result: str = ""
    data: str = ""


@dataclass(frozen=True)
class Hangup:
    """Asterisk's notice that the channel is gone; commands may still be answered."""


@dataclass
class AgiReader:
    """Turns bytes into one AgiRequest and then replies, however they were cut."""

    _buffer: bytes = b""
    _headers: dict[str, str] | None = field(default_factory=dict)
    _lines: int = 0
    _usage: list[str] | None = None

    def feed(self, data: bytes) -> Iterator[AgiRequest | Reply | Hangup]:
        """Take bytes and yield what they complete; ProtocolError if a bound is passed."""
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            if len(line) > LINE_LIMIT:
                raise ProtocolError(f"a line of {len(line)} bytes")
            value = self._line(line.decode(errors="replace").rstrip("\r"))
            if value is not None:
                yield value
        if len(self._buffer) > LINE_LIMIT:
            raise ProtocolError(f"a line of more than {LINE_LIMIT} bytes")

    def eof(self) -> None:
        """Tell the end of the stream; ProtocolError if it came in the middle of something."""
        if self._buffer:
            raise ProtocolError("the stream ended in the middle of a line")
        if self._headers:
            raise ProtocolError("the stream ended in the middle of the headers")

    def _line(self, line: str) -> AgiRequest | Reply | Hangup | None:
        if self._headers is not None:
            return self._header(line)
        if self._usage is not None:
            return self._usage_line(line)
        if line.startswith("HANGUP"):
            return Hangup()
        return self._reply(line)

    def _reply(self, line: str) -> Reply | None:
        match = _REPLY.fullmatch(line)
        if match is None:
            raise ProtocolError("a line that is no reply")
        code, rest = int(match[1]), match[2]
        if code == 100:  # noqa: PLR2004  # "trying": the real reply follows
            return None
        if code == 520 and line[3:4] == "-":  # noqa: PLR2004  # usage, many lines
            self._usage = [rest]
            return None
        result = _RESULT.fullmatch(rest) if code == 200 else None  # noqa: PLR2004
        if result is None:
            return Reply(code, "", rest)
        return Reply(code, result[1], _data(result[2]))

    def _header(self, line: str) -> AgiRequest | None:
        headers = self._headers
        assert headers is not None  # noqa: S101  # the only caller looked
        if line == "":
            self._headers = None
            args: list[str] = []
            while (argument := headers.get(f"agi_arg_{len(args) + 1}")) is not None:
                args.append(argument)
            return AgiRequest(headers, tuple(args))
        self._lines += 1
        if self._lines > HEADER_LIMIT:
            raise ProtocolError(f"more than {HEADER_LIMIT} header lines")
        match = _HEADER.fullmatch(line)
        if match is not None:
            headers.setdefault(match[1], match[2])
        return None

    def _usage_line(self, line: str) -> Reply | None:
        usage = self._usage
        assert usage is not None  # noqa: S101  # the only caller looked
        if line.startswith("520 "):
            self._usage = None
            return Reply(520, "", "\n".join(usage))
        usage.append(line)
        if len(usage) > USAGE_LIMIT:
            raise ProtocolError(f"a usage text of more than {USAGE_LIMIT} lines")
        return None


def _data(text: str) -> str:
    """Take what stands in the parentheses; a variable's value may hold parentheses of its own."""
    if not text.startswith("("):
        return text
    return text[1:-1] if text.endswith(")") else text[1:].partition(")")[0]  # "(timeout) endpos=1"


def encode_command(*words: str) -> bytes:
    """Encode one command line; ValueError for CR, LF, NUL and what is no text, and for too much.

    Like all errors here it does not repeat the text: that may be somebody's number.
    """
    if len(words) > WORD_LIMIT:
        raise ValueError(f"an AGI command of {len(words)} words, more than {WORD_LIMIT}")
    encoded = []
    for word in words:
        if any(character in word for character in "\r\n\0"):
            raise ValueError("an AGI command cannot hold a line break or NUL")
        escaped = word.replace("\\", "\\\\").replace('"', '\\"')
        encoded.append(f'"{escaped}"' if not word or re.search(r'[\s"\\]', word) else word)
    try:
        line = (" ".join(encoded) + "\n").encode()
    except UnicodeEncodeError:  # a lone surrogate, which is no character
        raise ValueError("an AGI command can only hold text that UTF-8 can write") from None
    return _bounded(line)


def encode_variables(variables: Mapping[str, str]) -> bytes:
    """Encode one command that sets all variables in their order; ValueError for a risky value."""
    if not 0 < len(variables) <= VARIABLE_LIMIT:
        raise ValueError(f"{len(variables)} variables, not 1 to {VARIABLE_LIMIT}")
    pairs = []
    for name, text in variables.items():
        if not _NAME.fullmatch(name):
            raise ValueError(f"not a name for a channel variable: {name!r}")
        if not _PLAIN.fullmatch(text):
            raise ValueError(f"not a plain value for {name}")
        pairs.append(f"{name}={text}")
    return _bounded(f'EXEC MSet "{",".join(pairs)}"\n'.encode())


def _bounded(line: bytes) -> bytes:
    if len(line) > COMMAND_LIMIT:
        raise ValueError(f"an AGI command of {len(line)} bytes, more than {COMMAND_LIMIT}")
    return line
