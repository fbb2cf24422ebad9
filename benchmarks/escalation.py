"""The escalator's timers: how late people are called with 1, 100 and 10,000 open messages.

A real database and the real escalator; the dialer only notes the time, and that nobody answered.
Lateness is from the instant that a message's timer names to the call. Recovery is a start at which
all messages are due, as after a night without the control layer: until the first call, and until
the last. `python -m benchmarks.escalation [--most N] [--timers N]`
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import tempfile
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from benchmarks.measured import Report, options, spread, table
from pbx.base.clock import SystemClock
from pbx.config.plan import load
from pbx.db.database import open_database
from pbx.db.tables import utc_text
from pbx.escalation.escalator import Escalator

if TYPE_CHECKING:
    from pbx.calls.conversation import Book
    from pbx.db.follow_ups import Outcome
    from routing.model import Plan

MOST, TIMERS = 10_000, 300
SIZES = (1, 100, 10_000)
RATE = 10.0  # timers that run out a second: far more than people could be called
LEAD_S = 1.0  # the first of them, after the start
LATEST_MS = 100.0
LATER = timedelta(minutes=20)  # the timers that do not run out meanwhile
_OPEN = """INSERT INTO message (id, call, opened_at, state, urgency, flags, escalation, due_at)
    VALUES (?, ?, ?, 'open', 'urgent', '[]', 'urgent', ?)"""


@dataclass
class OnePlan:
    """The example practice, which does not change."""

    plan: Plan = field(default_factory=lambda: load(Path("config/office.toml")).plan)

    @property
    def book(self) -> Book:
        """Give everybody a mobile."""
        return {person: {"mobile": "PJSIP/x"} for person in self.plan.people}

    def by_hash(self, hash_: str) -> Plan | None:
        """Find none."""
        del hash_
        return None


@dataclass
class Notes:
    """The dialer: notes when it was first asked to call about each message."""

    at: dict[str, datetime] = field(default_factory=dict)

    async def deliver(self, message_id: str, person: str, *, urgent: bool, attempt: int) -> Outcome:
        """Reach nobody, at once."""
        del person, urgent, attempt
        self.at.setdefault(message_id, SystemClock().now())
        return "no answer"

    def rings(self, message_id: str, person: str) -> bool:
        """Ring for a moment only."""
        del message_id, person
        return False


def _tell_nobody(message_id: str, what: str, people: tuple[str, ...]) -> None:
    del message_id, what, people


async def played(
    folder: Path, due: dict[str, datetime], wanted: int
) -> tuple[datetime, dict[str, datetime]]:
    """Run the escalator on messages with these timers until so many were called about.

    Returns when it was started, and when each was called about.
    """
    database = folder / "officeline.db"
    open_database(database).dispose()
    now = SystemClock().now()
    with closing(sqlite3.connect(database)) as connection:
        rows = [(one, one, utc_text(now), utc_text(at)) for one, at in due.items()]
        connection.executemany(_OPEN, rows)
        connection.commit()
    engine, notes = open_database(database), Notes()
    escalator = Escalator(engine, OnePlan(), notes, SystemClock(), tell=_tell_nobody)
    started = SystemClock().now()
    running = asyncio.create_task(escalator.run())
    try:
        while len(notes.at) < wanted and not running.done():
            await asyncio.sleep(0.02)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        engine.dispose()
    return started, notes.at


async def lateness(folder: Path, messages: int, timers: int) -> list[float]:
    """Return in ms how late each timer was that ran out among so many open messages."""
    found: list[float] = []
    while len(found) < timers:
        count = min(messages, timers - len(found))
        # written first: the clock of the timers begins when all messages stand
        begin = SystemClock().now() + timedelta(seconds=LEAD_S + messages / 20_000)
        due = {
            f"m{number}": begin + timedelta(seconds=number / RATE)
            if number < count
            else begin + LATER
            for number in range(messages)
        }
        with tempfile.TemporaryDirectory(dir=folder) as name:
            _, called = await played(Path(name), due, count)
        found += [(called[one] - due[one]).total_seconds() * 1e3 for one in called]
        if messages == 1 and len(found) >= timers // 30:
            break
    return found


async def recovery(folder: Path, messages: int) -> tuple[float, float]:
    """Return the seconds from a start at which all are due to the first and to the last call."""
    past = SystemClock().now() - timedelta(minutes=1)
    due = {f"m{number}": past for number in range(messages)}
    with tempfile.TemporaryDirectory(dir=folder) as name:
        started, called = await played(Path(name), due, messages)
    times = [(at - started).total_seconds() for at in called.values()]
    return min(times), max(times)


def bare_writes(folder: Path, count: int) -> list[float]:
    """Return the milliseconds that the disk takes for a page of 4 KB and its fsync: the floor."""
    found = []
    with (folder / "bare").open("wb", buffering=0) as file:
        for _ in range(count):
            began = perf_counter()
            file.write(b"x" * 4096)
            os.fsync(file.fileno())
            found.append((perf_counter() - began) * 1e3)
    return found


def main() -> None:
    """Measure, print, write the JSON; exit 1 past the target."""
    given = options(__doc__, most=MOST, timers=TIMERS)
    report, rows = Report("escalation"), []
    with tempfile.TemporaryDirectory(prefix="officeline-bench-") as name:
        for size in (one for one in SIZES if one <= given.most):
            late = asyncio.run(lateness(Path(name), size, given.timers))
            bare = spread(bare_writes(Path(name), given.timers))
            first, last = asyncio.run(recovery(Path(name), size))
            figures = spread(late)
            rows.append((size, len(late), *figures.values(), first, last, bare["p99"]))
            report.figures[str(size)] = {
                "late_ms": figures,
                "timers": len(late),
                "bare_write_ms": bare,
                "recovery_s": {"first": first, "last": last},
            }
            report.at_most(f"{size} open messages: ms late at p99", figures["p99"], LATEST_MS)
    columns = (
        "open",
        "timers",
        "p50 ms",
        "p90 ms",
        "p99 ms",
        "most ms",
        "first s",
        "last s",
        "bare write p99 ms",
    )
    table(columns, rows)
    report.finish(given.json)


if __name__ == "__main__":
    main()
