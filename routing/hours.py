"""Whether the office is open: local wall time against the weekly pattern and the closures."""

from __future__ import annotations

from datetime import datetime

from routing.model import HoursState, Plan


def state_at(plan: Plan, now: datetime) -> tuple[HoursState, str]:
    """Tell open or closed at this aware instant, and why in a few words."""
    local = now.astimezone(plan.office.zone)
    for closure in plan.closures:
        if closure.on == local.date():
            return "closed", closure.reason
    clock = local.time()
    for period in plan.hours:
        if period.weekday == local.weekday() and period.start <= clock < period.end:
            return "open", f"{local:%A} {period.start:%H:%M}-{period.end:%H:%M}"
    return "closed", f"{local:%A} {clock:%H:%M} is outside the hours"
