"""Traffic over a span of days, as tables; telephone numbers are masked."""

from __future__ import annotations

from pbx.db.figures import Counts
from pbx.reports import callers
from pbx.reports.display import Shown
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
from pbx.reports.traffic import ABANDONED, ANSWER_S, Kept, Traffic
from routing.clocks import WEEKDAYS
from routing.time_text import TimeText


def traffic_tables(found: Traffic, shown: Shown) -> list[ReportTable]:
    """Return the tables of a span, first the comparison with the norms."""
    return [
        _held(found),
        _waited(found),
        _by_hour(found, shown.plan.office.times),
        *([_by_weekday(found)] if len(found.days) > 1 else []),
        _by_day(found, shown.plan.office.times),
        callers.table(found.callers, found.total.calls, shown),
    ]


def _held(found: Traffic) -> ReportTable:
    """Return the comparison with the norms."""
    answers = found.answers
    rows: list[tuple[Cell, ...]] = [
        ("answered by a person within 30 s, open hours", answers.share, answers.offered, None, ""),
        (
            "hung up, open hours",
            answers.lost,
            answers.offered,
            ABANDONED,
            _verdict(answers.lost, ABANDONED),
        ),
    ]
    names = {"acknowledged": "acknowledged", "called_back": "called back"}
    for act, one in found.kept.items():
        rows.append(
            (
                f"urgent messages {names[act]} within {minutes_text(found.response_s)}",
                one.share,
                one.due,
                1.0,
                _all(one),
            )
        )
    columns: Columns = (
        ("figure", ""),
        ("share", "%"),
        ("of", ""),
        ("norm", "%"),
        ("holds", ""),
    )
    return ReportTable("norms", "Against the norms", columns, tuple(rows))


def _verdict(value: float | None, limit: float) -> str:
    return "" if value is None else "yes" if value <= limit else "no"


def _all(one: Kept) -> str:
    return "" if one.share is None else "yes" if one.within == one.due else "no"


def _waited(found: Traffic) -> ReportTable:
    rows = (
        ("until a person answered, open hours", *spread_cells(found.answers.waited), ANSWER_S),
        (
            "until acknowledged, urgent",
            *spread_cells(found.kept["acknowledged"].waited),
            found.response_s,
        ),
        (
            "until called back, urgent",
            *spread_cells(found.kept["called_back"].waited),
            found.response_s,
        ),
    )
    about = (
        f"{found.opened} urgent messages, {found.spoken} of them from callers who spoke with "
        "somebody while they were on the line; these do not count as waiting. Nine of ten "
        "waited at most as long as the column '90 %' shows."
    )
    columns: Columns = (
        ("wait", ""),
        ("number", ""),
        *SPREAD,
        ("norm", "s"),
    )
    return ReportTable("waiting", "How long callers waited", columns, rows, about=about)


_COUNTED: Columns = (
    ("calls", ""),
    ("urgent", ""),
    ("connected", ""),
    ("message", ""),
    ("hung up", ""),
)


def _counted(one: Counts) -> tuple[Cell, ...]:
    return one.calls, one.urgent, one.connected, one.message, one.abandoned


def _by_hour(found: Traffic, times: TimeText) -> ReportTable:
    rows = tuple(
        (TimeCell(f"{hour:02}", times.hour(hour), times.hour_mark(hour)), *_counted(one))
        for hour, one in enumerate(found.hours)
    )
    chart = Chart("Calls", "calls")
    return ReportTable("by_hour", "Calls by hour", (("hour", ""), *_COUNTED), rows, (chart,))


def _by_weekday(found: Traffic) -> ReportTable:
    rows = tuple(
        (name.capitalize(), days, *_counted(one), round(one.calls / days, 1) if days else None)
        for name, (one, days) in zip(WEEKDAYS, found.weekdays, strict=True)
    )
    columns: Columns = (
        ("weekday", ""),
        ("days", ""),
        *_COUNTED,
        ("calls a day", ""),
    )
    title = "Calls by weekday"
    chart = Chart("Calls a day", "calls a day")
    return ReportTable("by_weekday", title, columns, rows, (chart,))


def _by_day(found: Traffic, times: TimeText) -> ReportTable:
    columns: Columns = (
        ("day", ""),
        ("weekday", ""),
        *_COUNTED,
        ("open hours", ""),
        ("in 30 s", "%"),
        ("50 %", "s"),
        ("90 %", "s"),
        ("95 %", "s"),
        ("99 %", "s"),
        ("lost", "%"),
    )
    rows = tuple(
        (
            TimeCell(one.day.isoformat(), times.day(one.day), times.day_mark(one.day)),
            WEEKDAYS[one.day.weekday()].capitalize(),
            *_counted(one.counts),
            one.answers.offered,
            one.answers.share,
            one.answers.waited.p50,
            one.answers.waited.p90,
            one.answers.waited.p95,
            one.answers.waited.p99,
            one.answers.lost,
        )
        for one in found.days
    )
    charts = (
        Chart("Calls", "calls"),
        Chart("Nine of ten answered after, open hours", "90 %", ANSWER_S),
        Chart("Callers who hung up, open hours", "lost", ABANDONED),
    )
    return ReportTable("by_day", "Day by day", columns, rows, charts if len(rows) > 1 else ())
