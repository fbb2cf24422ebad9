"""One AGI session over a transport: a request, then commands and their replies."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping

from pbx.asterisk.agi.protocol import AgiRequest, Hangup, Reply, encode_command, encode_variables


class AgiClosed(Exception):  # noqa: N818  # a normal end, not an error
    """The session is over: the connection closed, the caller hung up, or it was concluded."""


class AgiSession:
    """The session a handler works with; `request` holds the script, channel and arguments."""

    def __init__(self, request: AgiRequest, transport: asyncio.Transport) -> None:
        self.request = request
        self.hung_up = False
        self._transport = transport
        self._waiting: deque[asyncio.Future[Reply]] = deque()
        self._closed = False
        self.concluded = False

    async def command(self, *words: str, timeout: float | None = None) -> Reply:  # noqa: ASYNC109  # most callers limit the wait
        """Send one command and return its reply.

        Raises AgiClosed if the session is over, TimeoutError after `timeout` seconds, and
        ValueError for words that cannot be encoded.
        """
        if self._closed or self.concluded:
            raise AgiClosed
        line = encode_command(*words)  # first, as a command it rejects gets no reply
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting.append(answer)
        self._transport.write(line)
        async with asyncio.timeout(timeout):
            return await answer

    def conclude(self, variables: Mapping[str, str]) -> None:
        """Set all variables in one command, in order, and end the session.

        The command and the end of the stream are sent together, so Asterisk sets the variables and
        continues in the dialplan without waiting for us. Raises AgiClosed if the session is over
        or the caller has hung up; after a ValueError the session is still open.
        """
        if self._closed or self.concluded:
            raise AgiClosed
        line = encode_variables(variables)  # if it raises, `fail` can still be called
        self.concluded = True
        self._transport.write(line)
        try:
            self._transport.write_eof()
        except OSError as error:  # the caller hung up, so Asterisk closed its end
            raise AgiClosed from error

    def fail(self) -> None:
        """End the session so that Asterisk sets AGISTATUS to FAILURE."""
        if not self._closed and not self.concluded:
            self.concluded = True
            self._transport.write(b"failure\n")
            self._transport.write_eof()

    def received(self, value: Reply | Hangup) -> None:
        """Handle a reply or a hangup notice that the reader parsed."""
        if isinstance(value, Hangup):
            self.hung_up = True
        elif self._waiting:
            answer = self._waiting.popleft()
            if not answer.done():
                answer.set_result(value)

    def closed(self) -> None:
        """Handle the end of the connection: pending commands raise AgiClosed."""
        self._closed = True
        for answer in self._waiting:
            if not answer.done():
                answer.set_exception(AgiClosed())
        self._waiting.clear()
