"""How long to wait before retrying something that failed."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Pauses:
    """Pauses in seconds, each twice the one before, from `first` up to `longest`.

    `pause` is the next one, `taken` how many were taken since the last success.
    """

    first: float
    longest: float
    pause: float = field(init=False)
    taken: int = field(init=False)

    def __post_init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start again with the first pause, after a success."""
        self.pause, self.taken = self.first, 0

    def take(self) -> float:
        """Return the current pause in seconds, and double the next one."""
        due, self.pause = self.pause, min(self.longest, self.pause * 2)
        self.taken += 1
        return due
