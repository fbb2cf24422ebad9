"""Asterisk's events, handed on in lanes: in order within a lane, and no lane waits for another."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Generic, TypeVar

import structlog

T = TypeVar("T")

log = structlog.get_logger()


class Lane(Generic[T]):
    """Gives events to one handler, one after the other, while `run` runs.

    At most `size` events wait here; past that `put` waits, and with it whoever reads from Asterisk.
    An exception of the handler is logged, and costs that event alone.
    """

    def __init__(self, handle: Callable[[T], Awaitable[None]], size: int = 1000) -> None:
        self._handle = handle
        self._events: asyncio.Queue[T] = asyncio.Queue(size)

    async def put(self, event: T) -> None:
        """Take an event; at once, where there is room."""
        await self._events.put(event)

    async def run(self) -> None:
        """Hand on events until canceled."""
        while True:
            event = await self._events.get()
            try:
                await self._handle(event)
            except Exception as error:  # noqa: BLE001  # a handler's fault costs one event
                log_failure("on_event", error, type(event).__name__)
            finally:
                self._events.task_done()
            await asyncio.sleep(0)  # a call's question does not wait for a burst of events

    async def done(self) -> None:
        """Wait until all that was put before is handled."""
        await self._events.join()


def log_failure(callback: str, error: Exception, event_name: str | None = None) -> None:
    """Say what failed and where, and not its text or its variables, which may hold numbers."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(frame.filename).name}:{frame.lineno}"
    error_type = type(error).__name__
    log.error(
        "ami.callback_failed",
        callback=callback,
        event_name=event_name,
        error=error_type,
        where=where,
    )
