"""The patients who call most, as a table and as JSON; numbers are masked unless revealed."""

from __future__ import annotations

from pbx.db.callers import FEW_PER_MILLE, CallerCount, Callers
from pbx.reports.display import Shown
from pbx.reports.table import Columns, ReportTable, cell_text

USUAL = 0.23  # share of the calls; docs/reports.md gives the source
COLUMNS: Columns = (
    ("place", ""),
    ("patient", ""),
    ("number", ""),
    ("calls", ""),
    ("share", "%"),
)


def table(found: Callers, calls: int, shown: Shown) -> ReportTable:
    """Return the callers as a table, with their shares of all `calls`."""
    rows = tuple(
        (
            f"{place}.",
            shown.patient(one.number) or "",
            _numbers(one, shown),
            one.calls,
            round(one.calls / calls, 4),
        )
        for place, one in enumerate(found.first, start=1)
    )
    return ReportTable("callers", "Patients who call most", COLUMNS, rows, about=_about(found))


def to_json(found: Callers, calls: int, shown: Shown) -> dict[str, object]:
    """Return the callers as JSON."""
    return {
        "callers": [
            {
                "from": shown.number(one.number),
                "patient": shown.patient(one.number),
                "numbers": one.numbers,
                "calls": one.calls,
                "share": round(one.calls / calls, 4),
            }
            for one in found.first
        ],
        "few_callers": {
            "of": found.everybody,
            "callers": found.few,
            "calls": found.few_calls,
            "share": _share(found),
            "usual": USUAL,
        },
    }


def _numbers(one: CallerCount, shown: Shown) -> str:
    more = f" and {one.numbers - 1} more" if one.numbers > 1 else ""
    return f"{shown.number(one.number) or 'anonymous'}{more}"


def _share(found: Callers) -> float | None:
    return round(found.few_calls / found.total, 4) if found.total else None


def _about(found: Callers) -> str:
    if not found.everybody:
        return ""
    return (
        f"{found.few} of {found.everybody} callers ({found.few / found.everybody:.1%}) made "
        f"{cell_text(_share(found), '%')} of the calls that showed a number; in a published count "
        f"{FEW_PER_MILLE / 1000:.1%} of the patients made {USUAL:.0%}."
    )
