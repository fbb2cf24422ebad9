"""The least that others' packages can answer: empty FastAGI servers, and a process for each call.

Each reads the question with its package and says nothing more, so that what is measured is the
round trip alone.
"""

from __future__ import annotations

import asyncio
import io
import shlex
import socket
import socketserver
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from benchmarks.measured import DIES_WITH_US
from benchmarks.office import MAIN, MOBILES, UNHEARD_PERSON
from dialplan import names
from pbx.asterisk.agi.protocol import encode_variables
from pbx.asterisk.engine.runtime import ServiceUser
from pbx.calls.standby.script import interpreter
from pbx.calls.standby.script import package_folders as script_packages


class Pyst2Handler(socketserver.StreamRequestHandler):
    """Reads the question as pyst2's own `asterisk.fastagi` does, over the same server class."""

    disable_nagle_algorithm = True

    def handle(self) -> None:
        """Read it."""
        from asterisk.agi import AGI

        incoming = io.TextIOWrapper(io.BufferedReader(self.request.makefile("rb", 0)))
        AGI(stdin=incoming, stdout=io.StringIO(), stderr=io.StringIO())


class Pyst2Server(socketserver.TCPServer):
    """One call after the other: kinder than the process for each that pyst2's example forks."""

    allow_reuse_address = True
    request_queue_size = 64


class ReadyMade(asyncio.Protocol):
    """Answers each question with the back line's verdict, and thinks about nothing."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  # a TCP server makes no other
        self._transport = transport
        self._heard = b""

    def data_received(self, data: bytes) -> None:
        """Answer once the question is whole."""
        self._heard += data
        if self._transport.is_closing() or not self._heard.endswith(b"\n\n"):
            return
        unique = self._heard.partition(b"agi_uniqueid: ")[2].partition(b"\n")[0].decode()
        words = {
            names.VERB: names.ESCALATION,
            names.STATE: ":osei:-1::0:::0123456789ab:",
            names.RECORD: f"/tmp/{unique}",  # noqa: S108  # nothing is recorded
            names.SAY: "",
            names.DIAL: names.legs((UNHEARD_PERSON,)),
            f"_{names.RING}": "20",
            f"_{names.SHOW}": MAIN,
            f"_{names.WHISPER}": "whisper-urgent",
            f"_{names.TO}_{UNHEARD_PERSON}": f"PJSIP/{MOBILES[UNHEARD_PERSON]}@{names.TRUNK_OUT}",
            names.VERDICT: f"{unique}/1",
        }
        self._transport.write(encode_variables(words))
        self._transport.write_eof()


async def ready_made(port: int) -> None:
    """Serve the ready-made verdict."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(ReadyMade, "127.0.0.1", port)
    await server.serve_forever()


async def panoramisk(port: int) -> None:
    """Serve an empty route on panoramisk's FastAGI."""
    from panoramisk import fast_agi

    async def empty(request: Any) -> None:
        del request

    application = fast_agi.Application(loop=asyncio.get_running_loop())
    application.add_route("route", empty)
    server = await asyncio.start_server(application.handler, "127.0.0.1", port)
    await server.serve_forever()


def main() -> None:
    """Serve."""
    which, port = sys.argv[1], int(sys.argv[2])
    if which == "pyst2":
        with Pyst2Server(("127.0.0.1", port), Pyst2Handler) as server:
            server.serve_forever()
    asyncio.run(ready_made(port) if which == "ready-made" else panoramisk(port))


@asynccontextmanager
async def serving(which: str) -> AsyncIterator[int]:
    """Run a server as a process of its own; yield its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    code = "from benchmarks.minimal import main; main()"
    process = await asyncio.create_subprocess_exec(
        *DIES_WITH_US, sys.executable, "-c", code, which, str(port)
    )
    try:
        while not await asyncio.to_thread(_listens, port):
            await asyncio.sleep(0.05)
        yield port
    finally:
        process.terminate()
        await process.wait()


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port)) as peer:
            peer.sendall(b"agi_network_script: route\n\n")
    except OSError:
        return False
    return True


def script(folder: Path, user: ServiceUser) -> Path:
    """Write the script that Asterisk runs for each call, with pyst2's AGI; blocking."""
    import asterisk.agi

    packages = str(Path(asterisk.agi.__file__).parents[1])
    code = (
        f"import sys; sys.path.insert(0, {packages!r})\nimport io\n"
        "from asterisk.agi import AGI\nAGI(stderr=io.StringIO())"
    )
    python = interpreter(user, [str(one) for one in script_packages().values()])
    if python is None:
        raise SystemExit("Asterisk's user can run no interpreter with our packages")
    path = folder / "process-per-call"
    path.write_text(f"#!/bin/sh\nexec {shlex.quote(python)} -c {shlex.quote(code)}\n")
    path.chmod(0o755)
    return path
