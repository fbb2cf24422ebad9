"""Reports over a log of a million calls: how long each takes, as a person waits for it.

The whole command is measured, start-up included, over all the calls and over one day of them.
`python -m benchmarks.reports [CALLS]`
"""

from __future__ import annotations

import json
import os
import platform
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pbx.home import Home
from pbx.store.database import open_database
from pbx.store.tables import utc_text

CALLS = 1_000_000
START, DAYS = datetime(2025, 11, 1, tzinfo=UTC), 365
PEOPLE = ("lee", "osei", "patel")
ENDS = {"connected": 70, "message": 20, "abandoned": 8, "blocked": 2}
REPORTS = ("day", "week", "month", "oncall")
SPANS = {
    "all calls": ("--from", "2025-11-01", "--to", "2026-11-01"),
    "one day": ("--from", "2026-03-08", "--to", "2026-03-09"),
}
TIMES = 3  # the best of so many counts: the machine does other things, too
BUDGET_S = 2.0

_CALL = """INSERT INTO call (id, started_at, acknowledged_at, ended_at, line, did, caller, urgency,
    decision, outcome, person) VALUES (?, ?, ?, ?, 'main', '+12125550100', ?, ?, 'ladder', ?, ?)"""
_LEGS = """INSERT INTO leg (call, channel, person, kind, started_at, ended_at, result)
    SELECT id, id || '.1', coalesce(person, 'lee'), 'mobile', started_at, ended_at,
           iif(person IS NULL, 'no answer', 'accepted') FROM call"""
_MESSAGES = """INSERT INTO message (id, call, opened_at, state, urgency, flags, acknowledged_by,
    acknowledged_at, called_back_by, called_back_at)
    SELECT id, id, started_at, 'called back', urgency, '[]', 'lee', ended_at, 'osei', ended_at
    FROM call WHERE outcome = 'message'"""


def seed(folder: Path, calls: int) -> None:
    """Fill the log of a home: calls, a leg of each, and the messages of those that left one."""
    open_database(Home(folder).database).dispose()
    with closing(sqlite3.connect(Home(folder).database)) as connection:
        connection.executemany(_CALL, _calls(calls))
        connection.execute(_LEGS)
        connection.execute(_MESSAGES)
        connection.commit()


def _calls(count: int) -> Iterator[tuple[Any, ...]]:
    """Make calls through the year, each from one of a fifth as many callers."""
    chance = random.Random(7)  # noqa: S311  # figures, no secrets
    step = DAYS * 86_400 / count
    for number in range(count):
        at = START.timestamp() + number * step
        outcome = chance.choices(list(ENDS), list(ENDS.values()))[0]
        answered = outcome == "connected"
        yield (
            f"{at:.3f}.{number}",
            _text(at),
            _text(at + chance.lognormvariate(2.7, 0.6)) if answered else None,
            _text(at + 120),
            f"+1212{chance.randrange(max(1, count // 5)):07}",
            chance.choice(("urgent", "routine")),
            outcome,
            chance.choice(PEOPLE) if answered else None,
        )


def _text(at: float) -> str:
    return utc_text(datetime.fromtimestamp(at, UTC))


def seconds(folder: Path, words: tuple[str, ...]) -> float:
    """Measure one command as a process of its own."""
    command = [sys.executable, "-m", "cli", "--home", str(folder), "report", *words, "--json"]
    took = []
    for _ in range(TIMES):
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        took.append(time.perf_counter() - began)
    return min(took)


def main() -> None:
    """Seed, measure, print, write the JSON; exit 1 past the budget."""
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else CALLS
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        began = time.perf_counter()
        seed(folder, calls)
        print(f"{calls} calls were written in {time.perf_counter() - began:.0f} s")
        print(f"{'report':10}" + "".join(f"{span:>12}" for span in SPANS))
        for report in REPORTS:
            took = {span: seconds(folder, (report, *days)) for span, days in SPANS.items()}
            print(f"{report:10}" + "".join(f"{one:>10.2f} s" for one in took.values()))
            rows.append({"report": report, **took})
    report_ = {
        "benchmark": "reports",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "calls": calls,
        "reports": rows,
    }
    target = Path("var/bench")
    target.mkdir(parents=True, exist_ok=True)
    (target / "reports.json").write_text(json.dumps(report_, indent=1))
    slowest = max(row[span] for row in rows for span in SPANS)
    print(f"the slowest: {slowest:.2f} s (at most {BUDGET_S:.0f})")
    if slowest > BUDGET_S:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
