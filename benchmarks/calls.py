"""Calls a second: how many SIPp places without one that fails, natively and through OfficeLine.

Each rate is played on both routes in turn, up to the first that fails; then what a call costs
Asterisk and the daemon in processor time. A call has failed if SIPp says so, or if it did not ring
the phone. `python -m benchmarks.calls [--seconds N] [--most N]`
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.measured import Report, options, table
from benchmarks.office import BACK_LINE, NATIVE, MeasuredOffice, office_up, processor_s
from benchmarks.sipp import Sipp

SECONDS, MOST = 8, 240
STEP = 20
ROUTES = {"native": NATIVE, "officeline": BACK_LINE}
AT_LEAST = 0.8
COST_RATE, COST_CALLS = 20, 400


async def measure(folder: Path, seconds: int, most: int) -> dict[str, Any]:
    """Raise the rate on both routes until each fails."""
    async with office_up(folder) as up:
        sipp = Sipp(folder, up.sip, up.carrier.address[1])
        up.carrier.close()  # its port is the phones'
        cost = {route: await _cost(up, sipp, did) for route, did in ROUTES.items()}
        tries: list[dict[str, Any]] = []
        sustained = dict.fromkeys(ROUTES, 0)
        going_on = set(ROUTES)
        for rate in range(STEP, most + 1, STEP):
            for route in sorted(going_on, reverse=rate % (2 * STEP) == 0):
                held, counted = await _holds(sipp, ROUTES[route], seconds, rate)
                tries.append({"route": route, "rate": rate, "held": held, **counted})
                print(route, rate, "held" if held else "FAILED", counted, flush=True)
                if held:
                    sustained[route] = rate
                else:
                    going_on.discard(route)
            if not going_on:
                break
        return {"cost": cost, "sustained": sustained, "tries": tries}


async def _holds(sipp: Sipp, did: str, seconds: int, rate: int) -> tuple[bool, dict[str, Any]]:
    """Try a rate, and once more if it failed: the machine does other things, too."""
    for _ in range(2):
        counted = await sipp.place(did, seconds * rate, rate)
        if counted.succeeded == counted.rang == seconds * rate:
            return True, asdict(counted)
        await asyncio.sleep(3)
    return False, asdict(counted)


async def _cost(up: MeasuredOffice, sipp: Sipp, did: str) -> dict[str, float]:
    """Return the milliseconds of processor that a call costs, less what idling costs."""
    processes = {"asterisk": up.asterisk_pid, "daemon": up.daemon_pid}
    before = {name: processor_s(pid) for name, pid in processes.items()}
    counted = await sipp.place(did, COST_CALLS, COST_RATE)
    await asyncio.sleep(1)
    used = {name: processor_s(pid) - before[name] for name, pid in processes.items()}
    if counted.succeeded != COST_CALLS:
        print(f"at {COST_RATE} calls a second {COST_CALLS - counted.succeeded} failed")
    return {name: seconds / COST_CALLS * 1e3 for name, seconds in used.items()}


def main() -> None:
    """Measure, print, write the JSON; exit 1 past the target."""
    given = options(__doc__, seconds=SECONDS, most=MOST)
    with tempfile.TemporaryDirectory(prefix="officeline-bench-") as name:
        found = asyncio.run(measure(Path(name), given.seconds, given.most))
    report = Report("calls", found)
    rows = [
        (route, found["sustained"][route], *(found["cost"][route].values())) for route in ROUTES
    ]
    table(("route", "calls a second", "Asterisk ms a call", "daemon ms a call"), rows)
    share = found["sustained"]["native"] / max(1, found["sustained"]["officeline"])
    report.at_most("native's calls a second to OfficeLine's", share, 1 / AT_LEAST)
    report.finish(given.json)


if __name__ == "__main__":
    main()
