"""Memory: the daemon after its start and after 10,000 calls, and Asterisk with its modules.

SIPp places the calls on the back line, each of which is routed, rung and logged.
`python -m benchmarks.footprint [--calls N] [--rate N]`
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.measured import Report, options, table
from benchmarks.office import BACK_LINE, MeasuredOffice, memory_mb, office_up
from benchmarks.sipp import Sipp

CALLS, RATE, PARTS = 10_000, 40, 5
DAEMON_MB, GROWTH_MB = 90.0, 5.0  # growth: from the first part of the calls to the last


async def measure(folder: Path, calls: int, rate: int) -> dict[str, Any]:
    """Return the memory after each part of the calls."""
    async with office_up(folder) as up:
        sipp = Sipp(folder, up.sip, up.carrier.address[1])
        up.carrier.close()  # its port is the phones'
        # the first start makes the database, with code that none after needs
        await up.stop_daemon()
        await up.start_daemon()
        rows = [_memory(up, 0)]
        placed = 0
        for _ in range(PARTS):
            counted = await sipp.place(BACK_LINE, calls // PARTS, rate)
            placed += counted.succeeded
            await asyncio.sleep(2)  # until the log is written
            rows.append(_memory(up, placed))
        reported = await up.asterisk.command("module show")
        modules = re.search(r"(\d+) modules loaded", reported)
        return {"memory": rows, "asterisk_modules": int(modules[1]) if modules else None}


def _memory(up: MeasuredOffice, calls: int) -> dict[str, float]:
    daemon, asterisk = up.daemon_pid, up.asterisk_pid
    return {
        "calls": calls,
        "daemon_mb": memory_mb(daemon),
        "daemon_most_mb": memory_mb(daemon, "VmHWM"),
        "asterisk_mb": memory_mb(asterisk),
    }


def main() -> None:
    """Measure, print, write the JSON; exit 1 past the targets."""
    given = options(__doc__, calls=CALLS, rate=RATE)
    with tempfile.TemporaryDirectory(prefix="officeline-bench-") as name:
        found = asyncio.run(measure(Path(name), given.calls, given.rate))
    rows = found["memory"]
    table(("calls", "daemon MB", "at most MB", "Asterisk MB"), [tuple(r.values()) for r in rows])
    print(f"Asterisk has {found['asterisk_modules']} modules")
    report = Report("footprint", found)
    report.at_most("the daemon's MB", rows[-1]["daemon_most_mb"], DAEMON_MB)
    report.at_most("its growth", rows[-1]["daemon_mb"] - rows[1]["daemon_mb"], GROWTH_MB)
    report.finish(given.json)


if __name__ == "__main__":
    main()
