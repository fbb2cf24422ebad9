"""Outbound calls: which numbers are allowed, how many, how long, and the caller ID shown."""

from __future__ import annotations

import re

from routing.callers import is_nobodys
from routing.model import Line, Outbound, Plan

# Any desk phone dials these directly: they are never refused, counted or cut off.
# 933 is the test number of the emergency service.
EMERGENCY = frozenset({"911", "933"})

# The area codes of +1 by country. All others belong to the United States: its states, and its
# territories (340, 670, 671, 684, 787 and 939), which NANPA lists among the states
# (https://www.nanpa.com). A test compares each code with the metadata of phonenumbers.
_FOREIGN = {
    "AG": "268", "AI": "264", "BB": "246", "BM": "441", "BS": "242", "DM": "767",
    "DO": "809 829 849", "GD": "473", "JM": "658 876", "KN": "869", "KY": "345", "LC": "758",
    "MS": "664", "SX": "721", "TC": "649", "TT": "868", "VC": "784", "VG": "284",
    "CA": "204 226 236 249 250 257 263 273 289 306 343 354 365 367 368 382 403 416 418 428 431"
          " 437 438 450 468 474 506 514 519 548 579 581 584 587 604 613 639 647 672 683 705 709"
          " 742 753 778 780 782 807 819 825 867 873 879 902 905 942",
}  # fmt: skip
_COUNTRY = {area: country for country, areas in _FOREIGN.items() for area in areas.split()}
_SHARING = frozenset({"US", *_FOREIGN})  # +1

_LENGTH = len("+12125550100")
_KEYED_NATIONAL, _KEYED_ANY = 10, 20  # digits
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_NORTH_AMERICAN = re.compile(r"\+1([2-9](?!11)[0-9]{2})[2-9][0-9]{6}")
_TOLL_FREE = re.compile(r"8(?:00|33|44|55|66|77|88)")
# Codes without a place: 5XX numbers follow a person or belong to a machine, 6XX are their
# Canadian counterpart, 700 is for carriers, 710 for the government, 456 was for calls from abroad.
_NOWHERE = re.compile(r"5(?:00|2[1-9]|3[23]|44|66|77|88)|6(?:00|22|33|44|55|77|88)|700|710|456")
PREMIUM = "it is a premium number"
_PREMIUM_AREA, _PREMIUM_EXCHANGE = "+1900", "976"


def refusal(number: str, country: str, allowed: tuple[str, ...] = ()) -> str | None:
    """Return why a number (E.164, or 911 and 933) may not be called, as a phrase; None if it may.

    `allowed` has prefixes such as "+1876". A premium number needs its own prefix ("+1900",
    "+1212976"); its area code alone is not enough.
    """
    if number in EMERGENCY:
        return None
    found = _NORTH_AMERICAN.fullmatch(number)
    if not _is_whole(number):
        return "it is not a complete number"
    stem = _premium(number)
    if any(number.startswith(one) for one in allowed if len(one) >= len(stem)):
        return None
    if stem:
        return PREMIUM
    if found is None or country not in _SHARING:
        return "it is abroad"
    return _in_north_america(found[1], country)


def _is_whole(number: str) -> bool:
    """Return whether a number is complete and possible."""
    if _E164.fullmatch(number) is None or is_nobodys(number):
        return False
    return not number.startswith("+1") or _NORTH_AMERICAN.fullmatch(number) is not None


def widening(start: str, country: str) -> str | None:
    """Return why numbers with this prefix are refused unless allowed; None if they are not."""
    return refusal(start.ljust(_LENGTH, "2"), country)


def shares_one(country: str) -> bool:
    """Return whether a country uses +1, where every number has ten digits."""
    return country in _SHARING


def keyed_digits(country: str) -> int:
    """Return how many digits a number that a caller keys in has at most.

    Outside +1, numbers differ in length, so a pound key or a pause ends them.
    """
    return _KEYED_NATIONAL if shares_one(country) else _KEYED_ANY


def _premium(number: str) -> str:
    """Return the prefix that makes a number a premium number; empty for other numbers."""
    if number.startswith(_PREMIUM_AREA):
        return _PREMIUM_AREA
    return number[:8] if number.startswith("+1") and number[5:8] == _PREMIUM_EXCHANGE else ""


def _in_north_america(area: str, country: str) -> str | None:
    if _TOLL_FREE.fullmatch(area):
        return None
    if _NOWHERE.fullmatch(area):
        return "its cost is unknown"
    return None if _COUNTRY.get(area, "US") == country else "it is abroad"


def refused(plan: Plan, number: str) -> str | None:
    """Return why this office may not call a number; its own lines would loop back to it."""
    if plan.line_of(number) is not None:
        return "it is the office's own"
    return refusal(number, plan.office.country, plan.outbound.allow)


def callback_number(plan: Plan, number: str | None) -> str | None:
    """Return the number to call a caller back at without asking for one, or None.

    A caller whose number this office may not call is treated as a new caller each time: their calls
    and messages are not linked, and they must say where to call them back.
    """
    return number if number is not None and refused(plan, number) is None else None


def capped(limits: Outbound, number: str, *, today: int, running: int) -> str | None:
    """Return why a person may not place one more call now; None if they may.

    `today` counts this person's calls on the office's current day, `running` everybody's calls in
    progress. Emergency calls are never capped, and are in neither count.
    """
    if number in EMERGENCY:
        return None
    if today >= limits.per_day:
        return f"the limit is {limits.per_day} calls a day"
    if running >= limits.at_once:
        return f"the limit is {limits.at_once} calls at once"
    return None


def longest_s(limits: Outbound, number: str) -> int | None:
    """Return how long a call may last, in seconds; None means no limit."""
    return None if number in EMERGENCY else limits.minutes * 60


def shown(plan: Plan, line: Line | None) -> str:
    """Return the caller ID of an outbound leg: the direct line's own number, else the office's.

    Every outbound leg uses this function, so it never shows a patient's or a physician's number.
    """
    return line.did if line is not None and line.owner is not None else plan.office.number
