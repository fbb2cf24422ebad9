"""Work that can wait a moment, so that what a caller waits for comes first; order is kept."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import structlog

# Asterisk needs some milliseconds from a verdict to a ringing phone; on a small machine, any work
# that we do in this time delays the caller.
PAUSE_S = 0.05

log = structlog.get_logger()


class DeferredWork:
    """Runs work after a pause, or in `settle` if a result is needed; on one event loop."""

    def __init__(self, pause_s: float = PAUSE_S) -> None:
        self._pause_s = pause_s
        self._waiting: deque[Callable[[], None]] = deque()

    def later(self, work: Callable[[], None]) -> None:
        """Add a piece of work; it runs after those that already wait."""
        self._waiting.append(work)
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_later(self._pause_s, self.settle)

    def settle(self) -> None:
        """Run now all work that waits; an error in one does not stop the others."""
        while self._waiting:
            work = self._waiting.popleft()
            try:
                work()
            except Exception:
                log.exception("calllog.not_noted")
