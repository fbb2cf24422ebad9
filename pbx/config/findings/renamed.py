"""Keys and words of office.toml that have another name now, and the finding that names it."""

from __future__ import annotations

from collections.abc import Mapping

from pbx.config.findings.lines import Path as Place

# What is written in files made before version 0.2 -> what it is called now.
NOW_CALLED: Mapping[str, str] = {
    "rota": "schedule",
    "ladder": "escalation",
    "relay": "follow_up",
}
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun", "daily", "week")


def fix_for(place: Place) -> str | None:
    """Say what an unknown key is called now; None if it was never known by this name.

    `[schedule.ID]` used to be the office hours of some lines, which named it as `schedule`. Today
    a schedule says who is on call.
    """
    key = str(place[-1])
    if key in NOW_CALLED:
        return f"It is called '{NOW_CALLED[key]}' now."
    if key == "schedule":
        return "It is called 'office_hours' now."
    if place[:-2] == ("schedule",) and key.lower().startswith(_DAYS):
        return f"Office hours of their own stand in [office_hours.{place[1]}] now."
    return None


def fix_for_value(value: object) -> str | None:
    """Say which value replaced this one; None if it was never one."""
    if isinstance(value, str) and value in NOW_CALLED:
        return f"It is called '{NOW_CALLED[value]}' now."
    return None
