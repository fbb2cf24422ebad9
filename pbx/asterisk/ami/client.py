"""The AMI client: logs in, delivers events in order and reconnects after every loss."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import random
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

import structlog

from pbx.asterisk.ami.lanes import log_failure
from pbx.asterisk.ami.protocol import (
    AmiEvent,
    AmiResponse,
    AmiTimeout,
    AmiUnavailable,
    HardenedProtocol,
    weight,
)
from pbx.base.errors import OfficeLineError
from pbx.base.pauses import Pauses

__all__ = ["AmiAuthError", "AmiClient", "AmiEvent", "AmiResponse", "AmiTimeout", "AmiUnavailable"]

WRONG_PASSWORD = "Authentication failed"  # noqa: S105  # Asterisk's message, not a secret
BOOTED = "FullyBooted"  # sent at login, or once startup ends, to users who may read `system`
BOOT_S = 8.0  # seconds; usually under one. After that, continue without the event
QUEUE_LIMIT = 16 * 1024 * 1024  # bytes: total `weight` of the queued events

OnEvent = Callable[[AmiEvent], Awaitable[None] | None]
OnResync = Callable[["AmiClient"], Awaitable[None]]

log = structlog.get_logger()


class AmiAuthError(OfficeLineError):
    """Asterisk rejected our user name or password; retrying would not help."""


async def _nothing(_client: AmiClient) -> None:
    """Do nothing: the default resync."""


class AmiClient:
    """Keeps one connection to Asterisk's manager while `run` runs.

    `run` calls `on_resync` after each connect, once Asterisk has fully booted (an Originate sent
    earlier fails at once, as if nobody could be reached), then `on_event` for each event in order.
    Events received before a connection was lost are still delivered before the next attempt, for
    at most `action_timeout`. Exceptions from either callback are logged and the connection stays
    up, except that it is dropped when Asterisk does not answer during the resync.

    Timeouts and intervals are in seconds; `backoff` is the first and the longest pause between
    attempts. If more than `queue_size` events are queued, the connection is dropped, so that the
    next one starts with a resync, and `on_overflow` is called. `keep` names the event fields to
    store (default: all), as a burst of calls can queue thousands of events of forty fields each.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        username: str,
        secret: str,
        on_overflow: Callable[[], None] | None = None,
        ping_interval: float = 5.0,
        ping_timeout: float = 3.0,
        action_timeout: float = 5.0,
        backoff: tuple[float, float] = (0.2, 10.0),
        queue_size: int = 10_000,
        keep: Collection[str] | None = None,
    ) -> None:
        self._address = (host, port)
        self._username = username
        self._secret = secret
        self._on_overflow = on_overflow
        self._ping_interval = ping_interval
        self._ping_timeout = ping_timeout
        self._action_timeout = action_timeout
        self._backoff = backoff
        self._queue_size = queue_size
        self._keep = keep
        self._protocol: HardenedProtocol | None = None
        self._connected = asyncio.Event()

    @property
    def port(self) -> int:
        """Return the TCP port of Asterisk's manager."""
        return self._address[1]

    @property
    def connected(self) -> bool:
        """Return whether the client is logged in and has finished its resync."""
        return self._connected.is_set()

    async def wait_connected(self, timeout: float) -> None:  # noqa: ASYNC109  # public API
        """Wait until connected; raise TimeoutError after `timeout` seconds."""
        async with asyncio.timeout(timeout):
            await self._connected.wait()

    async def action(self, name: str, **fields: str | Sequence[str]) -> AmiResponse:
        """Send an action and return its response, including the events of a list.

        Raises AmiUnavailable if the client is not logged in or loses the connection, and AmiTimeout
        if Asterisk does not answer in time. An action is never sent twice.
        """
        if self._protocol is None:
            raise AmiUnavailable("there is no connection to Asterisk's manager now")
        return await self._ask(self._protocol, name, fields)

    async def run(self, on_event: OnEvent, on_resync: OnResync = _nothing) -> None:
        """Connect and stay connected until canceled; AmiAuthError if the login is rejected."""
        pauses = Pauses(*self._backoff)
        while True:
            began = asyncio.get_running_loop().time()
            try:
                await self._session(on_event, on_resync)
            except (OSError, AmiUnavailable, TimeoutError) as error:
                why = str(error) or type(error).__name__
                log.warning("ami.lost", why=why, pause_s=pauses.pause)
            if asyncio.get_running_loop().time() - began > pauses.longest:
                pauses.reset()
            jitter = random.uniform(0.8, 1.2)  # noqa: S311  # not security-relevant
            await asyncio.sleep(pauses.take() * jitter)

    async def _session(self, on_event: OnEvent, on_resync: OnResync) -> None:
        """Run one connection until it is lost; always raises an exception."""
        loop = asyncio.get_running_loop()
        inbox = _Inbox(self._queue_size, loop.create_future())
        async with asyncio.timeout(self._action_timeout):
            _, protocol = await loop.create_connection(
                lambda: HardenedProtocol(
                    lambda event: self._took(event, inbox, protocol), inbox.end
                ),
                *self._address,
            )
        tasks: list[asyncio.Task[None]] = []
        try:
            await self._login(protocol)
            if inbox.lost.done():  # the connection was lost right after the login
                inbox.lost.result()
            self._protocol = protocol
            tasks = [
                asyncio.create_task(self._work(protocol, inbox, on_event, on_resync)),
                asyncio.create_task(self._ping(protocol)),
            ]
            try:
                await _first_failure(inbox.lost, *tasks)
            except AmiUnavailable:
                self._leave(protocol)
                await asyncio.wait(tasks[:1], timeout=self._action_timeout)
                raise
        finally:
            self._leave(protocol)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _leave(self, protocol: HardenedProtocol) -> None:
        self._connected.clear()
        self._protocol = None
        protocol.abort("we are leaving")

    def _took(self, event: AmiEvent, inbox: _Inbox, protocol: HardenedProtocol) -> None:
        if event.name == BOOTED:
            inbox.booted.set()
            return
        if self._keep is not None:
            fields = event.fields
            event = AmiEvent(event.name, {one: fields[one] for one in self._keep if one in fields})
        if not inbox.put(event):
            log.error("ami.overflow", waiting=inbox.waiting)
            protocol.abort("events came faster than they were taken")
            if self._on_overflow is not None:
                self._on_overflow()

    async def _login(self, protocol: HardenedProtocol) -> None:
        """Log in by challenge, which never sends the password; AmiAuthError if it is wrong."""
        challenge = await self._ask(protocol, "Challenge", {"AuthType": "MD5"})
        text = challenge.fields.get("Challenge", "")
        if not challenge.ok or not text:
            raise AmiUnavailable(f"Asterisk sent no challenge ({challenge.message})")
        key = hashlib.md5((text + self._secret).encode(), usedforsecurity=False)  # all AMI offers
        words = {"AuthType": "MD5", "Username": self._username, "Events": "on"}
        answer = await self._ask(protocol, "Login", {**words, "Key": key.hexdigest()})
        if answer.message == WRONG_PASSWORD:
            raise AmiAuthError(
                f"Asterisk's manager on port {self._address[1]} refuses the user "
                f"'{self._username}' ({answer.message}); the password in the secrets file and "
                "the one in its manager.conf must be the same."
            )
        if not answer.ok:  # temporary: "Login Already In Use", "Asterisk is shutting down"
            raise AmiUnavailable(f"Asterisk refuses the login now ({answer.message})")

    async def _work(
        self, protocol: HardenedProtocol, inbox: _Inbox, on_event: OnEvent, on_resync: OnResync
    ) -> None:
        """Resync once Asterisk has booted, then deliver events until the inbox ends."""
        try:
            async with asyncio.timeout(BOOT_S):
                await inbox.booted.wait()
        except TimeoutError:
            log.warning("ami.boot_unseen", why="Asterisk does not report that it has started")
        if protocol.closed:
            return
        await self._resync(on_resync)
        if not protocol.closed:
            self._connected.set()
            log.info("ami.connected", port=self._address[1])
        while (event := await inbox.get()) is not None:
            try:
                result = on_event(event)
                if inspect.isawaitable(result):
                    await result
            except Exception as error:  # noqa: BLE001  # an error loses one event only
                log_failure("on_event", error, event.name)
            await asyncio.sleep(0)  # so that AGI requests need not wait for a burst of events

    async def _resync(self, on_resync: OnResync) -> None:
        try:
            await on_resync(self)
        except AmiUnavailable:
            raise
        except AmiTimeout as error:
            raise AmiUnavailable(f"the resync got no answer ({error})") from error
        except Exception as error:  # noqa: BLE001  # a bug in a callback must not lose all events
            log_failure("on_resync", error)

    async def _ping(self, protocol: HardenedProtocol) -> None:
        """Raise AmiUnavailable when a ping gets no answer, as on a half-open connection."""
        while True:
            await asyncio.sleep(self._ping_interval)
            try:
                async with asyncio.timeout(self._ping_timeout):
                    await protocol.send("Ping", {})
            except TimeoutError as error:
                raise AmiUnavailable("a ping was not answered") from error

    async def _ask(
        self, protocol: HardenedProtocol, name: str, fields: Mapping[str, str | Sequence[str]]
    ) -> AmiResponse:
        answer = protocol.send(name, fields)
        try:
            async with asyncio.timeout(self._action_timeout):
                return await answer
        except TimeoutError as error:
            raise AmiTimeout(f"Asterisk did not answer {name} in time") from error


class _Inbox:
    """Queue of one connection's events, limited in number and bytes; `lost` fails at its end."""

    def __init__(self, size: int, lost: asyncio.Future[None]) -> None:
        self.lost = lost
        self.booted = asyncio.Event()
        self._size = size
        self._weight = 0
        self._events: asyncio.Queue[tuple[AmiEvent, int] | None] = asyncio.Queue()

    @property
    def waiting(self) -> int:
        return self._events.qsize()

    def put(self, event: AmiEvent) -> bool:
        """Queue an event; return False if the queue is full."""
        own = weight(event)
        if self.waiting >= self._size or self._weight + own > QUEUE_LIMIT:
            return False
        self._weight += own
        self._events.put_nowait((event, own))
        return True

    async def get(self) -> AmiEvent | None:
        """Wait for the next event and return it; None after the last one of this connection."""
        waited = await self._events.get()
        if waited is None:
            return None
        event, own = waited
        self._weight -= own
        return event

    def end(self, why: str) -> None:
        """Mark the end of the connection: no more events will arrive."""
        self.booted.set()  # release anyone waiting for it
        self._events.put_nowait(None)
        self.lost.set_exception(AmiUnavailable(why))
        self.lost.exception()  # mark as retrieved: after a failed login nobody reads it


async def _first_failure(*ends: asyncio.Future[None]) -> None:
    """Wait until one of these ends and raise its exception."""
    done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    for end in done:
        if end.cancelled():  # inside a callback: run() itself was not canceled
            raise AmiUnavailable("a callback was canceled")
        end.result()
