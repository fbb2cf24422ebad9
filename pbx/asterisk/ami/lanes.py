"""Lanes for Asterisk's events: each lane keeps its order, and lanes run independently."""

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
    """Passes events to one handler, one at a time, while `run` runs.

    At most `size` events are queued. When the queue is full, `put` waits, and so does the code
    that reads from Asterisk. An exception in the handler is logged and loses only that event.
    """

    def __init__(self, handle: Callable[[T], Awaitable[None]], size: int = 1000) -> None:
        self._handle = handle
        self._events: asyncio.Queue[T] = asyncio.Queue(size)

    async def put(self, event: T) -> None:
        """Queue an event; wait while the queue is full."""
        await self._events.put(event)

    async def run(self) -> None:
        """Pass events to the handler until canceled."""
        while True:
            event = await self._events.get()
            try:
                await self._handle(event)
            except Exception as error:  # noqa: BLE001  # an error loses one event only
                log_failure("on_event", error, type(event).__name__)
            finally:
                self._events.task_done()
            await asyncio.sleep(0)  # so that AGI requests need not wait for a burst of events

    async def done(self) -> None:
        """Wait until every queued event has been handled."""
        await self._events.join()


def log_failure(callback: str, error: Exception, event_name: str | None = None) -> None:
    """Log the error's type and place, but not its message, which may contain phone numbers."""
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
