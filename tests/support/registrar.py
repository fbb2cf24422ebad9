"""A carrier by hand that takes registrations: it answers as it is told, or not at all."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

EXPIRES_S = 12  # Asterisk registers again ten seconds before the end
_CHALLENGE = 'WWW-Authenticate: Digest realm="carrier", nonce="{nonce}", algorithm=MD5'
_METHOD = re.compile(r"^CSeq: *\d+ +(\w+)", re.MULTILINE)


@dataclass
class Registrar:
    """What it answers: a status for each method, None for silence; and which requests it got.

    A REGISTER without a password is always asked for one first, but where it is to get no answer.
    """

    port: int
    register: int | None = 200
    options: int | None = 200
    heard: list[str] = field(default_factory=list)  # the first line of what was answered, or not

    def tries(self) -> int:
        """Count the REGISTER transactions so far; what was sent again counts once."""
        return len({one for one in self.heard if one.startswith("REGISTER")})

    def silent(self) -> None:
        """Answer nothing any more."""
        self.register = self.options = None


@asynccontextmanager
async def registrar(host: str = "127.0.0.2") -> AsyncIterator[Registrar]:
    """Listen on a free port of this address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.bind((host, 0))
        own.setblocking(False)
        found = Registrar(own.getsockname()[1])
        listens = asyncio.create_task(_listen(own, found))
        try:
            yield found
        finally:
            listens.cancel()
            await asyncio.wait({listens})


async def _listen(own: socket.socket, found: Registrar) -> None:
    loop = asyncio.get_running_loop()
    while True:
        data, peer = await loop.sock_recvfrom(own, 65535)
        text = data.decode()
        method = _METHOD.search(text)
        if not text.endswith("\r\n") or method is None or text.startswith("SIP/2.0"):
            continue
        branch = re.search(r"branch=([^;\s]+)", text)
        found.heard.append(f"{method[1]} {branch[1] if branch else ''}")
        status = found.register if method[1] == "REGISTER" else found.options
        if status is not None:
            await loop.sock_sendto(own, _answer(text, method[1], status), peer)


def _answer(request: str, method: str, status: int) -> bytes:
    more: list[str] = []
    if method == "REGISTER":
        if status in {200, 403} and "\nAuthorization:" not in request:
            status = 401
        if status == 401:  # SIP's own number
            more = [_CHALLENGE.format(nonce=len(request))]
        elif status == 200:  # as above
            contact = re.search(r"^Contact: *(<[^>]*>)", request, re.MULTILINE)
            more = [f"Contact: {contact[1] if contact else ''};expires={EXPIRES_S}"]
    kept = [
        line if not line.startswith("To:") else f"{line};tag=carrier"
        for line in request.partition("\r\n\r\n")[0].split("\r\n")[1:]
        if line.startswith(("Via:", "From:", "To:", "Call-ID:", "CSeq:"))
    ]
    return "\r\n".join([f"SIP/2.0 {status} X", *kept, *more, "Content-Length: 0", "", ""]).encode()
