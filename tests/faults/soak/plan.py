"""What a soak does and when, all of it from one seed: the calls, and the faults among them."""

from __future__ import annotations

import random
from dataclasses import dataclass

from pbx.demo.scenes import BACK_LINE, MAIN

RATE = 1.9  # calls a second
FAULT_EVERY_S = 10.0
ASTERISK_DIES = 0.04  # the share of faults that kill Asterisk itself
FIRST_FAULT_S = 4.0

# how often each kind of caller is, by weight, and which line they call
KINDS = {
    "urgent": (22, MAIN),
    "back line": (22, BACK_LINE),
    "routine": (14, MAIN),
    "leaves in the menu": (8, MAIN),
    "leaves after the key": (8, MAIN),
    "leaves while it rings": (10, BACK_LINE),
    "leaves before the answer": (4, BACK_LINE),
    "silent": (3, MAIN),
    "anonymous": (5, MAIN),
    "again": (3, BACK_LINE),
    "star": (3, BACK_LINE),
}
# of a caller who leaves: after how many seconds, counted from the first ring
LEAVES = {
    "leaves in the menu": (0.3, 1.4),
    "leaves after the key": (2.0, 9.0),
    "leaves while it rings": (0.6, 9.0),
    "leaves before the answer": (0.0, 0.1),
}
# what a mobile does when it rings, by weight
MOBILES = {
    "accepts": 60,
    "busy": 8,
    "refuses": 8,
    "voicemail": 8,
    "rings on": 8,
    "hangs up": 8,
}
FAULTS = {
    "kill": (3, (0, 0)),
    "stop": (3, (1, 7)),
    "ami kick": (2, (0, 0)),
    "asterisk stands": (2, (1, 2)),
    "database locked": (3, (2, 7)),
    "trunk errs": (2, (2, 5)),
    "slow": (1, (2, 5)),
    "half": (1, (1, 3)),
    "half-die": (1, (1, 3)),
    "die": (2, (1, 4)),
}
STATUSES = (480, 486, 500, 503, 603, 408, 404)


@dataclass(frozen=True)
class Caller:
    """One call to place: `at` and `leaves` are seconds, of the soak and of the call."""

    at: float
    kind: str
    did: str
    number: str | None  # None: anonymous
    leaves: float | None


@dataclass(frozen=True)
class Fault:
    """One fault: `at` and how long it lasts are seconds; `status` is what the trunk says."""

    at: float
    kind: str
    lasts: float
    status: int


@dataclass(frozen=True)
class Plan:
    """A whole soak; `mobiles` seeds what phones do."""

    callers: tuple[Caller, ...]
    faults: tuple[Fault, ...]
    mobiles: int


def planned(seconds: float, seed: int) -> Plan:
    """Plan a soak of so many seconds; the same seed plans the same."""
    of = random.Random(seed)  # noqa: S311  # repeatable, not secret
    return Plan(tuple(_callers(seconds, of)), tuple(_faults(seconds, of)), of.randrange(2**32))


def _callers(seconds: float, of: random.Random) -> list[Caller]:
    found: list[Caller] = []
    at = of.expovariate(RATE)
    while at < seconds:
        kind = of.choices(list(KINDS), [weight for weight, _ in KINDS.values()])[0]
        number: str | None = f"+1917{5_600_000 + len(found)}"
        earlier = [one.number for one in found if one.kind == "back line" and one.at < at - 5]
        if kind == "anonymous":
            number = None
        elif kind == "again" and earlier:
            number = of.choice(earlier)
        leaves = of.uniform(*LEAVES[kind]) if kind in LEAVES else None
        found.append(Caller(at, kind, KINDS[kind][1], number, leaves))
        at += of.expovariate(RATE)
    return found


def _faults(seconds: float, of: random.Random) -> list[Fault]:
    found = []
    at = FIRST_FAULT_S
    while at < seconds:
        kind = of.choices(list(FAULTS), [weight for weight, _ in FAULTS.values()])[0]
        lasts = of.uniform(*FAULTS[kind][1])
        if of.random() < ASTERISK_DIES:
            kind, lasts = "asterisk dies", 0.0
        found.append(Fault(at, kind, lasts, of.choice(STATUSES)))
        at += max(lasts + 1, of.uniform(0.4, 1.6) * FAULT_EVERY_S)
    return found
