"""A carrier by hand: one UDP socket that answers each INVITE as a script of statuses says."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

_REASON = {
    100: "Trying",
    180: "Ringing",
    181: "Call Is Being Forwarded",
    182: "Queued",
    183: "Session Progress",
    486: "Busy Here",
}
_CALL_ID = re.compile(r"^Call-ID: *(\S+)", re.MULTILINE)


@dataclass
class Trunk:
    """What it heard: each call's requests and what it answered, in their order, by Call-ID."""

    port: int
    calls: dict[str, list[str]] = field(default_factory=dict)


@asynccontextmanager
async def trunk(*script: tuple[float, int], host: str = "127.0.0.2") -> AsyncIterator[Trunk]:
    """Answer with these statuses, each so many seconds after the INVITE; CANCEL ends a script."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.bind((host, 0))
        own.setblocking(False)
        found = Trunk(own.getsockname()[1])
        listens = asyncio.create_task(_listen(own, found, script))
        try:
            yield found
        finally:
            listens.cancel()
            await asyncio.wait({listens})


async def _listen(own: socket.socket, found: Trunk, script: Sequence[tuple[float, int]]) -> None:
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as group:
        while True:
            data, peer = await loop.sock_recvfrom(own, 65535)
            text = data.decode()
            if not (known := _CALL_ID.search(text)):
                continue
            happened, method = found.calls.setdefault(known[1], []), text.partition(" ")[0]
            if method == "INVITE" and happened.count(method) == 0:
                group.create_task(_play(own, peer, text, happened, script))
            elif method in {"CANCEL", "OPTIONS"}:
                await loop.sock_sendto(own, _answer(text, 200), peer)
            happened.append(method)


async def _play(
    own: socket.socket,
    peer: tuple[str, int],
    invite: str,
    happened: list[str],
    script: Sequence[tuple[float, int]],
) -> None:
    loop, waited = asyncio.get_running_loop(), 0.0
    for after, status in script:
        await asyncio.sleep(after - waited)
        waited = after
        if "CANCEL" in happened:
            await loop.sock_sendto(own, _answer(invite, 487), peer)
            return
        happened.append(str(status))
        await loop.sock_sendto(own, _answer(invite, status), peer)


def _answer(request: str, status: int) -> bytes:
    kept = [
        line if not line.startswith("To:") or ";tag=" in line else f"{line};tag=trunk"
        for line in request.partition("\r\n\r\n")[0].split("\r\n")[1:]
        if line.startswith(("Via:", "From:", "To:", "Call-ID:", "CSeq:"))
    ]
    first = f"SIP/2.0 {status} {_REASON.get(status, 'OK')}"
    return "\r\n".join([first, *kept, "Content-Length: 0", "", ""]).encode()
