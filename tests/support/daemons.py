"""The control layer as a whole, beside a manager that only lets it in."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from dialplan import names
from pbx.asterisk.engine.ports import PortBlock
from pbx.base.clock import DemoClock
from pbx.config import plan as plans
from pbx.config.home import Home
from pbx.config.secrets import Secrets
from pbx.service.build import build
from pbx.service.daemon import Daemon
from tests.support.ami_peer import SECRET, Peer, listening

ROOT = Path(__file__).parents[2]
OFFICE, PATIENT = "+12125550100", "+12125550142"
DAY = datetime(2026, 11, 24, 15, tzinfo=UTC)  # a Tuesday, 10:00 in New York
_BEGAN = time.monotonic()
SECRETS = Secrets(mobiles={"osei": "+12125550112"}, manager=SECRET, token="made-up")


def parsed(text: str) -> plans.Configuration:
    """Read a file's text."""
    return plans.parse(text, Path("office.toml"))


Hears = Callable[[Peer, dict[str, str]], None]


def _hears_nothing(_peer: Peer, _action: dict[str, str]) -> None: ...


async def asterisk(peer: Peer, hears: Hears = _hears_nothing) -> None:
    """Play a manager that lets the daemon in, has no calls, and performs nothing."""
    await peer.let_in()
    while True:
        data = await peer._reader.readuntil(b"\r\n\r\n")  # noqa: SLF001  # any action at all
        action = dict(line.split(": ", 1) for line in data.decode().strip().split("\r\n"))
        lists = action["Action"] == "Status"
        more = {"Status": ("EventList: start",)}
        hears(peer, action)
        await peer.answer(action, "Response: Success", *more.get(action["Action"], ()))
        if lists:
            await peer.answer(action, "Event: StatusComplete", "EventList: Complete")


@asynccontextmanager
async def serving(
    home: Home, text: str, held: Secrets = SECRETS, hears: Hears = _hears_nothing
) -> AsyncIterator[tuple[Daemon, int]]:
    """Run the daemon; yield it and the port that it answers on."""
    block = PortBlock.take()
    try:
        async with listening(partial(asterisk, hears=hears), port=block.ports.ami):
            now = DAY + timedelta(seconds=time.monotonic() - _BEGAN)  # no clock goes back
            daemon = await build(parsed(text), held, home, block.ports, DemoClock(now))
            await daemon.start()
            try:
                yield daemon, block.ports.agi
            finally:
                await daemon.stop()
    finally:
        block.release()


async def asked(
    port: int,
    call: str,
    caller: str = PATIENT,
    event: str = names.ARRIVED,
    state: str = "",
    *,
    did: str = OFFICE,
    detail: str = "",
    turn: int = 1,
) -> str:
    """Ask as the dialplan asks, and return the answer's one line."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    arguments = (str(turn), did, event, detail, state)
    lines = [
        f"agi_network_script: {names.ROUTE}",
        f"agi_uniqueid: {call}",
        f"agi_callerid: {caller}",
        *(f"agi_arg_{number}: {text}" for number, text in enumerate(arguments, 1)),
    ]
    writer.write(("\n".join(lines) + "\n\n").encode())
    try:
        return (await asyncio.wait_for(reader.read(), 10)).decode()
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
