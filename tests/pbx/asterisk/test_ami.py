"""The AMI client against a real Asterisk, and against peers that misbehave."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from dialplan.manager import USER
from pbx.asterisk.ami.client import AmiAuthError, AmiClient, AmiEvent, AmiUnavailable
from pbx.asterisk.ami.protocol import MESSAGE_LIMIT, HardenedProtocol, encode_action
from pbx.asterisk.engine.process import AsteriskProcess
from tests.support.asterisk import SECRET, bare_asterisk

pytestmark = pytest.mark.asyncio(loop_scope="module")

DEADLINE = 20.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asterisk() -> AsyncIterator[AsteriskProcess]:
    """Start one Asterisk for this file."""
    with tempfile.TemporaryDirectory(prefix="officeline-ami-") as folder:
        async with bare_asterisk(Path(folder)) as process:
            yield process


@dataclass
class Heard:
    """What a client told us."""

    client: AmiClient
    events: list[AmiEvent] = field(default_factory=list)
    resyncs: int = 0


@asynccontextmanager
async def connected(
    port: int, on_event: Callable[[AmiEvent], None] | None = None
) -> AsyncIterator[Heard]:
    """Run a client that remembers its events, and wait until it is connected."""

    async def resync(_client: AmiClient) -> None:
        heard.resyncs += 1

    def remember(event: AmiEvent) -> None:
        heard.events.append(event)
        if on_event is not None:
            on_event(event)

    client = AmiClient(
        host="127.0.0.1",
        port=port,
        username=USER,
        secret=SECRET,
        ping_interval=0.2,
        ping_timeout=0.5,
        backoff=(0.05, 0.2),
    )
    heard = Heard(client)
    task = asyncio.create_task(client.run(remember, resync))
    try:
        await client.wait_connected(DEADLINE)
        yield heard
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(DEADLINE):
        while not holds():
            await asyncio.sleep(0.01)


async def test_actions_are_answered(asterisk: AsteriskProcess) -> None:
    """A plain action, a refused one, and a list with all its events."""
    async with connected(asterisk.instance.ports.ami) as heard:
        assert (await heard.client.action("Ping")).ok
        refused = await heard.client.action("Hangup", Channel="PJSIP/nobody")
        assert not refused.ok
        assert "No such channel" in refused.message
        for _ in range(3):
            channel = "Local/s@hold/n"
            await heard.client.action(
                "Originate", Channel=channel, Context="hold", Exten="s", Priority="1", Async="true"
            )
        async with asyncio.timeout(DEADLINE):
            while len((await heard.client.action("CoreShowChannels")).events) < 6 + 1:
                await asyncio.sleep(0.05)
        await asterisk.command("channel request hangup all")


async def test_events_come_in_order(asterisk: AsteriskProcess) -> None:
    """A thousand events arrive as they were sent."""
    async with connected(asterisk.instance.ports.ami) as heard:
        for number in range(1000):
            await heard.client.action("UserEvent", UserEvent="Count", Number=str(number))
        await until(lambda: sum(event.name == "UserEvent" for event in heard.events) == 1000)
        numbers = [event.fields["Number"] for event in heard.events if event.name == "UserEvent"]
        assert numbers == [str(number) for number in range(1000)]


async def test_a_callbacks_exception_costs_one_event(asterisk: AsteriskProcess) -> None:
    """The connection stays, and the next event is delivered."""

    def fail_once(event: AmiEvent) -> None:
        if event.fields.get("Number") == "1":
            raise RuntimeError("made up")

    async with connected(asterisk.instance.ports.ami, on_event=fail_once) as heard:
        for number in ("1", "2"):
            await heard.client.action("UserEvent", UserEvent="Count", Number=number)
        await until(lambda: any(event.fields.get("Number") == "2" for event in heard.events))
        assert heard.resyncs == 1


async def test_a_wrong_password_is_fatal(asterisk: AsteriskProcess) -> None:
    """It is said in one sentence, without the password, and not tried again."""
    client = AmiClient(
        host="127.0.0.1",
        port=asterisk.instance.ports.ami,
        username=USER,
        secret="wrong-secret",
    )
    with pytest.raises(AmiAuthError, match=r"refuses the user 'officeline'.*password") as caught:
        await asyncio.wait_for(client.run(lambda _: None), DEADLINE)
    assert "wrong-secret" not in str(caught.value)


async def test_a_line_break_is_refused(asterisk: AsteriskProcess) -> None:
    """An action cannot be made two."""
    async with connected(asterisk.instance.ports.ami) as heard:
        with pytest.raises(ValueError, match="line break"):
            await heard.client.action("Ping", Extra="x\r\nAction: Command")
    with pytest.raises(ValueError, match="line break"):
        encode_action("Ping", "1", {"Variable": ["a", "b\n"]})


async def test_a_half_open_connection_is_noticed(asterisk: AsteriskProcess) -> None:
    """A stopped Asterisk answers no ping: the client lets go, and comes back with a resync."""
    pid = asterisk.pid
    assert pid is not None
    async with connected(asterisk.instance.ports.ami) as heard:
        os.kill(pid, signal.SIGSTOP)
        await until(lambda: is_stopped(pid))
        try:
            waiting = asyncio.create_task(heard.client.action("CoreShowChannels"))
            await until(lambda: not heard.client.connected)
            with pytest.raises((AmiUnavailable, TimeoutError)):
                await waiting
            with pytest.raises((AmiUnavailable, TimeoutError)):
                await heard.client.action("Ping")
        finally:
            os.kill(pid, signal.SIGCONT)
        await until(lambda: heard.client.connected)
        assert heard.resyncs == 2


def is_stopped(pid: int) -> bool:
    """Tell whether every thread of a process has stopped."""
    states = [
        path.read_text().rsplit(")", 1)[1] for path in Path(f"/proc/{pid}/task").glob("*/stat")
    ]
    return all(state.split()[0] == "T" for state in states)


class FollowUp:
    """A TCP follow-up to Asterisk's manager that can be cut, and that counts what is said."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._writers: list[asyncio.StreamWriter] = []
        self.said = b""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[int]:
        """Listen on a free port."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        async with server:
            yield server.sockets[0].getsockname()[1]
            self.cut()

    def cut(self) -> None:
        """Reset every connection."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers += [writer, ours]
        await asyncio.gather(self._copy(reader, ours, count=True), self._copy(theirs, writer))

    async def _copy(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, count: bool = False
    ) -> None:
        try:
            while data := await reader.read(4096):
                self.said += data if count else b""
                writer.write(data)
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()


async def test_nothing_is_said_twice(asterisk: AsteriskProcess) -> None:
    """An action whose answer was lost fails; after the reconnect it is not replayed."""
    follow_up = FollowUp(asterisk.instance.ports.ami)
    async with follow_up.open() as port, connected(port) as heard:
        action = heard.client.action("UserEvent", UserEvent="Once", Number="7")
        waiting = asyncio.create_task(action)
        await asyncio.sleep(0)
        follow_up.cut()
        with pytest.raises(AmiUnavailable):
            await waiting
        await until(lambda: heard.resyncs == 2 and heard.client.connected)
        await heard.client.action("Ping")
        assert follow_up.said.count(b"UserEvent: Once") <= 1
        assert SECRET.encode() not in follow_up.said


async def test_an_endless_message_ends_the_connection() -> None:
    """A peer that never finishes a message cannot fill our memory."""
    ended = asyncio.Event()

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        del reader
        writer.write(b"Asterisk Call Manager/11.0\r\n")
        try:
            while True:
                writer.write(b"x" * 65536)
                await writer.drain()
        except ConnectionError:
            ended.set()
        finally:
            writer.transport.abort()

    lost: list[str] = []
    async with await asyncio.start_server(pour, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        await asyncio.get_running_loop().create_connection(
            lambda: HardenedProtocol(lambda _: None, lost.append), "127.0.0.1", port
        )
        await asyncio.wait_for(ended.wait(), DEADLINE)
    assert lost == [f"a message of more than {MESSAGE_LIMIT} bytes"]
