"""Keys and values of office.toml that were renamed, and the fix that gives the new name."""

from __future__ import annotations

from collections.abc import Mapping

from pbx.config.findings.lines import Path as Place

# Name in files from before version 0.2 -> name today.
NOW_CALLED: Mapping[str, str] = {
    "rota": "schedule",
    "ladder": "escalation",
    "relay": "follow_up",
}
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun", "daily", "week")


def fix_for(place: Place) -> str | None:
    """Return the new name of a renamed key as a sentence, or None if the key was never valid.

    `[schedule.ID]` used to hold office hours, and lines used it with the key `schedule`. Today a
    schedule says who is on call.
    """
    key = str(place[-1])
    if key in NOW_CALLED:
        return f"It is now called '{NOW_CALLED[key]}'."
    if key == "schedule":
        return "It is now called 'office_hours'."
    if place[:-2] == ("schedule",) and key.lower().startswith(_DAYS):
        return f"Office hours of single lines are now in [office_hours.{place[1]}]."
    return None


def fix_for_value(value: object) -> str | None:
    """Return the value that replaced this one as a sentence, or None if it was never valid."""
    if isinstance(value, str) and value in NOW_CALLED:
        return f"It is now called '{NOW_CALLED[value]}'."
    return None
