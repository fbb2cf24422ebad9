"""Post-dial delay: the back line through OfficeLine, natively, and through others' servers.

From the carrier's INVITE to the office's INVITE to the mobile, on one real Asterisk, in one run,
the routes taking turns so that a machine's drift cancels: at idle, when the line has done with the
call before; one call right after the other; and at twenty calls a second. A process for each call
takes turns with native calls alone, for it leaves the processors' caches cold to whoever follows.
Then from the INVITE to the first audio of the greeting. `python -m benchmarks.pdd [--calls N]`
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import minimal, office
from benchmarks.measured import Report, options, ratio, spread, table, taking_turns
from pbx.asterisk.engine import runtime

if TYPE_CHECKING:
    from benchmarks.sip import OneSocketCarrier

CALLS, GREETINGS, PACED = 400, 60, 400
WARM_UP = 20
REST_S = 0.05  # in which the daemon writes down the call before, and Asterisk forgets it
RATE, TALK_S, BLOCK = 20.0, 0.5, 50  # calls a second, how long each lasts, calls of a route in turn
ROUTES = {
    "native": office.NATIVE,
    "officeline": office.BACK_LINE,
    "panoramisk": "+12125550192",
    "pyst2 server": "+12125550193",
    "ready-made": "+12125550195",
}
PROCESS, PROCESS_DID, PROCESSES = "pyst2 process", "+12125550194", 60
AT_MOST = {"p50": 1.5, "p99": 2.0}


async def measure(folder: Path, calls: int, paced: int, greetings: int) -> dict[str, Any]:
    """Run the office and place the calls; return seconds by situation and route."""
    folder.chmod(0o755)
    own = await asyncio.to_thread(minimal.script, folder, runtime.service_user())
    async with (
        minimal.serving("panoramisk") as first,
        minimal.serving("pyst2") as second,
        minimal.serving("ready-made") as third,
    ):
        more = "".join(
            (
                office.native_route(ROUTES["panoramisk"], f"AGI(agi://127.0.0.1:{first}/route)"),
                office.native_route(ROUTES["pyst2 server"], f"AGI(agi://127.0.0.1:{second}/route)"),
                office.asking_elsewhere(ROUTES["ready-made"], third),
                office.native_route(PROCESS_DID, f"AGI({own})"),
            )
        )
        async with office.office_up(folder, more) as up:
            place = partial(_place, up.carrier, calls, paced, greetings)
            return await asyncio.to_thread(place)


def _place(carrier: OneSocketCarrier, calls: int, paced: int, greetings: int) -> dict[str, Any]:
    works = _of_each(carrier.delay, ROUTES)
    costly = _of_each(carrier.delay, {"native": office.NATIVE, PROCESS: PROCESS_DID})
    lines = {"native": office.NATIVE_GREETING, "officeline": office.MAIN}
    heard = _of_each(carrier.first_audio, lines)
    return {
        "idle": taking_turns(works, calls, WARM_UP, REST_S),
        "one after the other": taking_turns(works, calls, WARM_UP),
        "at 20 calls a second": _paced(carrier, paced),
        "a process for each call, idle": taking_turns(costly, min(calls, PROCESSES), 3, REST_S),
        "to the first audio": taking_turns(heard, greetings, 3, REST_S),
    }


def _of_each(
    place: Callable[[str, str], float], dids: Mapping[str, str]
) -> dict[str, Callable[[], float]]:
    return {route: partial(place, did, office.area(did)) for route, did in dids.items()}


def _paced(carrier: OneSocketCarrier, calls: int) -> dict[str, list[float]]:
    """Place blocks of each route in turn."""
    found: dict[str, list[float]] = {route: [] for route in ROUTES}
    for _ in range(-(-calls // BLOCK)):
        for route in found:
            did, size = ROUTES[route], min(BLOCK, calls)
            found[route] += carrier.paced(did, office.area(did), size, RATE, TALK_S)
    return found


def main() -> None:
    """Measure, print the tables, write the JSON; exit 1 past the targets."""
    given = options(__doc__, calls=CALLS, paced=PACED, greetings=GREETINGS)
    with tempfile.TemporaryDirectory(prefix="officeline-bench-") as name:
        found = asyncio.run(measure(Path(name), given.calls, given.paced, given.greetings))
    report = Report("pdd")
    for situation, delays in found.items():
        rows, native = [], delays["native"]
        report.figures[situation] = {}
        for route, seconds in delays.items():
            figures, against = spread(seconds, 1e3), ratio(seconds, native)
            report.figures[situation][route] = {"ms": figures, "to_native": against}
            noise = f"{against['low']:.2f} to {against['high']:.2f}"
            rows.append((route, *figures.values(), against["p50"], against["p99"], noise))
        print(f"\n{situation}, {len(native)} calls of each route, ms")
        table(("route", "p50", "p90", "p99", "most", "x p50", "x p99", "its parts"), rows)
    _hold(report)
    report.finish(given.json)


def _hold(report: Report) -> None:
    """Hold the figures against the targets."""
    for situation in ("idle", "at 20 calls a second"):
        routes = report.figures[situation]
        for rank, limit in AT_MOST.items():
            figure = routes["officeline"]["to_native"][rank]
            report.at_most(f"{situation}: to native at {rank}", figure, limit)
        for other in ("panoramisk", "pyst2 server"):
            figure = routes["officeline"]["ms"]["p50"] / routes[other]["ms"]["p50"]
            report.at_most(f"{situation}: to an empty answer by {other}", figure, 1.0)


if __name__ == "__main__":
    main()
