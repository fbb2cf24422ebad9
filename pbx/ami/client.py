"""The AMI client: logged in, in order, and back again after every loss."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import inspect
import random
from collections.abc import Awaitable, Callable, Sequence

import structlog

from pbx.ami.protocol import AmiEvent, AmiResponse, AmiUnavailable, HardenedProtocol
from pbx.errors import OfficeLineError

__all__ = ["AmiAuthError", "AmiClient", "AmiEvent", "AmiResponse", "AmiUnavailable"]

log = structlog.get_logger()


class AmiAuthError(OfficeLineError):
    """Asterisk refused our user or password; trying again would not help."""


class AmiClient:
    """Keeps one connection to Asterisk's manager while `run` runs.

    `on_event` is called for one event after the other, `on_resync` after each connect and before
    the first event. Deadlines and intervals are in seconds; `backoff` is the first and the longest
    pause between tries. At most `queue_size` events wait; past that the connection is given up, so
    that the next one begins with a resync.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        username: str,
        secret: str,
        on_event: Callable[[AmiEvent], Awaitable[None] | None],
        on_resync: Callable[[AmiClient], Awaitable[None]],
        ping_interval: float = 5.0,
        ping_timeout: float = 3.0,
        action_timeout: float = 5.0,
        backoff: tuple[float, float] = (0.2, 10.0),
        queue_size: int = 10_000,
    ) -> None:
        self._address = (host, port)
        self._username = username
        self._secret = secret
        self._on_event = on_event
        self._on_resync = on_resync
        self._ping_interval = ping_interval
        self._ping_timeout = ping_timeout
        self._action_timeout = action_timeout
        self._backoff = backoff
        self._queue_size = queue_size
        self._protocol: HardenedProtocol | None = None
        self._connected = asyncio.Event()

    @property
    def connected(self) -> bool:
        """Tell whether events arrive and actions are taken."""
        return self._connected.is_set()

    async def wait_connected(self, timeout: float) -> None:  # noqa: ASYNC109  # the public shape
        """Wait until connected; TimeoutError after `timeout` seconds."""
        async with asyncio.timeout(timeout):
            await self._connected.wait()

    async def action(self, name: str, **fields: str | Sequence[str]) -> AmiResponse:
        """Send an action and return its answer, a list's events included.

        AmiUnavailable when there is no connection or it is lost meanwhile, TimeoutError when
        Asterisk does not answer. Nothing is ever sent a second time.
        """
        if self._protocol is None:
            raise AmiUnavailable
        answer = self._protocol.send(name, fields)
        async with asyncio.timeout(self._action_timeout):
            return await answer

    async def run(self) -> None:
        """Connect and stay connected until cancelled; AmiAuthError when we are not let in."""
        pause = self._backoff[0]
        while True:
            began = asyncio.get_running_loop().time()
            try:
                await self._session()
            except (OSError, AmiUnavailable, TimeoutError) as error:
                log.warning("ami.lost", why=str(error) or type(error).__name__, pause_s=pause)
            if asyncio.get_running_loop().time() - began > self._backoff[1]:
                pause = self._backoff[0]
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311  # jitter, no secret
            pause = min(pause * 2, self._backoff[1])

    async def _session(self) -> None:
        """Live through one connection; always ends with an exception."""
        lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        events: asyncio.Queue[AmiEvent] = asyncio.Queue(self._queue_size)

        def took(event: AmiEvent) -> None:
            try:
                events.put_nowait(event)
            except asyncio.QueueFull:
                log.error("ami.overflow", waiting=self._queue_size)  # noqa: TRY400  # no traceback is wanted
                protocol.abort("more events than we could take")

        def ended(why: str) -> None:
            if not lost.done():
                lost.set_exception(AmiUnavailable(why))

        protocol: HardenedProtocol
        async with asyncio.timeout(self._action_timeout):
            _, protocol = await asyncio.get_running_loop().create_connection(
                lambda: HardenedProtocol(took, ended), *self._address
            )
        self._protocol = protocol
        tasks: list[asyncio.Task[None]] = []
        try:
            await self._login()
            await self._on_resync(self)
            self._connected.set()
            log.info("ami.connected", port=self._address[1])
            tasks = [asyncio.create_task(self._deliver(events)), asyncio.create_task(self._ping())]
            await _first_failure(lost, *tasks)
        finally:
            self._connected.clear()
            self._protocol = None
            for task in tasks:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, AmiUnavailable, TimeoutError):
                    await task
            protocol.abort("we are leaving")
            if lost.done() and not lost.cancelled():
                lost.exception()

    async def _login(self) -> None:
        """Log in by challenge, so that the password itself is never sent."""
        challenge = await self.action("Challenge", AuthType="MD5")
        text = challenge.fields.get("Challenge", "") + self._secret
        key = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()  # AMI knows no other
        answer = await self.action(
            "Login", AuthType="MD5", Username=self._username, Key=key, Events="on"
        )
        if not answer.ok:
            raise AmiAuthError(
                f"Asterisk's manager on port {self._address[1]} refuses the user "
                f"'{self._username}' ({answer.message}); the password in the vault and the one in "
                "its manager.conf must be the same."
            )

    async def _deliver(self, events: asyncio.Queue[AmiEvent]) -> None:
        while True:
            event = await events.get()
            try:
                result = self._on_event(event)
                if inspect.isawaitable(result):
                    await result
            except Exception:
                log.exception("ami.event_failed", event_name=event.name)

    async def _ping(self) -> None:
        """Notice a connection that is only half open."""
        while True:
            await asyncio.sleep(self._ping_interval)
            if self._protocol is None:
                return
            async with asyncio.timeout(self._ping_timeout):
                await self._protocol.send("Ping", {})


async def _first_failure(*ends: asyncio.Future[None]) -> None:
    """Wait until one of these ends, and raise what it ended with."""
    done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    for end in done:
        end.result()
