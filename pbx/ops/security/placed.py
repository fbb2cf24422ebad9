"""Security checks of [outbound]: limits on calls that we place, compared with safe values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pbx.base.errors import OfficeLineError
from pbx.config import plan
from pbx.config.home import Home
from pbx.db.overlay import applied_texts
from pbx.ops.security.check import SecurityCheck
from pbx.service.supervisor import read_configuration
from routing import outbound
from routing.model import Outbound, Plan

NUMBERS = "no calls to premium numbers or abroad, such as +1 876"
CAPS = "calls to patients are limited per person, at one time and in length"
FIX = "Remove or lower it in [outbound] of office.toml, and run 'officeline apply'."
# A practice needs less than this; more would only help a thief of a PIN
MOST_A_DAY, MOST_AT_ONCE, MOST_MINUTES = 100, 20, 120


def examine(config: Path, home: Home) -> list[SecurityCheck]:
    """Check the plan that runs, or the file if none was applied."""
    try:
        running = _running(config, home)
    except OfficeLineError as error:
        why = str(error).rstrip(".")
        return [SecurityCheck("extensions", name, False, why, FIX) for name in (NUMBERS, CAPS)]
    numbers = SecurityCheck.of("extensions", NUMBERS, _premium(running), FIX)
    if wider := list(_abroad(running)):
        warning = f"the file allows {', '.join(wider)}, where calls can cost more"
        numbers = replace(numbers, warning=warning)
    return [numbers, SecurityCheck.of("extensions", CAPS, _caps(running.outbound), FIX)]


def _running(config: Path, home: Home) -> Plan:
    for applied in applied_texts(home.database):
        return plan.parse(applied.text, Path(f"applied plan {applied.id}")).plan
    return read_configuration(config).plan


def _premium(running: Plan) -> Iterator[str]:
    for start in running.outbound.allow:
        if outbound.widening(start, running.office.country) == outbound.PREMIUM:
            yield f"the file allows {start}, a premium number"


def _abroad(running: Plan) -> Iterator[str]:
    for start in running.outbound.allow:
        if outbound.widening(start, running.office.country) not in {None, outbound.PREMIUM}:
            yield start


def _caps(limits: Outbound) -> Iterator[str]:
    for name, value, most in (
        ("per_day", limits.per_day, MOST_A_DAY),
        ("at_once", limits.at_once, MOST_AT_ONCE),
        ("minutes", limits.minutes, MOST_MINUTES),
    ):
        if value > most:
            yield f"{name} is {value}, and {most} is more than a practice needs"
