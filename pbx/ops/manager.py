"""A connection to Asterisk's manager for a command that places one call."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from dialplan.manager import USER
from pbx.asterisk.ami.client import AmiClient, AmiEvent, AmiUnavailable
from pbx.base.errors import EngineError

CONNECT_S = 5.0


@dataclass(frozen=True)
class Login:
    """The manager's port on 127.0.0.1, and its secret."""

    port: int
    secret: str


@contextlib.asynccontextmanager
async def connected(login: Login, hear: Callable[[AmiEvent], None]) -> AsyncIterator[AmiClient]:
    """Log in and pass every event to `hear`; EngineError if Asterisk refuses an action."""
    client = AmiClient(
        host="127.0.0.1",
        port=login.port,
        username=USER,
        secret=login.secret,
    )
    running = asyncio.create_task(client.run(hear))
    try:
        await client.wait_connected(CONNECT_S)
        yield client
    except (AmiUnavailable, TimeoutError) as error:
        raise EngineError(
            f"Asterisk's manager on port {login.port} does not accept our call; "
            "check the line with 'officeline doctor'."
        ) from error
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
