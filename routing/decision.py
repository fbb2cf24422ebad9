"""The facts about a call, and the decision about it with every reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from routing.model import Patient, Urgency

Kind = Literal["ring", "escalation", "message", "menu", "announce", "reject"]


@dataclass(frozen=True)
class Facts:
    """What is known about a call: the dialed DID, the caller (None if anonymous), the keys.

    `presses` has one key for each menu so far; "" is silence. `earlier` has the instants of earlier
    calls from the same number. `directory` is the entry of the patients' directory when the call
    began; None means that the plan's own directory is asked.
    """

    did: str
    caller: str | None = None
    presses: tuple[str, ...] = ()
    earlier: tuple[datetime, ...] = ()
    directory: Mapping[str, Patient] | None = None


class Reason(NamedTuple):
    """One rule that was checked, whether it matched, and why, as text for people."""

    rule: str
    matched: bool
    because: str


@dataclass(frozen=True)
class Decision:
    """What happens to the call; `reasons` are all rules that were checked, in order.

    `target` depends on the kind: whom to ring (a group, person, desk phone, or a word such as
    "oncall"), the escalation policy, the menu, or the owner of the message. `say` lists prompts to
    play. If nobody takes a ring, the call goes to the escalation policy `otherwise`, or to a
    message of `urgency`. `own` is the caller's own physician. `patient` is the caller's id in the
    directory; it is not passed on to the live call.
    """

    kind: Kind
    line: str
    hours: str
    urgency: Urgency | None
    reasons: Sequence[Reason]
    target: str = ""
    ring_s: int = 0
    say: tuple[str, ...] = ()
    otherwise: str | None = None
    own: str | None = None
    patient: str | None = None
