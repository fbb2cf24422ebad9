"""Who is on call: the rotation computed from local dates, so that daylight saving moves nobody."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from routing.model import Plan, Rota


def on_call(rota: Rota, zone: ZoneInfo, at: datetime) -> str:
    """Name the person on call at this aware instant."""
    return rota.rotation[_turn(rota, zone, at) % len(rota.rotation)]


def backup(rota: Rota, zone: ZoneInfo, at: datetime) -> str:
    """Name the backup: a fixed person, or whoever comes next in the rotation."""
    if rota.backup != "next":
        return rota.backup
    return rota.rotation[(_turn(rota, zone, at) + 1) % len(rota.rotation)]


def _turn(rota: Rota, zone: ZoneInfo, at: datetime) -> int:
    """Count the handoffs since the rota's first; negative before it, which wraps around."""
    local = at.astimezone(zone)
    day = local.date()
    if local.time() < rota.handoff_at:
        day -= timedelta(days=1)  # before the handoff time, the day before is still running
    first = rota.since + timedelta(days=(rota.handoff_weekday - rota.since.weekday()) % 7)
    return (day - first).days // (7 * rota.weeks)


def everyone(plan: Plan) -> tuple[str, ...]:
    """Name everybody that may be woken when nobody in particular is on call."""
    return plan.physicians() or tuple(plan.people)
