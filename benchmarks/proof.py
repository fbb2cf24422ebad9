"""A proof: how long it takes by rules, people and span, where every person has their own windows.

Each person can be called by mobile in hours of their own on each weekday and by a second number
else, is quiet at night, and the rules ask for panels, flags, repeats and times of the week.
`python -m benchmarks.proof`
"""

from __future__ import annotations

import json
import os
import platform
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from datetime import time as clock
from pathlib import Path

from benchmarks.routing import practice
from routing import model
from routing.proof import prove

# rules, people, patients, days
SIZES = (
    (10, 3, 100, 365),
    (50, 20, 1_000, 30),
    (50, 20, 1_000, 365),
    (50, 20, 10_000, 365),
    (50, 20, 1_000, 3_650),
    (200, 50, 10_000, 365),
)
BUDGET_S = 2.0  # a year at 50 rules and 20 people
START = datetime(2026, 11, 1, tzinfo=UTC)


def with_windows(plan: model.Plan) -> model.Plan:
    """Give every person hours of their own, and a rule a window."""
    people = {}
    for number, person in enumerate(plan.people.values()):
        early, late = clock(6 + number % 4, number % 60), clock(19 + number % 4, number % 60)
        days = tuple(model.Window(day, early, day, late) for day in range(7))
        nights = tuple(model.Window(day, late, (day + 1) % 7, early) for day in range(7))
        contacts = (model.Contact("mobile", days), model.Contact("second"))
        people[person.id] = replace(person, contacts=contacts, quiet=nights)
    window = model.Window(5, clock(9), 5, clock(12))
    saturday = model.Rule("saturday", model.When(during=(window,)), model.RunLadder("urgent"))
    return replace(plan, people=people, rules=(saturday, *plan.rules))


def main() -> None:
    """Measure, print the growth, write the JSON; exit 1 past the budget."""
    rows = []
    columns = ("rules", "people", "patients", "days", "intervals", "paths")
    print("".join(f"{name:>11}" for name in columns) + f"{'s':>8}")
    for size in SIZES:
        rules, people, patients, days = size
        plan = with_windows(practice(rules - 1, people, patients))
        numbers = dict.fromkeys(plan.people, frozenset({"mobile", "second"}))
        began = time.perf_counter()
        found = prove(plan, numbers, START, START + timedelta(days=days))
        seconds = time.perf_counter() - began
        if not found.holds:
            raise SystemExit("the measured practice is not whole")
        figures = (*size, found.intervals, found.paths)
        print("".join(f"{one:>11}" for one in figures) + f"{seconds:>8.2f}")
        rows.append({**dict(zip(columns, figures, strict=True)), "seconds": seconds})
    report = {
        "benchmark": "proof",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "processors": os.cpu_count(),
        "proofs": rows,
    }
    target = Path("var/bench")
    target.mkdir(parents=True, exist_ok=True)
    (target / "proof.json").write_text(json.dumps(report, indent=1))
    year = rows[SIZES.index((50, 20, 1_000, 365))]["seconds"]
    print(f"a year at 50 rules and 20 people: {year:.2f} s (at most {BUDGET_S:.0f})")
    if year > BUDGET_S:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
