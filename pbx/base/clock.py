"""The one place that knows what time it is."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

from pbx.base.errors import ConfigError


class Clock(Protocol):
    """A source of the current time; `now` is aware, in UTC."""

    def now(self) -> datetime:
        """Return this instant."""
        ...

    def set(self, instant: datetime) -> None:
        """Set the clock, if this kind of clock allows it."""
        ...


class SystemClock:
    """The machine's clock, which OfficeLine never sets."""

    def now(self) -> datetime:
        """Return this instant."""
        return datetime.now(UTC)

    def set(self, instant: datetime) -> None:
        """Refuse, because a line that patients depend on must use the real time."""
        raise ConfigError(
            f"The clock of a running office cannot be set to {instant.isoformat(' ', 'minutes')}; "
            "only the demo's can."
        )


class DemoClock:
    """A clock that can be set and runs on from there; only for the demo and tests."""

    def __init__(self, instant: datetime) -> None:
        self.set(instant)

    def now(self) -> datetime:
        """Return the set instant plus the time that has passed since."""
        return self._instant + timedelta(seconds=time.monotonic() - self._set_at)

    def set(self, instant: datetime) -> None:
        """Set the clock to an aware instant."""
        self._instant = instant.astimezone(UTC)
        self._set_at = time.monotonic()
