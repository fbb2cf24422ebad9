"""What is remembered of calls and phones while they last; a restart takes it from the log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from dialplan import names
from pbx.base.phone_numbers import callback
from pbx.calls.conversation import Question, Verdict
from routing import outbound
from routing.model import Plan

# What became of a leg, by the DialStatus of Asterisk's DialEnd.
RESULTS = {
    "BUSY": "busy",
    "NOANSWER": "no answer",
    "CANCEL": "canceled",
    "ABORT": "canceled",
    "CONGESTION": "unreachable",
    "CHANUNAVAIL": "unreachable",
}


@dataclass
class LiveLeg:
    """A phone that rings or talks."""

    call: str
    person: str
    is_desk: bool
    answered: bool = False


@dataclass(frozen=True)
class Acceptance:
    """Who accepted a call, on which leg, and in which of the call's turns; None: nobody knows."""

    person: str
    leg: str
    at: datetime
    turn: int | None = None


@dataclass
class LiveCall:
    """A call that goes on: what its end must know."""

    urgency: str
    caller: str | None = None
    callback: str = ""
    escalation: str = ""
    accepted_at: datetime | None = None
    person: str = ""  # who accepted
    failsafe: bool = False
    blocked: bool = False
    recorded: bool = False  # the caller spoke after the beep, or was silent
    unjudged: bool = False  # a number was keyed in, and no turn has told of it yet
    keyed_none: bool = False  # and what they keyed is no number that we call back
    stopped: bool = False  # the caller waits for nobody: a 1 pressed just then joins nobody to them
    patchy: bool = False  # it went on while we did not listen: Asterisk's records know more
    turn: int = 0  # the last that we heard of
    acceptance: Acceptance | None = None  # what we heard ourselves of `accepted_at`

    @property
    def is_urgent(self) -> bool:
        """Tell whether somebody must hear of it: what the failsafe took is not known better."""
        return self.urgency == "urgent" or self.failsafe

    def accept(self, acceptance: Acceptance) -> None:
        """Note that somebody accepted; the first counts."""
        if self.accepted_at is None:
            self.acceptance = acceptance
            self.accepted_at, self.person = acceptance.at, acceptance.person

    def key_in(self, plan: Plan, digits: str) -> None:
        """Note a number that was keyed in, should the caller hang up before it is judged."""
        refused = partial(outbound.refused, plan)
        if number := callback(digits, plan.office.country, refused):
            self.callback, self.keyed_none, self.unjudged = number, False, True

    def is_past(self, turn: int | None) -> bool:
        """Tell whether the caller waits for nobody of this turn; it may change at any moment."""
        return self.stopped or (turn is not None and turn < self.turn)

    def drop(self) -> Acceptance | None:
        """Take back that somebody accepted, for they were joined to nobody; return what was."""
        dropped, self.acceptance = self.acceptance, None
        self.accepted_at, self.person = None, ""
        return dropped

    def take(self, question: Question, verdict: Verdict) -> Acceptance | None:
        """Take up what one turn tells; return the acceptance that it makes void.

        A call that somebody is joined to asks nothing more: who accepted in an earlier turn is not.
        """
        state = verdict.state
        self.turn = max(self.turn, int(question.turn) if question.turn.isdigit() else 0)
        self.urgency = state.urgency or self.urgency
        self.callback = state.callback or ("" if self.unjudged else self.callback)
        self.unjudged = False
        self.escalation = state.escalation or self.escalation
        self.blocked = verdict.verb == names.REJECT
        if question.event == names.STOPPED:
            self.stopped = True
        if question.event == names.RECORDED:
            self.recorded = True
        if question.event == names.KEYED:
            self.keyed_none = bool(question.detail) and not state.callback
        void = self.acceptance is not None and self.is_past(self.acceptance.turn)
        return self.drop() if void or self.stopped else None


def outcome_of(live: LiveCall, *, left_message: bool) -> str:
    """Name the outcome of a call that is over, the strongest of what happened."""
    if live.accepted_at is not None:
        return "connected"
    if live.failsafe:
        return "failsafe"
    if live.blocked:
        return "blocked"
    return "message" if left_message else "abandoned"


def is_human(plan: Plan, person: str, channel: str) -> bool:
    """Tell whether whoever answers there is one: a desk phone, or an answering service."""
    known = plan.people.get(person)
    endpoint = channel.removeprefix("PJSIP/").rpartition("-")[0]
    return endpoint in plan.phones or (known is not None and known.role == "service")


def under_way(channels: Iterable[Mapping[str, str]]) -> frozenset[str]:
    """Name the calls that go on, by the fields of every channel that Asterisk has.

    A patient's call lasts as long as the patient's own channel: a phone that still hears a sentence
    may outlive it. One that the office placed lasts as long as any of its channels.
    """
    held = list(channels)
    together = (one.get("Linkedid", "") for one in held)
    placed = {call for call in together if call.startswith(names.FOLLOW_UP_CALL)}
    return frozenset(placed.union(one.get("Uniqueid", "") for one in held))
