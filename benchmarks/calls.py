"""Calls a second: how many SIPp places without one that fails, natively and through OfficeLine.

First what a call costs Asterisk and the daemon in processor time; then each rate is played on all
routes in turn, up to the first that fails. Only OfficeLine's have the daemon beside them: it would
hear of the others, too, and look each up, as calls that it knows nothing about. `ready-made` is our
dialplan with a server that answers with a finished verdict, the least that asking anybody costs. A
call has failed if SIPp says so, or if it did not ring the phone.
`python -m benchmarks.calls [--seconds N] [--least RATE] [--most RATE]`
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import minimal
from benchmarks.measured import Report, options, table
from benchmarks.office import (
    BACK_LINE,
    NATIVE,
    MeasuredOffice,
    asking_elsewhere,
    office_up,
    processor_s,
)
from benchmarks.sipp import Sipp

SECONDS, LEAST, MOST, STEP = 8, 60, 480, 20
ROUTES = {"native": NATIVE, "ready-made": "+12125550195", "officeline": BACK_LINE}
PROCESSES = ("asterisk", "daemon")
AT_LEAST = 0.8
COST_RATE, COST_CALLS = 100, 1000


async def measure(folder: Path, seconds: int, least: int, most: int) -> dict[str, Any]:
    """Raise the rate on all routes until each fails."""
    async with (
        minimal.serving("ready-made") as port,
        office_up(folder, asking_elsewhere(ROUTES["ready-made"], port)) as up,
    ):
        sipp = Sipp(folder, up.sip, up.carrier.address[1])
        up.carrier.close()  # its port is the phones'
        cost = {route: await _cost(up, sipp, route) for route in ROUTES}
        tries: list[dict[str, Any]] = []
        sustained = dict.fromkeys(ROUTES, 0)
        going_on = set(ROUTES)
        for rate in range(least, most + 1, STEP):
            for route in sorted(going_on, reverse=rate % (2 * STEP) == 0):
                await _prepare(up, route)
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


async def _prepare(up: MeasuredOffice, route: str) -> None:
    """Start the daemon for its own calls, or end it before others."""
    if route != "officeline":
        await up.stop_daemon()
    elif up.daemon is None:
        await up.start_daemon()
        await up.stand_by_ready()


async def _cost(up: MeasuredOffice, sipp: Sipp, route: str) -> dict[str, float]:
    """Return the milliseconds of processor that a call costs, less what idling costs."""
    await _prepare(up, route)
    processes = {"asterisk": up.asterisk_pid}
    if up.daemon is not None:
        processes["daemon"] = up.daemon_pid
    before = {name: processor_s(pid) for name, pid in processes.items()}
    counted = await sipp.place(ROUTES[route], COST_CALLS, COST_RATE)
    await asyncio.sleep(1)
    used = {name: processor_s(pid) - before[name] for name, pid in processes.items()}
    if counted.succeeded != COST_CALLS:
        print(f"at {COST_RATE} calls a second {COST_CALLS - counted.succeeded} failed")
    return {"daemon": 0.0} | {name: seconds / COST_CALLS * 1e3 for name, seconds in used.items()}


def main() -> None:
    """Measure, print, write the JSON; exit 1 past the target."""
    given = options(__doc__, seconds=SECONDS, least=LEAST, most=MOST)
    with tempfile.TemporaryDirectory(prefix="officeline-bench-") as name:
        found = asyncio.run(measure(Path(name), given.seconds, given.least, given.most))
    report = Report("calls", found)
    rows = [
        (route, found["sustained"][route], *(found["cost"][route][one] for one in PROCESSES))
        for route in ROUTES
    ]
    table(("route", "calls a second", "Asterisk ms a call", "daemon ms a call"), rows)
    share = found["sustained"]["native"] / max(1, found["sustained"]["officeline"])
    report.at_most("native's calls a second to OfficeLine's", share, 1 / AT_LEAST)
    report.finish(given.json)


if __name__ == "__main__":
    main()
