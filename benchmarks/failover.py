"""What a broken control layer costs the caller: the back line with the daemon alive, dead, hung.

From the carrier's INVITE to the office's INVITE to the mobile. Killed in the middle is: it takes
the question, says nothing, and dies a moment later. `python -m benchmarks.failover [--calls N]`
"""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import threading
from pathlib import Path

from benchmarks.measured import Report, options, spread, table
from benchmarks.office import BACK_LINE, MeasuredOffice, office_up

CALLS, SLOW_CALLS = 60, 5
WARM_UP = 5
MIDDLE_S = 0.5  # after the INVITE, when it dies
DEAD_S, HUNG_S = 0.3, 4.0  # at most more than alive; the watchdog leaves a hung one after 3.7 s


async def measure(folder: Path, calls: int, slow: int) -> dict[str, list[float]]:
    """Return the seconds of each call, by what the control layer was."""
    async with office_up(folder) as up:

        def place(count: int) -> list[float]:
            return [up.carrier.delay(BACK_LINE) for _ in range(count + WARM_UP)][WARM_UP:]

        found = {"alive": await asyncio.to_thread(place, calls), "hung": [], "killed": []}
        os.kill(up.daemon_pid, signal.SIGSTOP)
        found["hung"] = [await asyncio.to_thread(up.carrier.delay, BACK_LINE) for _ in range(slow)]
        os.kill(up.daemon_pid, signal.SIGCONT)
        for _ in range(slow):
            found["killed"].append(await asyncio.to_thread(_killed, up))
            await up.start_daemon()
            await up.stand_by_ready()
        os.kill(up.daemon_pid, signal.SIGKILL)
        assert up.daemon is not None  # noqa: S101  # it was killed just now
        await up.daemon.wait()
        found["dead"] = await asyncio.to_thread(place, calls)
        return found


def _killed(up: MeasuredOffice) -> float:
    """Place a call whose question is taken by a daemon that dies then."""
    os.kill(up.daemon_pid, signal.SIGSTOP)
    death = threading.Timer(MIDDLE_S, os.kill, (up.daemon_pid, signal.SIGKILL))
    death.start()
    try:
        return up.carrier.delay(BACK_LINE) - MIDDLE_S
    finally:
        death.join()


def main() -> None:
    """Measure, print, write the JSON; exit 1 past the target."""
    given = options(__doc__, calls=CALLS, slow=SLOW_CALLS)
    with tempfile.TemporaryDirectory(prefix="officeline-bench-") as name:
        found = asyncio.run(measure(Path(name), given.calls, given.slow))
    report = Report("failover")
    alive = spread(found["alive"])["p50"]
    rows = []
    for what, seconds in found.items():
        figures = spread(seconds, 1e3)
        report.figures[what] = {"calls": len(seconds), "ms": figures}
        rows.append((what, len(seconds), *figures.values(), figures["p50"] - alive * 1e3))
        if what != "alive":
            limit = HUNG_S if what == "hung" else DEAD_S
            report.at_most(f"{what}: seconds more than alive", figures["p50"] / 1e3 - alive, limit)
    columns = ("control layer", "calls", "p50 ms", "p90 ms", "p99 ms", "most ms", "more ms")
    table(columns, rows)
    print("killed: counted from its death")
    report.finish(given.json)


if __name__ == "__main__":
    main()
