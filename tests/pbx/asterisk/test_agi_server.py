"""The FastAGI server over real sockets: no peer can hold it up, and each failure is told."""

from __future__ import annotations

import asyncio
import inspect
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from pbx.asterisk.agi.server import AgiServer, Handler
from pbx.asterisk.agi.session import AgiClosed, AgiSession

DEADLINE = 10.0


def question(script: str = "route") -> bytes:
    """Write a header block as Asterisk does."""
    return f"agi_network_script: {script}\nagi_uniqueid: 1.1\nagi_callerid: 123\n\n".encode()


def answering(session: AgiSession) -> None:
    """Give a verdict at once."""
    session.conclude({"OL_DO": "menu", "OL_VERDICT": "1.1/1"})


@asynccontextmanager
async def serving(handler: Handler, **options: float) -> AsyncIterator[AgiServer]:
    """Run a server with one script, `route`."""
    server = AgiServer({"route": handler}, **options)  # type: ignore[arg-type]  # the tests' shorthand
    await server.start()
    try:
        yield server
    finally:
        await server.close()


async def ask(server: AgiServer, data: bytes) -> bytes:
    """Send bytes and return everything that comes until the server ends its side."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(data)
    try:
        return await asyncio.wait_for(reader.read(), DEADLINE)
    finally:
        writer.close()


async def converse(server: AgiServer, *replies: bytes) -> bytes:
    """Ask, and answer each command of the server with the next reply; return the commands."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(question())
    heard = b""
    for reply in replies:
        heard += await asyncio.wait_for(reader.readline(), DEADLINE)
        writer.write(reply)
    heard += await asyncio.wait_for(reader.read(), DEADLINE)
    writer.close()
    return heard


async def is_refused(server: AgiServer, data: bytes) -> bool:
    """Tell whether the server ends a connection without a word."""
    try:
        return await ask(server, data) == b""
    except ConnectionResetError:
        return True


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(DEADLINE):
        while not holds():
            await asyncio.sleep(0.01)


async def test_a_verdict_is_one_write_and_an_end() -> None:
    """The whole answer is one command, then the end of the stream."""
    async with serving(answering) as server:
        assert await ask(server, question()) == b'EXEC MSet "OL_DO=menu,OL_VERDICT=1.1/1"\n'


async def test_whoever_hung_up_before_the_verdict_is_no_failure() -> None:
    """As after we hung: the handler is told that nobody listens, and nothing is logged as wrong."""
    closed: list[str] = []

    def handler(session: AgiSession) -> None:
        try:
            answering(session)
        except AgiClosed:
            closed.append(session.request.uniqueid)
            raise

    async with serving(handler) as server:
        with capture_logs() as reported:
            with socket.create_connection(("127.0.0.1", server.port)) as caller:
                caller.sendall(question())  # and closes, before our loop takes its next turn
            await until(lambda: bool(closed))
        assert closed == ["1.1"]
        assert reported == []


async def test_a_conversation_has_replies() -> None:
    """Commands are answered in their order, and a variable is read."""
    seen: list[str] = []

    async def handler(session: AgiSession) -> None:
        seen.append((await session.command("ANSWER")).result)
        seen.append((await session.command("GET", "VARIABLE", "X")).data)

    async with serving(handler) as server:
        heard = await converse(server, b"200 result=0\n", b"200 result=1 (value)\n")
    assert heard == b"ANSWER\nGET VARIABLE X\n"
    assert seen == ["0", "value"]


async def test_a_hangup_is_known() -> None:
    """After HANGUP the session says so, and a reply still arrives."""
    seen: list[bool] = []

    async def handler(session: AgiSession) -> None:
        await session.command("ANSWER")
        seen.append(session.hung_up)

    async with serving(handler) as server:
        await converse(server, b"HANGUP\n200 result=-1\n")
    assert seen == [True]


async def test_a_peer_that_goes_ends_the_wait() -> None:
    """A handler in the middle of a command learns that the call is over."""
    ended = asyncio.Event()

    async def handler(session: AgiSession) -> None:
        try:
            await session.command("ANSWER")
        except AgiClosed:
            ended.set()
            raise

    async with serving(handler) as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(question())
        await writer.drain()
        writer.close()
        await asyncio.wait_for(ended.wait(), DEADLINE)


async def test_a_refused_command_leaves_no_reply_to_wait_for() -> None:
    """The next command gets its own reply, not the place of the one that was never sent."""
    seen: list[str] = []

    async def handler(session: AgiSession) -> None:
        with pytest.raises(ValueError, match="line break"):
            await session.command("VERBOSE", "a\nb")
        seen.append((await session.command("ANSWER", timeout=DEADLINE)).result)

    async with serving(handler) as server:
        await converse(server, b"200 result=7\n")
    assert seen == ["7"]


async def test_a_refused_verdict_is_a_failure() -> None:
    """A value that Asterisk would misread costs the verdict, at once, and no silence."""
    async with serving(lambda session: session.conclude({"A": "(b)"})) as server:
        assert await ask(server, question()) == b"failure\n"


async def test_nonsense_in_mid_question_is_a_failure() -> None:
    """A reply that is none: the dialplan is told, and does not read it as success."""

    async def handler(session: AgiSession) -> None:
        await session.command("GET", "VARIABLE", "X")

    async with serving(handler) as server:
        assert await converse(server, b"200 result=1 (a\nb)\n") == b"GET VARIABLE X\nfailure\n"


async def test_unknown_scripts_crowd_out_nobody() -> None:
    """Who asks for what there is not, and stays, holds his place no longer than the deadline."""
    async with serving(answering, max_sessions=1, header_deadline=0.1) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(question("nonsense"))
        assert await reader.read() == b"failure\n"
        await until(lambda: not server.sessions)
        assert await ask(server, question()) == b'EXEC MSet "OL_DO=menu,OL_VERDICT=1.1/1"\n'
        writer.close()


async def test_a_handler_outlives_its_caller_by_its_deadline_at_most() -> None:
    """It may finish what it writes down; one that hangs is ended."""
    begun = asyncio.Event()

    async def handler(_session: AgiSession) -> None:
        begun.set()
        await asyncio.Event().wait()

    async with serving(handler, question_deadline=0.1) as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(question())
        await asyncio.wait_for(begun.wait(), DEADLINE)
        writer.close()
        await until(lambda: not server.tasks)


@pytest.mark.parametrize("kind", ["at once", "later", "unknown script"])
async def test_a_failure_is_reported(kind: str) -> None:
    """AGISTATUS becomes FAILURE: a crash must not look like success."""

    def at_once(_session: AgiSession) -> None:
        raise RuntimeError("made up")

    async def later(_session: AgiSession) -> None:
        await asyncio.sleep(0)
        raise RuntimeError("made up")

    async with serving(later if kind == "later" else at_once) as server:
        script = "nonsense" if kind == "unknown script" else "route"
        assert await ask(server, question(script)) == b"failure\n"


async def test_a_late_answer_is_a_failure() -> None:
    """A handler past its deadline is ended, and Asterisk goes on without it."""
    canceled = asyncio.Event()

    async def handler(_session: AgiSession) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            canceled.set()

    async with serving(handler, question_deadline=0.1) as server:
        assert await ask(server, question()) == b"failure\n"
        await asyncio.wait_for(canceled.wait(), DEADLINE)
        await until(lambda: not server.connections)


async def test_half_a_question_is_dropped() -> None:
    """Headers that never end cost one connection for the header deadline, no longer."""
    async with serving(answering, header_deadline=0.1) as server:
        assert await ask(server, question()[:-20]) == b""
        await until(lambda: not server.connections)


async def test_an_oversized_question_is_dropped() -> None:
    """A line past the bound ends the connection, and the next one is served."""
    async with serving(answering) as server:
        assert await is_refused(server, b"agi_channel: " + b"x" * 5000 + b"\n" + question())
        assert await ask(server, question())


async def test_nobody_waits_behind_too_many() -> None:
    """Past the limit a connection is refused at once; the others go on."""

    async def handler(session: AgiSession) -> None:
        await session.command("ANSWER")

    async with serving(handler, max_sessions=2) as server:
        pairs = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(2)]
        for _, writer in pairs:
            writer.write(question())
        await until(lambda: len(server.sessions) == 2)
        assert await is_refused(server, question())
        for _, writer in pairs:
            writer.close()


async def test_ten_thousand_connect_and_close() -> None:
    """The server still answers, and nothing of the visitors is left."""
    async with serving(answering) as server:

        def knock() -> None:
            for _ in range(10_000):
                socket.create_connection(("127.0.0.1", server.port), DEADLINE).close()

        await asyncio.to_thread(knock)
        assert await ask(server, question()) == b'EXEC MSet "OL_DO=menu,OL_VERDICT=1.1/1"\n'
        await until(lambda: not server.connections)
        assert len(asyncio.all_tasks()) == 1


async def test_close_leaves_nothing() -> None:
    """Open conversations end, their handlers too, and the port is free."""

    async def handler(session: AgiSession) -> None:
        await session.command("ANSWER")

    async with serving(handler) as server:
        port = server.port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(question())
        assert await asyncio.wait_for(reader.readline(), DEADLINE) == b"ANSWER\n"
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    writer.close()
    assert len(asyncio.all_tasks()) == 1


async def test_close_ends_a_handler_that_has_not_begun() -> None:
    """It is closed, and nobody complains that it was never awaited."""
    rests: list[Coroutine[None, None, None]] = []

    async with serving(lambda _: None) as server:
        closing: list[asyncio.Task[None]] = []

        def handler(session: AgiSession) -> Awaitable[None]:
            closing.append(asyncio.create_task(server.close()))  # its turn comes first
            rests.append(waits(session))
            return rests[0]

        async def waits(session: AgiSession) -> None:
            await session.command("ANSWER")

        server.handlers = {"route": handler}
        assert await is_refused(server, question())
        await asyncio.gather(*closing)
    assert [inspect.getcoroutinestate(one) for one in rests] == [inspect.CORO_CLOSED]


async def test_strangers_cannot_even_connect() -> None:
    """FastAGI has no password: only loopback is listened on."""
    with pytest.raises(ValueError, match="loopback"):
        AgiServer({}, host="0.0.0.0")  # noqa: S104  # the point of the test
