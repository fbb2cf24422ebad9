"""What all benchmarks share: options, rounds that take turns, percentiles, a table, the JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

DIES_WITH_US = ("setpriv", "--pdeathsig", "KILL")  # before the words of a process
BLOCKS = 5  # how noisy a ratio is, is told by the ratios of so many parts of a run


def options(text: str | None, **sizes: int) -> argparse.Namespace:
    """Read the command line: `--json FILE`, and a whole number for each named size."""
    parser = argparse.ArgumentParser(
        description=text, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="default: var/bench/NAME.json")
    for size, usual in sizes.items():
        parser.add_argument(f"--{size}", type=int, default=usual, metavar="N")
    return parser.parse_args()


def taking_turns(
    works: Mapping[str, Callable[[], float]], rounds: int, warm_up: int = 0, rest_s: float = 0.0
) -> dict[str, list[float]]:
    """Call each work once a round and return its figures; before each the machine rests.

    The order is drawn anew each round, the same in every run: in one that only turned, each would
    always follow the same other, and pay for what that one left behind.
    """
    draw = random.Random(0)  # noqa: S311  # an order, no secret
    names = list(works)
    found: dict[str, list[float]] = {name: [] for name in names}
    for number in range(warm_up + rounds):
        draw.shuffle(names)
        for name in names:
            time.sleep(rest_s)
            figure = works[name]()
            if number >= warm_up:
                found[name].append(figure)
    return found


def percentile(values: Sequence[float], rank: float) -> float:
    """Return the least value that so many percent lie at or below; 0 to 100."""
    ordered = sorted(values)
    return ordered[max(0, -int(-len(ordered) * rank // 100) - 1)]


def spread(values: Sequence[float], scale: float = 1.0) -> dict[str, float]:
    """Return median, p90, p99 and the most, times `scale`."""
    ranks = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "most": 100.0}
    return {name: percentile(values, rank) * scale for name, rank in ranks.items()}


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> dict[str, float]:
    """Compare two routes of one run at p50 and p99; `low` and `high` are of its parts' medians."""
    size = max(1, min(len(ours), len(theirs)) // BLOCKS)
    parts = [
        statistics.median(ours[at : at + size]) / statistics.median(theirs[at : at + size])
        for at in range(0, size * BLOCKS, size)
        if ours[at : at + size] and theirs[at : at + size]
    ]
    both = {
        name: percentile(ours, rank) / percentile(theirs, rank)
        for name, rank in (("p50", 50.0), ("p99", 99.0))
    }
    return {**both, "low": min(parts), "high": max(parts)}


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table as Markdown reads it."""
    cells = [[_cell(one) for one in row] for row in rows]
    widths = [max(len(row[at]) for row in (list(columns), *cells)) for at in range(len(columns))]
    for row in (list(columns), ["-" * width for width in widths], *cells):
        padded = (one.ljust(width) for one, width in zip(row, widths, strict=True))
        print(f"| {' | '.join(padded)} |", flush=True)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
    return str(value)


@dataclass
class Report:
    """What one benchmark found: figures by name, and what was to be reached."""

    name: str
    figures: dict[str, Any] = field(default_factory=dict)
    wanted: list[tuple[str, float, float]] = field(default_factory=list)  # what, figure, at most

    def at_most(self, what: str, figure: float, limit: float) -> None:
        """Hold a figure against what it may be at most."""
        self.wanted.append((what, figure, limit))

    def finish(self, path: Path | None) -> None:
        """Say what was reached and write the JSON; exit 1 where something was not."""
        for what, figure, limit in self.wanted:
            verdict = "reached" if figure <= limit else "NOT REACHED"
            print(f"{what}: {figure:.3g} (at most {limit:g}), {verdict}")
        kept = path or Path("var/bench") / f"{self.name}.json"
        kept.parent.mkdir(parents=True, exist_ok=True)
        goals = [
            {"what": what, "figure": figure, "at_most": limit, "reached": figure <= limit}
            for what, figure, limit in self.wanted
        ]
        whole = {"benchmark": self.name, **surroundings(), **self.figures, "goals": goals}
        kept.write_text(json.dumps(whole, indent=1))
        if not all(goal["reached"] for goal in goals):
            raise SystemExit(1)


def surroundings() -> dict[str, Any]:
    """Tell when and on what a figure was measured."""
    from pbx.asterisk.engine import runtime

    found = runtime.find_asterisk()
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "asterisk": found.version if found else None,
        "processors": os.cpu_count(),
        "processor": _processor(),
        "load_average": os.getloadavg()[0],
    }


def _processor() -> str:
    """Name the processor as the kernel does."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())
