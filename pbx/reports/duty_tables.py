"""The burden of being on call, as tables."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import time

from pbx.base.percentiles import RANKS
from pbx.reports.duty import Boundary, DutyReport
from pbx.reports.table import (
    SPREAD,
    Cell,
    Chart,
    Columns,
    ReportTable,
    TimeCell,
    minutes_text,
    spread_cells,
)
from routing.clocks import WEEKDAYS
from routing.time_text import TimeText


def duty_tables(found: DutyReport, times: TimeText) -> list[ReportTable]:
    """Return the tables of a span: people, their response times, schedules and handoffs."""
    return [_people(found), _promised(found), _schedules(found), _boundaries(found, times)]


def _people(found: DutyReport) -> ReportTable:
    columns: Columns = (
        ("person", ""),
        ("nights", ""),
        ("weekends", ""),
        ("holidays", ""),
        ("hours", "h"),
        ("interruptions", ""),
        ("taken", ""),
        ("other nights", ""),
        ("nights disturbed", ""),
        *((f"{rank} %", "") for rank in RANKS),
        ("most", ""),
        ("found waiting", ""),
    )
    rows: list[tuple[Cell, ...]] = [
        (
            one.person,
            one.burden.nights,
            one.burden.weekends,
            one.burden.holidays,
            round(one.burden.hours, 1),
            one.interruptions,
            one.taken,
            one.beyond,
            one.disturbed,
            *spread_cells(one.per_night)[2:],
            one.carried,
        )
        for one in found.people
    ]
    even = ", ".join(f"{kind} {value:.2f}" for kind, value in found.evenness.items())
    about = (
        "Interruptions are rings after hours; 'taken' counts those that were answered, and 'other "
        "nights' those in somebody else's night. 'Found waiting' counts urgent messages that "
        "nobody had acknowledged when the turn began. In nine of ten nights on call there were at "
        "most as many interruptions as the column '90 %' shows. "
        f"The most that one person has, divided by the mean (1.00 is even): {even}."
    )
    charts = (
        Chart("Nights on call", "nights", mean=_mean(row[1] for row in rows)),
        Chart("Interruptions after hours", "interruptions", mean=_mean(row[5] for row in rows)),
    )
    return ReportTable("people", "Nights and interruptions", columns, tuple(rows), charts, about)


def _mean(cells: Iterable[Cell]) -> float | None:
    numbers = [cell for cell in cells if isinstance(cell, int | float)]
    return round(sum(numbers) / len(numbers), 1) if any(numbers) else None


def _promised(found: DutyReport) -> ReportTable:
    rows = tuple(
        (
            f"{one.person}, {act.replace('_', ' ')}",
            *spread_cells(one.kept[act].waited),
            one.kept[act].share,
        )
        for one in found.people
        for act in one.kept
    )
    columns: Columns = (
        ("urgent messages", ""),
        ("number", ""),
        *SPREAD,
        (f"in {minutes_text(found.response_s)}", "%"),
    )
    return ReportTable("promises", "Time to acknowledge and to call back", columns, rows)


def _schedules(found: DutyReport) -> ReportTable:
    held: dict[str, list[int]] = {}
    for one in found.schedules:
        held.setdefault(one.schedule, []).append(one.nights)
    mean = {schedule: sum(nights) / len(nights) for schedule, nights in held.items()}
    rows = tuple(
        (
            f"{one.schedule}, {one.person}",
            one.nights,
            round(one.nights / mean[one.schedule], 2) if mean[one.schedule] else None,
            one.hours,
        )
        for one in found.schedules
    )
    columns: Columns = (("schedule", ""), ("nights", ""), ("of the mean", ""), ("hours", "h"))
    about = (
        "'Of the mean' is a person's nights divided by the schedule's mean: 1.00 is an equal share."
    )
    return ReportTable("schedules", "By schedule", columns, rows, about=about)


def _boundaries(found: DutyReport, times: TimeText) -> ReportTable:
    rows = tuple(
        (
            _handoff(one, times),
            one.times,
            one.before,
            one.after,
            one.late,
            one.carried,
        )
        for one in found.boundaries
    )
    columns: Columns = (
        ("handoff", ""),
        ("times", ""),
        ("hour before", ""),
        ("hour after", ""),
        ("of who left", ""),
        ("left waiting", ""),
    )
    about = (
        "Interruptions in the hour before the handoff, and in the hour after it: of the new person "
        "and of who left. 'Left waiting' counts urgent messages that nobody had acknowledged then."
    )
    return ReportTable("handoffs", "What handoffs cost", columns, rows, about=about)


def _handoff(one: Boundary, times: TimeText) -> TimeCell:
    day = WEEKDAYS[one.weekday]
    clock = times.clock(time.fromisoformat(one.clock))
    return TimeCell(
        f"{one.schedule}, {day} {one.clock}", f"{one.schedule}, {day.capitalize()} {clock}"
    )
