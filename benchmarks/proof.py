"""A proof, and a simulation: how long each takes by rules, people and span.

Each person can be called by mobile in hours of their own on each weekday and by a second number
else, is quiet at night, and the rules ask for panels, flags, repeats and times of the week.
`python -m benchmarks.proof`
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from datetime import time as clock

from benchmarks.measured import Report, options, table
from benchmarks.routing import practice
from routing import model
from routing.proof import prove
from routing.simulate import nightly, simulate

# rules, people, patients, days
SIZES = (
    (10, 3, 100, 365),
    (50, 20, 1_000, 30),
    (50, 20, 1_000, 365),
    (50, 20, 10_000, 365),
    (50, 20, 1_000, 3_650),
    (200, 50, 10_000, 365),
)
BUDGET_S, SIMULATION_S = 2.0, 3.0  # a year at 50 rules and 20 people
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
    saturday = model.Rule("saturday", model.When(during=(window,)), model.RunEscalation("urgent"))
    return replace(plan, people=people, rules=(saturday, *plan.rules))


def main() -> None:
    """Measure, print the growth, write the JSON; exit 1 past the budget."""
    given, rows = options(__doc__), []
    columns = ("rules", "people", "patients", "days", "intervals", "paths")
    for size in SIZES:
        rules, people, patients, days = size
        plan = with_windows(practice(rules - 1, people, patients))
        numbers = dict.fromkeys(plan.people, frozenset({"mobile", "second"}))
        began = time.perf_counter()
        found = prove(plan, numbers, START, START + timedelta(days=days))
        seconds = time.perf_counter() - began
        began = time.perf_counter()
        load = nightly(plan.lines[0], 12, 0.3, 0.8)
        simulate(plan, numbers, START, START + timedelta(days=days), load)
        simulated = time.perf_counter() - began
        if not found.holds:
            raise SystemExit("the measured practice is not whole")
        figures = (*size, found.intervals, found.paths)
        rows.append(
            {
                **dict(zip(columns, figures, strict=True)),
                "seconds": seconds,
                "simulation_s": simulated,
            }
        )
    table((*columns, "proof s", "simulation s"), [tuple(row.values()) for row in rows])
    report = Report("proof", {"proofs": rows})
    year = rows[SIZES.index((50, 20, 1_000, 365))]
    report.at_most("a proof over a year at 50 rules and 20 people, s", year["seconds"], BUDGET_S)
    report.at_most("a simulation of the same, s", year["simulation_s"], SIMULATION_S)
    report.finish(given.json)


if __name__ == "__main__":
    main()
