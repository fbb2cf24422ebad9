"""Recent callers, so that rules can recognize repeated calls."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable
from datetime import datetime

CALLERS = 5000  # numbers to remember; the one that has not called for longest is dropped first
CALLS = 20  # to remember for each number


class RecentCallers:
    """The latest calls of each number, in memory; filled from the log when the daemon starts."""

    def __init__(self, calls: Iterable[tuple[str, str, datetime]] = ()) -> None:
        """Begin with (caller in E.164, call id, time) tuples, oldest first."""
        self._calls: OrderedDict[str, deque[tuple[str, datetime]]] = OrderedDict()
        for caller, call, at in calls:
            self.note(caller, call, at)

    def note(self, caller: str, call: str, at: datetime) -> None:
        """Remember a call; the same call is counted once."""
        known = self._calls.setdefault(caller, deque(maxlen=CALLS))
        self._calls.move_to_end(caller)
        if all(call != other for other, _ in known):
            known.append((call, at))
        if len(self._calls) > CALLERS:
            self._calls.popitem(last=False)

    def earlier(self, caller: str | None, call: str) -> tuple[datetime, ...]:
        """List when this caller called before this call; empty for an anonymous caller."""
        if caller is None:
            return ()
        return tuple(at for other, at in self._calls.get(caller, ()) if other != call)

    def since(self, at: datetime) -> list[tuple[str, str, datetime]]:
        """List (caller, call id, time) from a time on, in the order of `__init__`."""
        return [
            (caller, call, when)
            for caller, calls in list(self._calls.items())
            for call, when in list(calls)
            if when >= at
        ]
