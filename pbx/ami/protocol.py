"""AMI on the wire: panoramisk's protocol with its buffers bounded and its promises kept.

What panoramisk does and this does not: decode halves of characters, grow without a bound, replay
unanswered actions on the next connection, let CR and LF through.

A value may hold what a stranger wrote, decoded line breaks included: Asterisk does not escape them.
Nothing here can tell such a forged header or event from a real one; that is why the dialplan cleans
names and numbers first, why events are included by name, why our UserEvents carry a token, and why
the ids of our actions are random.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.message import Message

MESSAGE_LIMIT = 64 * 1024  # bytes
LIST_LIMIT = 10_000  # events in the answer to one action
END = b"\r\n\r\n"


class AmiUnavailable(Exception):  # noqa: N818  # a state of the world, not a mistake
    """There is no logged-in connection, or it was lost before the answer came."""


@dataclass(frozen=True)
class AmiEvent:
    """One event; of a header that came twice the first counts."""

    name: str
    fields: Mapping[str, str]


@dataclass(frozen=True)
class AmiResponse:
    """The answer to an action; `events` are those of a list."""

    ok: bool
    message: str
    fields: Mapping[str, str]
    events: tuple[AmiEvent, ...] = ()


@dataclass
class _Pending:
    answer: asyncio.Future[AmiResponse]
    first: AmiResponse | None = None
    events: list[AmiEvent] = field(default_factory=list)


def encode_action(name: str, identity: str, fields: Mapping[str, str | Sequence[str]]) -> bytes:
    """Encode one action; ValueError for CR, LF and NUL, which would make it two."""
    for key, value in fields.items():
        for text in (key, *([value] if isinstance(value, str) else value)):
            if any(character in text for character in "\r\n\0"):
                raise ValueError(f"an AMI action cannot hold a line break or NUL: {key}")
    return str(Action({"Action": name, "ActionID": identity, **fields})).encode()


class HardenedProtocol(AMIProtocol):  # type: ignore[misc]  # panoramisk has no types
    """One connection: bytes to events and answers; `on_lost` is told once when it ends."""

    version: str | None
    closed: bool

    def __init__(
        self, on_event: Callable[[AmiEvent], None], on_lost: Callable[[str], None]
    ) -> None:
        self._on_event = on_event
        self._on_lost = on_lost
        self._buffer = bytearray()
        self._pending: dict[str, _Pending] = {}
        self._salt = secrets.token_hex(8)
        self._count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        super().connection_made(transport)
        self._transport = cast("asyncio.Transport", transport)

    def send(
        self, name: str, fields: Mapping[str, str | Sequence[str]]
    ) -> asyncio.Future[AmiResponse]:
        """Send one action; the future fails with AmiUnavailable when the connection is lost."""
        if self.closed:
            raise AmiUnavailable
        self._count += 1
        identity = f"{self._salt}-{self._count}"
        encoded = encode_action(name, identity, fields)
        pending = _Pending(asyncio.get_running_loop().create_future())
        self._pending[identity] = pending
        pending.answer.add_done_callback(lambda _: self._pending.pop(identity, None))
        self._transport.write(encoded)
        return pending.answer

    def data_received(self, data: bytes) -> None:
        """Take bytes, however they were cut; a message past the limit ends the connection."""
        self._buffer += data
        if self.version is None:  # the greeting is one line of its own
            greeting, found, rest = bytes(self._buffer).partition(b"\r\n")
            if not found:
                return self._check_bound()
            self.version = greeting.decode(errors="replace").rpartition("/")[2]
            self._buffer = bytearray(rest)
        while (end := self._buffer.find(END)) >= 0:
            text = self._buffer[:end].decode(errors="replace")
            del self._buffer[: end + len(END)]
            message = Message.from_line(text)
            if message is not None:
                self.handle_message(message)
        return self._check_bound()

    def _check_bound(self) -> None:
        if len(self._buffer) > MESSAGE_LIMIT:
            self.abort(f"a message of more than {MESSAGE_LIMIT} bytes")

    def handle_message(self, message: Message) -> None:
        """Give an answer to its action, and everything else to `on_event`."""
        fields = {
            key: value[0] if isinstance(value, list) else str(value)
            for key, value in message.items()
        }
        pending = self._pending.get(fields.get("ActionID", ""))
        if "Response" in fields:
            if pending is not None:
                self._answer(pending, fields)
            return
        event = AmiEvent(fields.get("Event", ""), fields)
        # OriginateResponse bears its action's id, and yet is an event of its own
        if pending is None or pending.first is None:
            self._on_event(event)
            return
        pending.events.append(event)
        if fields.get("EventList") == "Complete" or len(pending.events) > LIST_LIMIT:
            first = pending.first
            complete = AmiResponse(first.ok, first.message, first.fields, tuple(pending.events))
            pending.answer.set_result(complete)

    def _answer(self, pending: _Pending, fields: Mapping[str, str]) -> None:
        response = AmiResponse(
            fields["Response"] in {"Success", "Goodbye"}, fields.get("Message", ""), fields
        )
        if response.ok and fields.get("EventList") == "start":
            pending.first = response
        elif not pending.answer.done():
            pending.answer.set_result(response)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what was asked and not answered; nothing is asked again."""
        self.abort(str(exc) if exc else "Asterisk closed the connection")

    def abort(self, why: str) -> None:
        """End the connection at once."""
        if self.closed:
            return
        self.closed = True
        self._transport.abort()
        for pending in list(self._pending.values()):
            if not pending.answer.done():
                pending.answer.set_exception(AmiUnavailable(why))
                pending.answer.exception()  # marked as seen: the asker may have gone
        self._on_lost(why)
