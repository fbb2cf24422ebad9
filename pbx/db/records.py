"""The records that the control layer writes to the call log, one for each event.

All times are aware. `call` is Asterisk's Linkedid, `leg` a channel's Uniqueid, `person` an id;
no number of staff is ever part of a record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from routing.decision import Reason

LegKind = Literal["mobile", "desk"]
LegResult = Literal[
    "accepted", "declined", "too late", "busy", "no answer", "unreachable", "canceled"
]
# The strongest first: a call that had two is remembered for the stronger.
Outcome = Literal["connected", "message", "failsafe", "blocked", "abandoned", "interrupted"]

Why = Reason | tuple[str, bool, str]


@dataclass(frozen=True)
class CallStarted:
    """A call arrived; `caller` is E.164 or None for anonymous, `plan` the plan's hash."""

    call: str
    at: datetime
    line: str
    did: str
    caller: str | None
    plan: str


@dataclass(frozen=True)
class Decided:
    """A turn was decided; a reason may also be a bare (rule, matched, because)."""

    call: str
    at: datetime
    turn: int
    kind: str
    target: str
    urgency: str | None
    reasons: Sequence[Why]
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class CallAnswered:
    """The caller's channel is up."""

    call: str
    at: datetime


@dataclass(frozen=True)
class LegStarted:
    """A person's phone begins to ring."""

    call: str
    leg: str
    at: datetime
    person: str
    kind: LegKind


@dataclass(frozen=True)
class LegAnswered:
    """A leg is up; it may be a carrier's voicemail."""

    call: str
    leg: str
    at: datetime


@dataclass(frozen=True)
class LegAcknowledged:
    """A human accepted; a `leg` of None means the person's last one."""

    call: str
    leg: str | None
    person: str
    at: datetime


@dataclass(frozen=True)
class LegTooLate:
    """The person who accepted on this leg was connected to nobody, so the accept does not count."""

    call: str
    leg: str
    at: datetime


@dataclass(frozen=True)
class LegEnded:
    """A leg is over; a leg that was accepted keeps that result."""

    call: str
    leg: str
    at: datetime
    result: LegResult | str


@dataclass(frozen=True)
class MessageOpened:
    """A call left a message, which is already in the database."""

    call: str
    message: str


@dataclass(frozen=True)
class CallEnded:
    """The call is over; of two outcomes the stronger stays."""

    call: str
    at: datetime
    outcome: Outcome | str


@dataclass(frozen=True)
class EventNoted:
    """Anything else worth knowing."""

    call: str
    at: datetime
    what: str
    detail: Mapping[str, str] = field(default_factory=dict)


Record = (
    CallStarted
    | Decided
    | CallAnswered
    | LegStarted
    | LegAnswered
    | LegAcknowledged
    | LegTooLate
    | LegEnded
    | MessageOpened
    | CallEnded
    | EventNoted
)
