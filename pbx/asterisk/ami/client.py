"""The AMI client: logged in, in order, and back again after every loss."""

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

WRONG_PASSWORD = "Authentication failed"  # noqa: S105  # Asterisk's words, not a secret
BOOTED = "FullyBooted"  # told at the login, or as soon as it is so, to whoever reads `system`
BOOT_S = 8.0  # modules take less than one; who is not told goes on without
QUEUE_LIMIT = 16 * 1024 * 1024  # `weight` of all events that wait

OnEvent = Callable[[AmiEvent], Awaitable[None] | None]
OnResync = Callable[["AmiClient"], Awaitable[None]]

log = structlog.get_logger()


class AmiAuthError(OfficeLineError):
    """Asterisk refused our user or password; trying again would not help."""


async def _nothing(_client: AmiClient) -> None:
    """There is nothing to catch up with."""


class AmiClient:
    """Keeps one connection to Asterisk's manager while `run` runs.

    What `run` is given: `on_resync` is called after each connect, once Asterisk has booted (before,
    an Originate fails at once, as if nobody could be reached), then `on_event` for one event after
    the other. What had arrived when a connected client lost Asterisk is delivered before the next
    try, for at most `action_timeout`. An exception of either is logged, and the connection stays;
    only where the resync fails for want of an answer is the connection given up.

    Deadlines and intervals are in seconds; `backoff` is the first and the longest pause between
    tries. At most `queue_size` events wait; past that the connection is given up, so that the next
    one begins with a resync, and `on_overflow` is told. Of an event's fields only `keep` are kept,
    by default all: a burst of calls lets thousands of events wait, with forty fields each.
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
        """The port that Asterisk's manager listens on."""
        return self._address[1]

    @property
    def connected(self) -> bool:
        """Tell whether the resync is done, events arrive and actions are taken."""
        return self._connected.is_set()

    async def wait_connected(self, timeout: float) -> None:  # noqa: ASYNC109  # the public shape
        """Wait until connected; TimeoutError after `timeout` seconds."""
        async with asyncio.timeout(timeout):
            await self._connected.wait()

    async def action(self, name: str, **fields: str | Sequence[str]) -> AmiResponse:
        """Send an action and return its answer, a list's events included.

        AmiUnavailable when nobody is logged in or the connection is lost meanwhile, AmiTimeout when
        Asterisk does not answer. Nothing is ever sent a second time.
        """
        if self._protocol is None:
            raise AmiUnavailable("there is no connection to Asterisk's manager now")
        return await self._ask(self._protocol, name, fields)

    async def run(self, on_event: OnEvent, on_resync: OnResync = _nothing) -> None:
        """Connect and stay connected until canceled; AmiAuthError when we are not let in."""
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
            jitter = random.uniform(0.8, 1.2)  # noqa: S311  # no secret
            await asyncio.sleep(pauses.take() * jitter)

    async def _session(self, on_event: OnEvent, on_resync: OnResync) -> None:
        """Live through one connection; always ends with an exception."""
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
            if inbox.lost.done():  # let in and lost in one breath
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
        """Log in by challenge, so that the password itself is never sent."""
        challenge = await self._ask(protocol, "Challenge", {"AuthType": "MD5"})
        text = challenge.fields.get("Challenge", "")
        if not challenge.ok or not text:
            raise AmiUnavailable(f"Asterisk sent no challenge ({challenge.message})")
        key = hashlib.md5((text + self._secret).encode(), usedforsecurity=False)  # AMI has no other
        words = {"AuthType": "MD5", "Username": self._username, "Events": "on"}
        answer = await self._ask(protocol, "Login", {**words, "Key": key.hexdigest()})
        if answer.message == WRONG_PASSWORD:
            raise AmiAuthError(
                f"Asterisk's manager on port {self._address[1]} refuses the user "
                f"'{self._username}' ({answer.message}); the password in the secrets file and "
                "the one in its manager.conf must be the same."
            )
        if not answer.ok:  # "Login Already In Use", "Asterisk is shutting down": these pass
            raise AmiUnavailable(f"Asterisk refuses the login now ({answer.message})")

    async def _work(
        self, protocol: HardenedProtocol, inbox: _Inbox, on_event: OnEvent, on_resync: OnResync
    ) -> None:
        """Resync when Asterisk has booted, then hand out events until the inbox ends."""
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
            except Exception as error:  # noqa: BLE001  # a callback's fault costs one event
                log_failure("on_event", error, event.name)
            await asyncio.sleep(0)  # a call's question does not wait for a burst of events

    async def _resync(self, on_resync: OnResync) -> None:
        try:
            await on_resync(self)
        except AmiUnavailable:
            raise
        except AmiTimeout as error:
            raise AmiUnavailable(f"the resync got no answer ({error})") from error
        except Exception as error:  # noqa: BLE001  # a callback's fault must not cost us all events
            log_failure("on_resync", error)

    async def _ping(self, protocol: HardenedProtocol) -> None:
        """Notice a connection that is only half open."""
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
    """The events of one connection, bounded in number and weight, and its end."""

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
        """Take an event; False when there is no room."""
        own = weight(event)
        if self.waiting >= self._size or self._weight + own > QUEUE_LIMIT:
            return False
        self._weight += own
        self._events.put_nowait((event, own))
        return True

    async def get(self) -> AmiEvent | None:
        """Return the next event; None after the last one of this connection."""
        waited = await self._events.get()
        if waited is None:
            return None
        event, own = waited
        self._weight -= own
        return event

    def end(self, why: str) -> None:
        """No event comes any more."""
        self.booted.set()  # nobody waits for that any more
        self._events.put_nowait(None)
        self.lost.set_exception(AmiUnavailable(why))
        self.lost.exception()  # marked as seen: a login that failed asks no more


async def _first_failure(*ends: asyncio.Future[None]) -> None:
    """Wait until one of these ends, and raise what it ended with."""
    done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    for end in done:
        if end.cancelled():  # by what a callback awaited: run() itself was not canceled
            raise AmiUnavailable("a callback was canceled")
        end.result()
