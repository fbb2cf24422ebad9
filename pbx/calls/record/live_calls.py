"""What is remembered about ongoing calls and phones; after a restart it comes from the log."""

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

# The result of a leg for each DialStatus of Asterisk's DialEnd event.
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
    """A phone that is ringing or connected."""

    call: str
    person: str
    is_desk: bool
    answered: bool = False


@dataclass(frozen=True)
class Acceptance:
    """Who accepted a call, on which leg, and in which turn of the call (None: unknown)."""

    person: str
    leg: str
    at: datetime
    turn: int | None = None


@dataclass
class LiveCall:
    """An ongoing call, with what has to be known when it ends."""

    urgency: str
    caller: str | None = None
    callback: str = ""
    escalation: str = ""
    accepted_at: datetime | None = None
    person: str = ""  # who accepted
    failsafe: bool = False
    blocked: bool = False
    recorded: bool = False  # the caller heard the beep, and spoke or was silent
    unjudged: bool = False  # a number was keyed in, but no turn has checked it yet
    keyed_none: bool = False  # the keyed-in number is not one that we may call back
    stopped: bool = False  # the caller waits for nobody: pressing 1 now connects nobody
    patchy: bool = False  # we did not listen all the time; Asterisk's records know more
    turn: int = 0  # the last one we heard of
    acceptance: Acceptance | None = None  # set if we saw the acceptance ourselves

    @property
    def is_urgent(self) -> bool:
        """Return whether the call is urgent; a failsafe call counts as urgent."""
        return self.urgency == "urgent" or self.failsafe

    def accept(self, acceptance: Acceptance) -> None:
        """Note that somebody accepted; only the first one counts."""
        if self.accepted_at is None:
            self.acceptance = acceptance
            self.accepted_at, self.person = acceptance.at, acceptance.person

    def key_in(self, plan: Plan, digits: str) -> None:
        """Note a keyed-in number, in case the caller hangs up before a turn checks it."""
        refused = partial(outbound.refused, plan)
        if number := callback(digits, plan.office.country, refused):
            self.callback, self.keyed_none, self.unjudged = number, False, True

    def is_past(self, turn: int | None) -> bool:
        """Return whether the caller no longer waits for the people of this turn."""
        return self.stopped or (turn is not None and turn < self.turn)

    def drop(self) -> Acceptance | None:
        """Take back the acceptance, because nobody was connected, and return it."""
        dropped, self.acceptance = self.acceptance, None
        self.accepted_at, self.person = None, ""
        return dropped

    def take(self, question: Question, verdict: Verdict) -> Acceptance | None:
        """Take over what one turn says; return the acceptance that it makes void.

        A connected call asks no more questions, so whoever accepted earlier is not connected.
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
    """Return the outcome of a call that is over: the strongest of all that apply."""
    if live.accepted_at is not None:
        return "connected"
    if live.failsafe:
        return "failsafe"
    if live.blocked:
        return "blocked"
    return "message" if left_message else "abandoned"


def is_human(plan: Plan, person: str, channel: str) -> bool:
    """Return whether a human surely answers there: a desk phone or an answering service."""
    known = plan.people.get(person)
    endpoint = channel.removeprefix("PJSIP/").rpartition("-")[0]
    return endpoint in plan.phones or (known is not None and known.role == "service")


def under_way(channels: Iterable[Mapping[str, str]]) -> frozenset[str]:
    """Return the ids of ongoing calls, from the fields of all of Asterisk's channels.

    A patient's call lasts as long as the patient's own channel; another phone may still be hearing
    a prompt. A call that the office placed lasts as long as any of its channels.
    """
    held = list(channels)
    together = (one.get("Linkedid", "") for one in held)
    placed = {call for call in together if call.startswith(names.FOLLOW_UP_CALL)}
    return frozenset(placed.union(one.get("Uniqueid", "") for one in held))
