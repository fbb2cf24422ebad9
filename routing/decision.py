"""What is known of a call, and what is decided about it, with every reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from routing.model import Patient, Urgency

Kind = Literal["ring", "escalation", "message", "menu", "announce", "reject"]


@dataclass(frozen=True)
class Facts:
    """A call as far as it is known: the dialed DID, the caller (None: anonymous), the keys.

    `presses` are the keys so far, one for each menu; "" is silence. `earlier` are the instants of
    earlier calls from the same number. `directory` is what the patients' directory said when the
    call began; None: what the plan's says.
    """

    did: str
    caller: str | None = None
    presses: tuple[str, ...] = ()
    earlier: tuple[datetime, ...] = ()
    directory: Mapping[str, Patient] | None = None


class Reason(NamedTuple):
    """One rule that was looked at, whether it matched, and why in a person's words."""

    rule: str
    matched: bool
    because: str


@dataclass(frozen=True)
class Decision:
    """What happens to the call; `reasons` are all rules that were looked at, in their order.

    `target` names what the kind needs: whom to ring (a group, person, desk phone, or word for the
    people on call), the escalation, the menu, or who owns the message. `say` are prompts. A ring
    that nobody takes goes on to the escalation `otherwise`, or to a message of `urgency`. `own` is
    the caller's own physician, `patient` the caller's id in the directory, which no live call
    carries.
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
