"""What a call keeps of its beginning, in words that travel with the channel.

Nothing that changes while somebody is on the line (the hours, an override, the directory, another
call of theirs) may turn what they were told at the menu into something else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from routing import rules
from routing.model import Patient, Plan

EARLIER = r"(?:\d+(?:\.\d+)*)?"
KNOWN = r"(?:k[\w-]*(?:\.[0-9a-f]{8})*)?"
FEW = 5  # earlier calls, or as many as a rule asks for: one command holds all that is said
FAR = timedelta(hours=24)  # no rule asks for older ones

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STEP = timedelta(milliseconds=1)


def moment(at: datetime) -> int:
    """Return an aware instant in milliseconds since 1970; what is shorter is cut off."""
    return (at - _EPOCH) // _STEP


def instant_of(milliseconds: int) -> datetime:
    """Return the instant (UTC) of what `moment` gave."""
    return _EPOCH + milliseconds * _STEP


def ages(calls: Iterable[datetime], began: int, plan: Plan) -> str:
    """Write how long before the beginning of a call others of its number were, the newest first."""
    most = max([FEW, *(rule.when.repeat.count for rule in plan.rules if rule.when.repeat)])
    far = FAR // _STEP
    found = sorted(began - moment(at) for at in calls)
    return ".".join(str(age) for age in [one for one in found if 0 <= one <= far][:most])


def earlier_calls(ages_: str, began: int) -> tuple[datetime, ...]:
    """Read when those calls were, the oldest first."""
    found = sorted((int(age) for age in ages_.split(".") if age), reverse=True)
    return tuple(instant_of(began - age) for age in found)


def known_facts(patient: Patient | None, plan: Plan) -> str:
    """Write what the directory says of a caller, as far as rules ask: no name, and no id."""
    if patient is None:
        return ""
    marks = rules.marks(patient, plan) & _asked(plan)
    return ".".join([f"k{patient.panel or ''}", *map(_short, sorted(marks))])


def directory(known_: str, caller: str | None, plan: Plan) -> Mapping[str, Patient]:
    """Read it back as a directory of this caller alone; flags are those that the plan asks for."""
    if caller is None or not known_:
        return {}
    panel, *short = known_.removeprefix("k").split(".")
    flags = frozenset(flag for flag in _asked(plan) if _short(flag) in short)
    return {caller: Patient("", "", panel or None, flags)}


def _asked(plan: Plan) -> set[str]:
    return {rule.when.flag for rule in plan.rules if rule.when.flag is not None}


def _short(flag: str) -> str:
    return hashlib.blake2s(flag.encode(), digest_size=4).hexdigest()
