"""The FastAGI server: it listens on loopback, serves known scripts and limits every wait."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, Coroutine, Mapping

import structlog

from pbx.asterisk.agi.protocol import AgiReader, AgiRequest, ProtocolError
from pbx.asterisk.agi.session import AgiClosed, AgiSession

# A handler that answers immediately returns None, because a task would delay the call by one pass
# of the event loop. A handler that has to wait returns an awaitable, as a coroutine function does.
Handler = Callable[[AgiSession], Awaitable[None] | None]

log = structlog.get_logger()


class AgiServer:
    """Serves `handlers` by script name.

    Deadlines are in seconds: `header_deadline` is the time to receive all headers,
    `question_deadline` the time a handler has to answer (None: as long as the call lasts). Raises
    ValueError if `host` is not a loopback address.
    """

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        header_deadline: float = 2.0,
        question_deadline: float | None = 3.0,
        max_sessions: int = 200,
    ) -> None:
        if not ipaddress.ip_address(host).is_loopback:
            raise ValueError(f"FastAGI has no password and listens on loopback only, not on {host}")
        self.handlers = handlers
        self.header_deadline = header_deadline
        self.question_deadline = question_deadline
        self.max_sessions = max_sessions
        self.connections: set[_Connection] = set()
        self.sessions: set[_Connection] = set()  # those whose headers have arrived
        self.tasks: set[asyncio.Task[None]] = set()  # handlers, which may outlive their connection
        self.closed = False
        self._host = host
        self._port = port
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Start listening; raise OSError if the port is taken."""
        self._server = await asyncio.get_running_loop().create_server(
            lambda: _Connection(self), self._host, self._port, backlog=256
        )

    @property
    def port(self) -> int:
        """Return the TCP port the server listens on."""
        if self._server is None:
            return self._port
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        """Stop listening, close all connections and wait until every task has ended."""
        self.closed = True
        if self._server is not None:
            self._server.close()
        for connection in self.connections:
            connection.end()
        tasks = list(self.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        while self.connections:  # asyncio calls connection_lost one loop pass after abort
            await asyncio.sleep(0)


class _Connection(asyncio.Protocol):
    """One connection from Asterisk.

    After the connection is lost, the handler's next command raises AgiClosed. A handler that is
    busy with something else, such as saving a message, may still finish before its deadline.
    """

    def __init__(self, server: AgiServer) -> None:
        self._server = server
        self._reader = AgiReader()
        self._session: AgiSession | None = None
        self.task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  # always so for TCP
        self._transport = transport
        if self._server.closed:  # accepted just before the server closed
            transport.abort()
        self._server.connections.add(self)
        self._deadline = asyncio.get_running_loop().call_later(
            self._server.header_deadline, self._late
        )

    def data_received(self, data: bytes) -> None:
        try:
            for value in self._reader.feed(data):
                if isinstance(value, AgiRequest):
                    self._begin(value)
                elif self._session is not None:
                    self._session.received(value)
        except ProtocolError as error:
            log.warning("agi.protocol_error", why=str(error))
            if self._session is None:
                self._transport.abort()
            else:
                self._session.fail()
                self._transport.close()

    def eof_received(self) -> None:
        try:
            self._reader.eof()
        except ProtocolError as error:
            log.warning("agi.protocol_error", why=str(error))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # asyncio requires it
        if self.task is None or self.task.done():
            self._deadline.cancel()
        self._server.connections.discard(self)
        self._server.sessions.discard(self)
        if self._session is not None:
            self._session.closed()

    def end(self) -> None:
        """Close the connection immediately."""
        self._transport.abort()

    def _late(self) -> None:
        if self._session is None:
            log.warning("agi.header_deadline")
        else:
            script, unique = self._session.request.script, self._session.request.uniqueid
            log.warning("agi.question_deadline", script=script, call=unique)
            self._session.fail()
        if self.task is not None:
            self.task.cancel()
        self._transport.close()

    def _begin(self, request: AgiRequest) -> None:
        self._deadline.cancel()
        # Count here, not on connect: connections that never send a request must not fill the limit.
        if len(self._server.sessions) >= self._server.max_sessions:
            log.error("agi.too_many_sessions", limit=self._server.max_sessions)
            self._transport.abort()
            return
        self._server.sessions.add(self)
        self._session = AgiSession(request, self._transport)
        handler = self._server.handlers.get(request.script)
        if handler is None:
            log.warning("agi.unknown_script")
            self._session.fail()
            self._finished(self._session)
            return
        try:
            result = handler(self._session)
        except AgiClosed:  # the caller has hung up
            result = None
        except Exception:
            log.exception("agi.handler_failed", script=request.script, call=request.uniqueid)
            self._session.fail()
            result = None
        if result is None:
            self._finished(self._session)
        else:
            loop = asyncio.get_running_loop()
            if self._server.question_deadline is not None:
                self._deadline = loop.call_later(self._server.question_deadline, self._late)
            self.task = loop.create_task(self._handle(result, self._session))
            self._server.tasks.add(self.task)
            self.task.add_done_callback(self._server.tasks.discard)
            if isinstance(result, Coroutine):  # a task canceled at once never starts it
                self.task.add_done_callback(lambda _: result.close())

    async def _handle(self, rest: Awaitable[None], session: AgiSession) -> None:
        try:
            await rest
        except AgiClosed:
            pass
        except Exception:
            request = session.request
            log.exception("agi.handler_failed", script=request.script, call=request.uniqueid)
            session.fail()
        finally:
            self._finished(session)

    def _finished(self, session: AgiSession) -> None:
        self._deadline.cancel()
        if self._transport.is_closing():
            return
        if session.concluded:  # Asterisk closes when it sees our end of stream; if not, we do
            self._deadline = asyncio.get_running_loop().call_later(
                self._server.header_deadline, self._transport.abort
            )
        else:
            self._transport.close()
