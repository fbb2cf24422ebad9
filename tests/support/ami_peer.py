"""A peer that plays Asterisk's manager on real TCP, and an office that notes what it is told."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from dialplan.manager import USER
from pbx.asterisk.ami.client import AmiClient, AmiEvent

SECRET = "a-made-up-secret"
GREETING = b"Asterisk Call Manager/11.0.0\r\n"
DEADLINE = 30.0  # guards against hanging


class Peer:
    """One connection, seen from Asterisk's side."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.heard = b""

    async def action(self, name: str) -> dict[str, str]:
        """Read the next action, which must be this one; pings are answered on the way."""
        while True:
            data = await self._reader.readuntil(b"\r\n\r\n")
            self.heard += data
            lines = data.decode().strip().split("\r\n")
            action = dict(line.split(": ", 1) for line in lines)
            if action["Action"] == name:
                return action
            assert action["Action"] == "Ping", action
            await self.answer(action, "Response: Success", "Ping: Pong")

    async def answer(self, action: dict[str, str], first: str, *more: str) -> None:
        """Answer an action."""
        await self.say(first, f"ActionID: {action['ActionID']}", *more)

    async def say(self, *lines: str) -> None:
        """Write one message."""
        await self.write("\r\n".join(lines).encode() + b"\r\n\r\n")

    async def write(self, data: bytes) -> None:
        """Write these bytes as they are."""
        self._writer.write(data)
        await self._writer.drain()

    def cut(self) -> None:
        """Reset the connection."""
        self._writer.transport.abort()

    async def take_login(self) -> bool:
        """Take a login by challenge up to its answer; tell whether the key was right."""
        await self.write(GREETING)
        challenge = await self.action("Challenge")
        assert challenge["AuthType"] == "MD5"
        await self.answer(challenge, "Response: Success", "Challenge: 123456")
        self.login = await self.action("Login")
        key = hashlib.md5(f"123456{SECRET}".encode(), usedforsecurity=False).hexdigest()
        return self.login["Key"] == key

    async def let_in(self, *, booted: bool = True) -> None:
        """Let the client in and say, as Asterisk does at a login, that we have booted."""
        assert await self.take_login()
        await self.answer(self.login, "Response: Success", "Message: Authentication accepted")
        if booted:
            await self.say("Event: FullyBooted", "Status: Fully Booted")

    async def stay(self) -> None:
        """Answer pings until the client goes."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await self.action("Nothing")


@asynccontextmanager
async def listening(*plays: Callable[[Peer], Awaitable[None]], port: int = 0) -> AsyncIterator[int]:
    """Play one connection after the other, the last play for all that follow; yield the port.

    The connection is closed where its play ends. What went wrong in a play is raised at the end.
    """
    waiting = list(plays)
    errors: list[Exception] = []
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        play = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        try:
            await play(Peer(reader, writer))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client went: its own account tells whether it should have
        except Exception as error:  # noqa: BLE001  # raised below, in the test's own task
            errors.append(error)
        finally:
            writer.transport.abort()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    async with await asyncio.start_server(accept, "127.0.0.1", port) as server:
        yield server.sockets[0].getsockname()[1]
        for task in set(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for error in errors:
        raise error


async def welcome(peer: Peer) -> None:
    """Let the client in and answer its pings until it goes."""
    await peer.let_in()
    await peer.stay()


class Office:
    """What stands behind a client: its story is what it was told, in order."""

    def __init__(
        self,
        port: int,
        secret: str = SECRET,
        queue_size: int = 100,
        action_timeout: float = 1.5,
    ) -> None:
        self.story: list[str] = []
        self.events: list[AmiEvent] = []
        self.meets: Callable[[AmiEvent], None] = lambda _: None
        self.catches_up: Callable[[AmiClient], Awaitable[None]] | None = None
        self.free = asyncio.Event()
        self.free.set()
        self.client = AmiClient(
            host="127.0.0.1",
            port=port,
            username=USER,
            secret=secret,
            on_overflow=lambda: self.story.append("overflow"),
            ping_interval=0.1,
            ping_timeout=1.0,
            action_timeout=action_timeout,
            backoff=(0.02, 0.1),
            queue_size=queue_size,
        )

    async def run(self) -> None:
        """Let the client run, and listen to it."""
        await self.client.run(self._event, self._resync)

    async def _event(self, event: AmiEvent) -> None:
        await self.free.wait()
        self.story.append(event.fields.get("Number", event.name))
        self.events.append(event)
        self.meets(event)

    async def _resync(self, client: AmiClient) -> None:
        self.story.append("resync")
        if self.catches_up is not None:
            await self.catches_up(client)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[AmiClient]:
        """Run the client and wait until it is connected; it must end with the cancel alone."""
        task = asyncio.create_task(self.run())
        try:
            await self.client.wait_connected(DEADLINE)
            yield self.client
        finally:
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    async def has_heard(self, *story: str) -> None:
        """Wait until the story is this one."""
        await until(lambda: self.story[: len(story)] == list(story), lambda: str(self.story))


async def until(holds: Callable[[], bool], why: Callable[[], str] = str) -> None:
    """Wait until something holds."""
    try:
        async with asyncio.timeout(DEADLINE):
            while not holds():
                await asyncio.sleep(0.01)
    except TimeoutError:
        pytest.fail(f"did not come to hold: {why()}")


def numbered(number: int) -> list[str]:
    """Return an event's lines."""
    return ["Event: UserEvent", "UserEvent: Count", f"Number: {number}"]
