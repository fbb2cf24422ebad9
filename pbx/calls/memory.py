"""What a call remembers from its start, as words that travel with the channel.

A change during a call (opening hours, an override, the directory, another call from the same
number) must not change what the caller was told at the menu.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from routing import rules
from routing.model import Patient, Plan

EARLIER = r"(?:\d+(?:\.\d+)*)?"
KNOWN = r"(?:k[\w-]*(?:\.[0-9a-f]{8})*)?"
FEW = 5  # earlier calls (more if a rule needs them), so that the state fits into one command
FAR = timedelta(hours=24)  # no rule looks further back

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STEP = timedelta(milliseconds=1)


def moment(at: datetime) -> int:
    """Return a timezone-aware time in whole milliseconds since 1970."""
    return (at - _EPOCH) // _STEP


def instant_of(milliseconds: int) -> datetime:
    """Return the time (UTC) for a number of milliseconds from `moment`."""
    return _EPOCH + milliseconds * _STEP


def ages(calls: Iterable[datetime], began: int, plan: Plan) -> str:
    """Return how long before this call the same number called, newest first, as one word."""
    most = max([FEW, *(rule.when.repeat.count for rule in plan.rules if rule.when.repeat)])
    far = FAR // _STEP
    found = sorted(began - moment(at) for at in calls)
    return ".".join(str(age) for age in [one for one in found if 0 <= one <= far][:most])


def earlier_calls(ages_: str, began: int) -> tuple[datetime, ...]:
    """Return the times of the calls in a word from `ages`, oldest first."""
    found = sorted((int(age) for age in ages_.split(".") if age), reverse=True)
    return tuple(instant_of(began - age) for age in found)


def known_facts(patient: Patient | None, plan: Plan) -> str:
    """Return what the directory says about a caller and rules need, without name and id."""
    if patient is None:
        return ""
    marks = rules.marks(patient, plan) & _asked(plan)
    return ".".join([f"k{patient.panel or ''}", *map(_short, sorted(marks))])


def directory(known_: str, caller: str | None, plan: Plan) -> Mapping[str, Patient]:
    """Return a word from `known_facts` as a directory with only this caller in it."""
    if caller is None or not known_:
        return {}
    panel, *short = known_.removeprefix("k").split(".")
    flags = frozenset(flag for flag in _asked(plan) if _short(flag) in short)
    return {caller: Patient("", "", panel or None, flags)}


def _asked(plan: Plan) -> set[str]:
    return {rule.when.flag for rule in plan.rules if rule.when.flag is not None}


def _short(flag: str) -> str:
    return hashlib.blake2s(flag.encode(), digest_size=4).hexdigest()
