"""The log: how fast events become rows, and what a growing one costs whoever waits for it.

Each command is measured as a whole, start-up included, over a year's calls and over one day of
them; the start of the daemon, and a call's way through it, on a real Asterisk with that log.
`python -m benchmarks.log [--most CALLS] [--events PER_SECOND]`
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.intake import taken
from benchmarks.measured import Report, options, ratio, spread, table, taking_turns
from benchmarks.office import BACK_LINE, NATIVE, MeasuredOffice, area, office_up
from benchmarks.seeded import seed

MOST, EVENTS = 1_000_000, 8_000
SIZES = (10_000, 100_000, 1_000_000)
STEP, BURST_S, TALK_S = 1_000, 4, 60  # events a second, for how long, and a call's talk
ALL = ("--from", "2025-11-01", "--to", "2026-11-01")
DAY = ("--from", "2026-03-08", "--to", "2026-03-09")
REPORTS = ("day", "week", "month", "oncall")
COMMANDS: dict[str, tuple[str, ...]] = {
    **{f"report {one}, a year": ("report", one, *ALL) for one in REPORTS},
    **{f"report {one}, a day": ("report", one, *DAY) for one in REPORTS},
    "calls list": ("calls", "list"),
    "reconcile": ("reconcile", "--day", "2026-03-08"),
}
TIMES, CALLS, WARM_UP = 3, 150, 10
REPORT_S, FLAT = 2.0, 1.25


async def grown(folder: Path, sizes: tuple[int, ...]) -> dict[int, dict[str, Any]]:
    """Measure with a log of each size."""
    found: dict[int, dict[str, Any]] = {}
    async with office_up(folder) as up:
        for size in (0, *sizes):
            await up.stop_daemon()
            if size:
                for old in up.home.folder.glob("officeline.db*"):
                    old.unlink()
                await asyncio.to_thread(seed, up.home, size)
            found[size] = await _with_log(up, filled=bool(size))
            print(f"{size} calls: measured", file=sys.stderr, flush=True)
    return found


async def _with_log(up: MeasuredOffice, *, filled: bool) -> dict[str, Any]:
    """Measure the commands, the start and the calls with the log as it is."""
    commands: dict[str, float] = {}
    if filled:
        works = {name: partial(_command, up, words) for name, words in COMMANDS.items()}
        took = await asyncio.to_thread(taking_turns, works, TIMES)
        commands = {name: spread(seconds)["p50"] for name, seconds in took.items()}
    starts = []
    for _ in range(TIMES):
        await up.stop_daemon()
        began = time.perf_counter()
        await up.start_daemon()
        starts.append(time.perf_counter() - began)
    await up.stand_by_ready()
    routes = {"native": NATIVE, "officeline": BACK_LINE}
    place = {route: partial(up.carrier.delay, did, area(did)) for route, did in routes.items()}
    delays = await asyncio.to_thread(taking_turns, place, CALLS, WARM_UP)
    return {
        "seconds": {**commands, "start of the daemon": spread(starts)["p50"]},
        "pdd_ms": spread(delays["officeline"], 1e3),
        "pdd_to_native": ratio(delays["officeline"], delays["native"]),
        "database_mb": up.home.database.stat().st_size / 2**20,
    }


def _command(up: MeasuredOffice, words: tuple[str, ...]) -> float:
    places = ("--config", str(up.config), "--home", str(up.home.folder))
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "cli", *places, *words, "--json"], check=False, capture_output=True
    )
    if done.returncode > 1:
        raise SystemExit(done.stderr.decode())
    return time.perf_counter() - began


def events(folder: Path, most: int) -> list[dict[str, Any]]:
    """Raise the rate until something is lost, or it keeps up no more; then cut all calls off."""

    def reported(rate: int, talk_s: float) -> dict[str, Any]:
        with tempfile.TemporaryDirectory(dir=folder) as name:
            return asyncio.run(taken(Path(name), rate, rate * BURST_S // 6, talk_s))

    found = []
    for rate in range(STEP, most + 1, STEP):
        found.append(reported(rate, TALK_S))
        if found[-1]["lost"] or found[-1]["heard_events_s"] < 0.8 * rate:
            break
    return [*found, reported(STEP, 0)]


def main() -> None:
    """Measure, print, write the JSON; exit 1 past the targets."""
    given = options(__doc__, most=MOST, events=EVENTS)
    report = Report("log")
    with tempfile.TemporaryDirectory(prefix="officeline-bench-") as name:
        flow = events(Path(name), given.events)
    columns = tuple(flow[0])
    table(columns, [tuple(one.values()) for one in flow])
    report.figures["events"] = flow
    sizes = tuple(size for size in SIZES if size <= given.most) or (given.most,)
    with tempfile.TemporaryDirectory(prefix="officeline-bench-") as name:
        found = asyncio.run(grown(Path(name), sizes))
    report.figures["growth"] = {str(size): one for size, one in found.items()}
    rows = [
        (what, *(found[size]["seconds"].get(what, "") for size in found))
        for what in (*COMMANDS, "start of the daemon")
    ]
    for what in ("p50", "p99"):
        rows.append(
            (f"INVITE to INVITE, {what} ms", *(one["pdd_ms"][what] for one in found.values()))
        )
        ratios = (one["pdd_to_native"][what] for one in found.values())
        rows.append((f"the same to native, {what}", *ratios))
    rows.append(("database, MB", *(one["database_mb"] for one in found.values())))
    print()
    table(("seconds, by calls logged", *(str(size) for size in found)), rows)
    _hold(report, found[sizes[-1]], found[0])
    report.finish(given.json)


def _hold(report: Report, full: dict[str, Any], empty: dict[str, Any]) -> None:
    """Hold the largest log against the targets and against an empty one."""
    slowest = max(full["seconds"][name] for name in COMMANDS)
    report.at_most("the slowest command over the largest log, s", slowest, REPORT_S)
    for what in ("p50", "p99"):
        share = full["pdd_to_native"][what] / empty["pdd_to_native"][what]
        report.at_most(f"a call with the largest log to one with none, {what}", share, FLAT)
    *ramp, cut_off = report.figures["events"]
    lost = cut_off["lost"] + sum(one["lost"] for one in ramp[:-1])
    report.at_most("calls lost below the highest rate", lost, 0)


if __name__ == "__main__":
    main()
