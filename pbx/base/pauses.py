"""How long to wait before something that failed is tried again."""

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
        """Begin again with the first pause, as something succeeded."""
        self.pause, self.taken = self.first, 0

    def take(self) -> float:
        """Return the pause that is due, and let the next one be longer."""
        due, self.pause = self.pause, min(self.longest, self.pause * 2)
        self.taken += 1
        return due
