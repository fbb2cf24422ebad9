"""Work that can wait a moment, done in its order: what a caller waits for comes first."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import structlog

# A call's way from a verdict to the phone that rings takes Asterisk some milliseconds; where it has
# few processors, whatever we do meanwhile is paid by the caller.
PAUSE_S = 0.05

log = structlog.get_logger()


class DeferredWork:
    """Does each work after a pause, or as soon as somebody must rely on it; on one event loop."""

    def __init__(self, pause_s: float = PAUSE_S) -> None:
        self._pause_s = pause_s
        self._waiting: deque[Callable[[], None]] = deque()

    def later(self, work: Callable[[], None]) -> None:
        """Take a work; it runs behind those that wait already."""
        self._waiting.append(work)
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_later(self._pause_s, self.settle)

    def settle(self) -> None:
        """Do now what waits; what goes wrong with one work costs that one alone."""
        while self._waiting:
            work = self._waiting.popleft()
            try:
                work()
            except Exception:
                log.exception("calllog.not_noted")
