"""AMI wire protocol: panoramisk's protocol with bounded buffers and stricter parsing.

Unlike panoramisk, this class does not: decode partial characters, grow its buffers without limit,
let a later header replace an earlier one that differs only in case (`uniqueid`), close on an event
named Shutdown, resend unanswered actions on the next connection, or let CR and LF through.

A value may contain text that a stranger wrote, including line breaks: Asterisk percent-decodes the
user parts of SIP addresses and does not escape them. So a caller can forge
- every header that Asterisk writes after the caller's value (but none before it, because the first
  header of a name wins),
- the end of the event, which drops the headers after that value, and
- whole events after it, with any name and content.
A caller cannot forge a response or part of a list: those carry the random id of one of our actions,
which never leaves the connection. This module cannot detect the other forgeries. That is why the
dialplan cleans names and numbers before anything else, why manager.conf includes events by name,
and why our UserEvents carry a token.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import cast

from panoramisk.ami_protocol import AMIProtocol

MESSAGE_LIMIT = 64 * 1024  # bytes
LIST_LIMIT = 8 * 1024 * 1024  # bytes: total `weight` of the events in one response
UNANSWERED_LIMIT = 10_000  # actions; far more than any burst of ours, pings included
# Asterisk's limits: 1,025 bytes for a line (inbuf), 128 headers for an action (AST_MAX_MANHEADERS).
LINE_LIMIT = 1022
HEADER_LIMIT = 128
GREETING = "Asterisk Call Manager/"
EOL = b"\r\n"
END = EOL + EOL

_EVENT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")


class AmiUnavailable(Exception):  # noqa: N818  # a condition, not a bug
    """There is no logged-in connection, or it was lost before the response arrived."""


class AmiTimeout(TimeoutError):  # noqa: N818  # named like AmiUnavailable
    """Asterisk did not answer an action in time; the action may or may not have been executed."""


@dataclass(frozen=True)
class AmiEvent:
    """One event; if a header is repeated, in upper or lower case, the first one wins."""

    name: str
    fields: Mapping[str, str]


@dataclass(frozen=True)
class AmiResponse:
    """The response to an action; `events` holds the events of a list, including its last one."""

    ok: bool
    message: str
    fields: Mapping[str, str]
    events: tuple[AmiEvent, ...] = ()


@dataclass
class _Pending:
    """An action whose response is not complete; kept after a timeout to match a late response."""

    answer: asyncio.Future[AmiResponse]
    first: AmiResponse | None = None
    events: list[AmiEvent] = field(default_factory=list)
    weight: int = 0


def weight(event: AmiEvent) -> int:
    """Estimate how much memory an event takes, in bytes."""
    return 100 + sum(100 + len(key) + len(value) for key, value in event.fields.items())


def encode_action(name: str, identity: str, fields: Mapping[str, str | Sequence[str]]) -> bytes:
    """Return one action, encoded; ValueError for CR, LF, NUL or anything over Asterisk's limits."""
    pairs = [("Action", name), ("ActionID", identity)]
    for key, value in fields.items():
        if key.lower() in {"action", "actionid"}:
            raise ValueError(f"an AMI action has its own {key}")
        pairs += [(key, text) for text in ([value] if isinstance(value, str) else value)]
    if len(pairs) > HEADER_LIMIT:
        raise ValueError(f"an AMI action cannot hold more than {HEADER_LIMIT} headers")
    lines = []
    for key, text in pairs:
        if ":" in key or any(character in key + text for character in "\r\n\0"):
            raise ValueError(f"an AMI header cannot hold a line break, NUL, or colon: {key!r}")
        line = f"{key}: {text}".encode()
        if len(line) > LINE_LIMIT:
            raise ValueError(f"an AMI header cannot be longer than {LINE_LIMIT} bytes: {key!r}")
        lines.append(line)
    return EOL.join(lines) + END


def parse_message(data: bytes) -> Mapping[str, str] | None:
    """Return the headers of one message (without its end); None if it is no event or response.

    A message that starts with any other header is the rest of an event that line breaks in a
    caller's value split in two.
    """
    headers: dict[str, str] = {}
    seen: set[str] = set()
    for line in data.decode(errors="replace").split("\r\n"):
        key, colon, value = line.partition(": ")
        if colon and key.lower() not in seen:
            seen.add(key.lower())
            headers[key] = value
    first = next(iter(headers), "")
    if first == "Response" or (first == "Event" and _EVENT_NAME.fullmatch(headers[first])):
        return MappingProxyType(headers)
    return None


class HardenedProtocol(AMIProtocol):  # type: ignore[misc]  # panoramisk has no types
    """One connection: parses events and responses; calls `on_lost` once when it ends."""

    version: str | None
    closed: bool

    def __init__(
        self, on_event: Callable[[AmiEvent], None], on_lost: Callable[[str], None]
    ) -> None:
        self._on_event = on_event
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._pending: dict[str, _Pending] = {}
        self._salt = secrets.token_hex(8)
        self._count = 0
        self.version = None
        self.closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport of the new connection."""
        super().connection_made(transport)
        self._transport = cast("asyncio.Transport", transport)

    def send(
        self, name: str, fields: Mapping[str, str | Sequence[str]]
    ) -> asyncio.Future[AmiResponse]:
        """Send one action and return a future for its response.

        Raises AmiUnavailable if the connection is closed; the future fails with it if the
        connection is lost later.
        """
        if len(self._pending) >= UNANSWERED_LIMIT:
            self.abort(f"Asterisk left {UNANSWERED_LIMIT} actions unanswered")
        if self.closed or self._transport is None:
            raise AmiUnavailable("the connection to Asterisk is closed")
        self._count += 1
        identity = f"{self._salt}-{self._count}"
        encoded = encode_action(name, identity, fields)
        pending = _Pending(asyncio.get_running_loop().create_future())
        self._pending[identity] = pending
        self._transport.write(encoded)
        return pending.answer

    def data_received(self, data: bytes) -> None:
        """Parse bytes, in chunks of any size; a message over the limit ends the connection."""
        unseen = max(0, len(self._buffer) - len(END) + 1)
        self._buffer += data
        if self.version is None:
            if not self._greeted():
                return
            unseen = 0
        while not self.closed and (end := self._buffer.find(END, unseen)) >= 0:
            unseen = 0
            if end > MESSAGE_LIMIT:
                break
            message = parse_message(bytes(self._buffer[:end]))
            del self._buffer[: end + len(END)]
            if message is not None:
                self.handle_message(message)
        # the same limit for any chunking: the buffer may end with all but one byte of END
        if len(self._buffer) >= MESSAGE_LIMIT + len(END):
            self.abort(f"a message of more than {MESSAGE_LIMIT} bytes")

    def _greeted(self) -> bool:
        """Read the greeting, a line with no empty line after it; return whether it arrived."""
        end = self._buffer.find(EOL)
        if end < 0 and len(self._buffer) < LINE_LIMIT + len(EOL):
            return False
        greeting = self._buffer[: max(end, 0)].decode(errors="replace")
        if end > LINE_LIMIT or not greeting.startswith(GREETING):
            self.abort("the program on that port is not Asterisk's manager")
            return False
        self.version = greeting.removeprefix(GREETING)
        del self._buffer[: end + len(EOL)]
        return True

    def handle_message(self, fields: Mapping[str, str]) -> None:
        """Match a response or list event to its action; pass all other events to `on_event`."""
        pending = self._pending.get(fields.get("ActionID", ""))
        if next(iter(fields)) == "Response":  # an OriginateResponse event has it too, but not first
            if pending is not None and pending.first is None:
                self._answer(fields, pending)
            return
        event = AmiEvent(fields["Event"], fields)
        # an event may carry an action's id without belonging to a list: OriginateResponse
        if pending is None or pending.first is None:
            self._on_event(event)
        else:
            self._listed(event, pending, pending.first)

    def _answer(self, fields: Mapping[str, str], pending: _Pending) -> None:
        ok = fields["Response"] in {"Success", "Goodbye"}
        response = AmiResponse(ok, fields.get("Message", ""), fields)
        if ok and fields.get("EventList") == "start":
            pending.first = response
        else:
            self._complete(fields["ActionID"], response)

    def _listed(self, event: AmiEvent, pending: _Pending, first: AmiResponse) -> None:
        if not pending.answer.done():  # once the caller has stopped waiting, drop the list
            pending.events.append(event)
            pending.weight += weight(event)
        if event.fields.get("EventList") in {"Complete", "Cancelled"}:
            response = AmiResponse(first.ok, first.message, first.fields, tuple(pending.events))
            self._complete(event.fields["ActionID"], response)
        elif pending.weight > LIST_LIMIT:
            self.abort("a list of more than we can hold")

    def _complete(self, identity: str, response: AmiResponse) -> None:
        pending = self._pending.pop(identity)
        if not pending.answer.done():
            pending.answer.set_result(response)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail all unanswered actions; none of them is sent again."""
        self.abort(str(exc) if exc else "Asterisk closed the connection")

    def abort(self, why: str) -> None:
        """Close the connection immediately and fail all unanswered actions."""
        if self.closed:
            return
        self.closed = True
        self._buffer.clear()
        if self._transport is not None:
            self._transport.abort()
        for pending in self._pending.values():
            if not pending.answer.done():
                pending.answer.set_exception(AmiUnavailable(why))
                pending.answer.exception()  # mark as retrieved: nobody may be waiting
        self._pending.clear()
        self._on_lost(why)
