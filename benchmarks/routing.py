"""One decision: `route()` by rules, people and patients, in the worst case: the last rule decides.

The floor that it is set against is what any policy must pay: the same list of rules walked, each
condition compared, without a reason being written. `python -m benchmarks.routing`
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from zoneinfo import ZoneInfo

from benchmarks.measured import Report, options, percentile, table
from routing import model
from routing.decision import Facts
from routing.engine import route

DID, CALLER = "+12125550100", "+19170000001"
SIZES = ((5, 3, 100), (20, 10, 1_000), (50, 20, 10_000), (200, 50, 10_000), (200, 50, 100_000))
ROUNDS, EACH = 200, 20
BUDGET_US = 100.0  # at 200 rules, 50 people and 10,000 patients


def practice(rules: int, people: int, patients: int) -> model.Plan:
    """Make an office whose rules each ask something that this caller is not."""
    staff = {f"dr{n}": model.Person(f"dr{n}", f"Dr. {n}", "physician") for n in range(people)}
    asked = (
        lambda n: model.When(panel=f"dr{n % people}", hours="closed", urgency="urgent"),
        lambda n: model.When(line=f"line{n}", hours="closed"),
        lambda n: model.When(flag=f"flag {n}"),
        lambda _: model.When(caller="anonymous"),
        lambda n: model.When(repeat=model.Repeat(3 + n % 9, 60), hours="closed"),
    )
    steps = (model.Try("oncall", 20), model.Try("backup", 20))
    week = tuple(model.Window(day, clock(8, 30), day, clock(17)) for day in range(5))
    listed = [
        model.Rule(f"rule {n}", asked[n % len(asked)](n), model.RunEscalation("urgent"))
        for n in range(rules - 1)
    ]
    return model.Plan(
        office=model.Office("Measured", DID, ZoneInfo("America/New_York")),
        lines=(model.Line(DID, "main", {"closed": "night"}),),
        office_hours={model.OFFICE: model.OfficeHours(model.OFFICE, week)},
        closures=tuple(
            model.Closure(model.Yearly(month, 1), f"month {month}") for month in range(1, 13)
        ),
        openings=(),
        people=staff,
        phones={},
        groups={},
        menus={"night": model.Menu("night", ("greeting-closed",), {"2": "routine"}, "urgent")},
        schedules={
            "doctors": model.Schedule(
                "doctors", (model.Layer(tuple(staff), date(2026, 1, 5), clock(8)),)
            )
        },
        escalations={"urgent": model.Escalation("urgent", steps)},
        rules=(*listed, model.Rule("the rest", model.When(), model.TakeMessage("routine"))),
        hash="measured",
        patients={
            f"+1917{n:07d}": model.Patient(f"p{n}", f"P {n}", f"dr{n % people}")
            for n in range(patients)
        },
    )


def floor(plan: model.Plan, facts: Facts) -> int:
    """Walk the rules and compare, as the least that a policy costs."""
    line, panel = "main", "nobody"
    found = 0
    for rule in plan.rules:
        when = rule.when
        if when.line is not None and when.line != line:
            continue
        if when.panel is not None and when.panel != panel:
            continue
        if when.caller is not None and facts.caller is not None:
            continue
        found += 1
    return found


def microseconds(work: Callable[[], object]) -> list[float]:
    """Time rounds of calls; one figure a round."""
    figures = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(EACH):
            work()
        figures.append((time.perf_counter() - began) / EACH * 1e6)
    return figures


def main() -> None:
    """Measure, print the growth, write the JSON; exit 1 past the budget."""
    given = options(__doc__)
    now = datetime(2026, 11, 28, 7, 10, tzinfo=UTC)
    facts = Facts(DID, CALLER, ("2",), (now - timedelta(minutes=5),))
    rows = []
    for size in SIZES:
        plan = practice(*size)
        if len(route(facts, plan, now).reasons) != size[0]:
            raise SystemExit("this caller is not decided by the last rule")
        ours = microseconds(lambda plan=plan: route(facts, plan, now))  # type: ignore[misc]
        least = microseconds(lambda plan=plan: floor(plan, facts))  # type: ignore[misc]
        row = dict(zip(("rules", "people", "patients"), size, strict=True))
        figures = {
            "p50": statistics.median(ours),
            "p99": percentile(ours, 99),
            "floor": statistics.median(least),
        }
        rows.append({**row, **figures})
    table(
        ("rules", "people", "patients", "p50 us", "p99 us", "floor us"),
        [(*row.values(),) for row in rows],
    )
    report = Report("routing", {"microseconds": rows})
    full = next(row for row in rows if (row["rules"], row["patients"]) == (200, 10_000))
    report.at_most("us at 200 rules, 50 people, 10,000 patients", full["p50"], BUDGET_US)
    report.finish(given.json)


if __name__ == "__main__":
    main()
