"""One AGI conversation over a transport: a question, commands and their replies."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping

from pbx.asterisk.agi.protocol import AgiRequest, Hangup, Reply, encode_command, encode_variables


class AgiClosed(Exception):  # noqa: N818  # an end, not a mistake: the peer has gone
    """The conversation is over: the socket closed, or the channel hung up."""


class AgiSession:
    """What a handler talks to; `request` says which channel asks for what."""

    def __init__(self, request: AgiRequest, transport: asyncio.Transport) -> None:
        self.request = request
        self.hung_up = False
        self._transport = transport
        self._waiting: deque[asyncio.Future[Reply]] = deque()
        self._closed = False
        self.concluded = False

    async def command(self, *words: str, timeout: float | None = None) -> Reply:  # noqa: ASYNC109  # the deadline is the reply's, and most callers have one
        """Send one command and return its reply; AgiClosed when nobody is there any more."""
        if self._closed or self.concluded:
            raise AgiClosed
        line = encode_command(*words)  # before anybody waits: a refused command has no reply
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting.append(answer)
        self._transport.write(line)
        async with asyncio.timeout(timeout):
            return await answer

    def conclude(self, variables: Mapping[str, str]) -> None:
        """Set all variables in one command, in order, and end the conversation.

        Command and end of stream leave together: Asterisk executes the line, finds the end and
        goes on in the dialplan without another turn of ours.
        """
        if self._closed or self.concluded:
            raise AgiClosed
        line = encode_variables(variables)  # refused: the session is open, and can still fail
        self.concluded = True
        self._transport.write(line)
        try:
            self._transport.write_eof()
        except OSError as error:  # the caller has hung up, and Asterisk does not listen any more
            raise AgiClosed from error

    def fail(self) -> None:
        """End the conversation so that Asterisk sets AGISTATUS to FAILURE."""
        if not self._closed and not self.concluded:
            self.concluded = True
            self._transport.write(b"failure\n")
            self._transport.write_eof()

    def received(self, value: Reply | Hangup) -> None:
        """Take what the reader made of Asterisk's bytes."""
        if isinstance(value, Hangup):
            self.hung_up = True
        elif self._waiting:
            answer = self._waiting.popleft()
            if not answer.done():
                answer.set_result(value)

    def closed(self) -> None:
        """Take the end of the connection: whoever waits is told."""
        self._closed = True
        for answer in self._waiting:
            if not answer.done():
                answer.set_exception(AgiClosed())
        self._waiting.clear()
