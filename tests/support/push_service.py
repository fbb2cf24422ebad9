"""A push service on loopback that keeps what it is given."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class PushService:
    """A push service on loopback; `answer` is its status, 0 for none at all."""

    answer: int = 200
    port: int = 0
    taken: list[dict[str, Any]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Return its address, with a secret in it."""
        return f"json://lee:s3cr3t@127.0.0.1:{self.port}/"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].split("\r\n")[0])
        self.taken.append(json.loads(await reader.readexactly(length)))
        if self.answer:
            line = f"HTTP/1.1 {self.answer} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            writer.write(line.encode())
        else:
            with contextlib.suppress(ConnectionError):
                await reader.read()  # until the other side has enough of it
        writer.close()


@asynccontextmanager
async def push_service(answer: int) -> AsyncIterator[PushService]:
    """Run a push service."""
    service = PushService(answer)
    async with await asyncio.start_server(service.serve, "127.0.0.1", 0) as server:
        service.port = server.sockets[0].getsockname()[1]
        yield service
