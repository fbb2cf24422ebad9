"""A carrier that offers TLS: 1.2 or newer, one that proves who it is, and audio as SRTP alone."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from dialplan.manager import USER
from dialplan.pjsip import Tls, Trunk
from dialplan.render import office_files
from dialplan.system import Folders
from pbx.asterisk.engine import runtime
from pbx.asterisk.engine.ports import PortBlock
from pbx.asterisk.engine.process import AsteriskProcess, Instance
from tests.dialplan.test_golden import BY_ADDRESS

DEADLINE = 20.0
CARRIER = "127.0.0.2"
SECRET = "a-made-up-secret-of-length"


@pytest.fixture
def folder() -> Iterator[Path]:
    """Make a folder that Asterisk's own user can enter, with two authorities and a carrier each."""
    with tempfile.TemporaryDirectory(prefix="officeline-tls-") as name:
        place = Path(name)
        place.chmod(0o755)
        for who in ("known", "unknown"):
            command = (
                f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={CARRIER} "
                f"-addext subjectAltName=IP:{CARRIER} -keyout {who}.key -out {who}.pem"
            )
            subprocess.run(command.split(), cwd=place, check=True, capture_output=True)
        yield place


@asynccontextmanager
async def listening(folder: Path, who: str) -> AsyncIterator[tuple[int, asyncio.Queue[str]]]:
    """Be a carrier with this certificate; what is said to it comes with the version of TLS."""
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        version = writer.get_extra_info("ssl_object").version()
        while data := await reader.read(65536):
            heard.put_nowait(f"{version} {data.decode()}")
        writer.close()

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{who}.pem", folder / f"{who}.key")
    server = await asyncio.start_server(serve, CARRIER, 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1], heard


@asynccontextmanager
async def calling(folder: Path, port: int) -> AsyncIterator[AsteriskProcess]:
    """Run an Asterisk with our own files, which knows one authority, and call over its trunk."""
    found, user = runtime.require(), runtime.service_user()
    block = PortBlock.take()
    home = folder / "asterisk"
    sip = replace(
        BY_ADDRESS.sip,
        bind="127.0.0.1",
        port=block.ports.sip,
        trunk=Trunk("address", CARRIER, port, (CARRIER,), encrypted=True),
        tls=Tls(block.ports.tls, authorities=str(folder / "known.pem")),
    )
    facts = replace(
        BY_ADDRESS,
        folders=Folders(str(home), str(found.modules)),
        sip=sip,
        manager_port=block.ports.ami,
        manager_secret=SECRET,
    )
    asterisk = AsteriskProcess(
        found, Instance(home, block.ports, office_files(facts), user, dies_with_parent=True)
    )
    async with AsyncExitStack() as stack:
        stack.callback(block.release)
        await asterisk.start()
        stack.push_async_callback(asterisk.stop)
        _, writer = await asyncio.open_connection("127.0.0.1", block.ports.ami)
        stack.callback(writer.close)
        writer.write(
            f"Action: Login\r\nUsername: {USER}\r\nSecret: {SECRET}\r\n\r\n"
            "Action: Originate\r\nChannel: PJSIP/+12125550111@trunk-out\r\nContext: heartbeat\r\n"
            "Exten: done\r\nPriority: 1\r\nAsync: true\r\n\r\n".encode()
        )
        yield asterisk


async def test_calls_go_out_by_tls_with_srtp(folder: Path) -> None:
    """Nothing of a call is in the clear: signaling by TLS 1.2, audio with keys of its own."""
    async with listening(folder, "known") as (port, heard), calling(folder, port):
        async with asyncio.timeout(DEADLINE):
            while "INVITE" not in (said := await heard.get()):
                pass
    assert said.startswith("TLSv1.2 ")
    assert ";transport=tls" in said
    assert "RTP/SAVP" in said
    assert "a=crypto:" in said
    assert "RTP/AVP " not in said


async def test_a_carrier_that_cannot_prove_itself_hears_nothing(folder: Path) -> None:
    """A certificate of another authority ends the connection before a word is said."""
    async with listening(folder, "unknown") as (port, heard), calling(folder, port) as asterisk:
        log = asterisk.instance.folder / "log" / "messages.log"
        async with asyncio.timeout(DEADLINE):
            while "SSL" not in log.read_text() and "certificate" not in log.read_text():
                await asyncio.sleep(0.1)
        assert heard.empty()
