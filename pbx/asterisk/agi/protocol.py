"""AGI wire format: parse what Asterisk sends, encode what we send.

Nothing here opens a socket or reads the clock, and every buffer is bounded.

Asterisk sends a block of `agi_name: value` lines, then one reply for each of our commands; see
res/res_agi.c. A caller's name or number in that block may contain line breaks. Therefore the first
header with a given name wins, and lines that are not AGI headers are dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

LINE_LIMIT = 2048  # bytes
HEADER_LIMIT = 100  # lines
USAGE_LIMIT = 200  # lines of a 520's usage text
# Asterisk's own limits. A longer command line is split, and the rest runs as a separate command.
# With more words, Asterisk writes past the end of its array (both in res_agi.c). With more
# variables, the value of the last one it takes absorbs the rest (pbx_variables.c), including the
# one we always set last to show the dialplan that the verdict is complete.
COMMAND_LIMIT = 8191  # bytes, line break included
WORD_LIMIT = 126
VARIABLE_LIMIT = 98

_HEADER = re.compile(r"(agi_[a-z0-9_]+): ?(.*)")
_REPLY = re.compile(r"(\d{3})[ -]?(.*)")
_RESULT = re.compile(r"result=(\S*)\s*(.*)")
# A variable's value passes through AGI's word parser and the dialplan's argument splitter before
# MSet sees it; one of them would interpret a comma, quote, backslash, bracket or dollar sign.
_PLAIN = re.compile(r"[A-Za-z0-9_+\-./:@&=^|#* ]*")
_NAME = re.compile(r"_{0,2}[A-Za-z][A-Za-z0-9_-]*")


class ProtocolError(Exception):
    """The peer sent something that AGI does not allow, or exceeded one of the limits above."""


@dataclass(frozen=True)
class AgiRequest:
    """The header block: the requested script, the channel and the arguments."""

    headers: Mapping[str, str]
    args: tuple[str, ...] = ()

    @property
    def script(self) -> str:
        """Return the name of the requested script, as in agi://host/script."""
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
        """Return the caller's number as Asterisk reports it; an empty string if unknown."""
        number = self.headers.get("agi_callerid", "")
        return "" if number == "unknown" else number


@dataclass(frozen=True)
class Reply:
    """The reply to a command: 200 with a result, or 510, 511 or 520 with the error in `data`."""

    code: int
    result: str = ""
    data: str = ""


@dataclass(frozen=True)
class Hangup:
    """Asterisk's notice that the channel is gone; commands may still be answered."""


@dataclass
class AgiReader:
    """Parses bytes, in chunks of any size, into one AgiRequest and then replies."""

    _buffer: bytes = b""
    _headers: dict[str, str] | None = field(default_factory=dict)
    _lines: int = 0
    _usage: list[str] | None = None

    def feed(self, data: bytes) -> Iterator[AgiRequest | Reply | Hangup]:
        """Yield each value that `data` completes; raise ProtocolError if it is not valid AGI."""
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
        """Handle end of stream; raise ProtocolError if a line or the headers are cut off."""
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
        assert headers is not None  # noqa: S101  # checked by the only caller
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
        assert usage is not None  # noqa: S101  # checked by the only caller
        if line.startswith("520 "):
            self._usage = None
            return Reply(520, "", "\n".join(usage))
        usage.append(line)
        if len(usage) > USAGE_LIMIT:
            raise ProtocolError(f"a usage text of more than {USAGE_LIMIT} lines")
        return None


def _data(text: str) -> str:
    """Return the text in the parentheses; a variable's value may itself contain parentheses."""
    if not text.startswith("("):
        return text
    return text[1:-1] if text.endswith(")") else text[1:].partition(")")[0]  # "(timeout) endpos=1"


def encode_command(*words: str) -> bytes:
    """Return one command line, encoded.

    Raises ValueError for CR, LF, NUL or a lone surrogate in a word, and for a command that is too
    long. Error messages in this module never repeat the text, which may be a phone number.
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
    except UnicodeEncodeError:  # a lone surrogate is not a character
        raise ValueError("an AGI command can only hold text that UTF-8 can write") from None
    return _bounded(line)


def encode_variables(variables: Mapping[str, str]) -> bytes:
    """Return one command that sets all variables in order; ValueError for an unsafe value."""
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
