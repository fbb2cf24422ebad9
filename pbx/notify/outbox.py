"""A bounded queue of events for the broker."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from datetime import datetime

from pbx.base.clock import Clock


@dataclass(frozen=True)
class Letter:
    """One event, ready to send."""

    topic: str
    payload: bytes


@dataclass(frozen=True)
class Loss:
    """How many events were dropped, and when the first one was."""

    count: int
    since: datetime


class Outbox:
    """Holds at most `size` events in order; drops the oldest ones. `put` works on any thread."""

    def __init__(self, clock: Clock, size: int) -> None:
        self._clock = clock
        self._size = size
        self._letters: deque[Letter] = deque()
        self._lost = 0
        self._since: datetime | None = None
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._letters)

    def put(self, letter: Letter) -> None:
        """Add an event; never wait."""
        with self._lock:
            self._letters.append(letter)
            if len(self._letters) > self._size:
                self._letters.popleft()
                self._lost += 1
                self._since = self._since or self._clock.now()

    def first(self) -> Letter | None:
        """Return the event to send next, without removing it."""
        with self._lock:
            return self._letters[0] if self._letters else None

    def sent(self, letter: Letter) -> None:
        """Remove an event that the broker has received, unless it was dropped meanwhile."""
        with self._lock:
            if self._letters and self._letters[0] is letter:
                self._letters.popleft()

    def loss(self) -> Loss | None:
        """Return what was dropped and not yet reported to the broker."""
        with self._lock:
            return None if self._since is None else Loss(self._lost, self._since)

    def reported(self, loss: Loss) -> None:
        """Forget a loss that was reported; keep what was dropped since."""
        with self._lock:
            self._lost -= loss.count
            self._since = self._clock.now() if self._lost else None
