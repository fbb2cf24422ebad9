"""What Asterisk and OfficeLine exchange about a call: question, verdict and the call's state."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from dialplan import names
from pbx.asterisk.agi.protocol import AgiRequest
from pbx.base.phone_numbers import shown_number
from pbx.calls import memory
from routing.decision import Decision, Facts
from routing.model import Plan

# What Asterisk dials for each person, by contact ("mobile", "second", or a desk phone's id).
Book = Mapping[str, Mapping[str, str]]

SILENCE = "s"

_STATE = re.compile(
    r"(\w*):([\w-]*):(-?\d+):(\+?\d*):(\d+):([0-9*#s]*):([\w-]*):([\w-]*):(\w*)"
    rf":(\d{{1,15}}):({memory.EARLIER}):({memory.KNOWN}):(\w*)"
)


@dataclass(frozen=True)
class Question:
    """What Asterisk asks: the call (its Linkedid and Uniqueid), the turn and what happened."""

    call: str
    unique: str
    turn: str
    did: str
    event: str
    detail: str
    state: str
    caller: str | None


@dataclass(frozen=True)
class CallState:
    """What a call remembers between turns; no value contains the separator.

    `keys` are the menu keys so far, "s" for silence, and `own` is the caller's own physician.
    `saved` is "yes" if an urgent message is on the disk, "words" while it is being recorded, and
    "over" if nobody was reached and the caller is first asked for a number.

    These do not change during a call: `plan`, the revision of the plan; `began`, its start in
    milliseconds since 1970; `earlier`, the caller's earlier calls; `known`, what the directory
    says about the caller (see `pbx.calls.memory`). `star` is "yes" after the caller came back
    from the question for a PIN; from then on star is a wrong key.
    """

    urgency: str = ""
    escalation: str = ""
    step: int = -1
    callback: str = ""
    asked: int = 0  # how many times the callback number was asked for
    keys: str = ""
    own: str = ""
    plan: str = ""
    saved: str = ""
    began: int = 0
    earlier: str = ""
    known: str = ""
    star: str = ""

    def encode(self) -> str:
        """Return the state as one word for a channel variable."""
        return (
            f"{self.urgency}:{self.escalation}:{self.step}:{self.callback}:{self.asked}:{self.keys}"
            f":{self.own}:{self.plan}:{self.saved}:{self.began}:{self.earlier}:{self.known}"
            f":{self.star}"
        )

    @classmethod
    def decode(cls, text: str) -> CallState:
        """Read a state; return an empty state if the word is not one."""
        match = _STATE.fullmatch(text) if text else None
        if match is None:
            return cls()
        urgency, name, step, callback, asked, *words = match.groups()
        keys, own, plan, saved, began, *kept = words
        state = cls(urgency, name, int(step), callback, int(asked), keys, own, plan, saved)
        return replace(state, began=int(began), earlier=kept[0], known=kept[1], star=kept[2])

    @staticmethod
    def is_foreign(text: str) -> bool:
        """Return whether another version of OfficeLine wrote this state and we cannot read it."""
        return bool(text) and _STATE.fullmatch(text) is None

    def begun(self, otherwise: datetime) -> datetime:
        """Return the time at which the call began; all its decisions use this time.

        `otherwise` is returned if the state has none, because the call begins now.
        """
        return memory.instant_of(self.began) if self.began else otherwise

    def pressed(self, key: str) -> CallState:
        """Return the state with one more menu key."""
        return replace(self, keys=self.keys + (key if re.fullmatch(r"[0-9*#]", key) else SILENCE))

    def presses(self) -> tuple[str, ...]:
        """List the menu keys in the form that `routing` uses."""
        return tuple(key.replace(SILENCE, "") for key in self.keys)


@dataclass(frozen=True)
class Verdict:
    """What the dialplan is to do: a verb, its variables, and the decision for the log.

    `message` is the urgency of a message that must be on the disk before the verdict is sent;
    `who` lists the ids of the people to ring.
    """

    verb: str
    variables: Mapping[str, str] = field(default_factory=dict)
    state: CallState = field(default_factory=CallState)
    decision: Decision | None = None
    facts: Facts | None = None
    message: str | None = None
    who: tuple[str, ...] = ()


class Plans(Protocol):
    """Supplies the plan for new calls, and the plan that an older call began with."""

    @property
    def plan(self) -> Plan:
        """Return the plan for the next call."""
        ...

    @property
    def book(self) -> Book:
        """Return what Asterisk dials for each person."""
        ...

    def by_hash(self, hash_: str) -> Plan | None:
        """Find a call's plan by its revision, with the overrides from when the call began."""
        ...


def variables(verdict: Verdict, question: Question, record: str) -> dict[str, str]:
    """Return a verdict as channel variables. The one that proves it complete comes last."""
    return {
        names.VERB: verdict.verb,
        names.STATE: verdict.state.encode(),
        names.RECORD: record,
        **verdict.variables,
        names.VERDICT: f"{question.unique}/{question.turn}",
    }


def asked(request: AgiRequest, country: str) -> Question:
    """Read a question; keep the caller's number only if it is valid in the office's `country`."""
    turn, did, event, detail, state, *_ = (*request.args, "", "", "", "", "")
    return Question(
        call=request.headers.get("agi_uniqueid", ""),
        unique=request.uniqueid,
        turn=turn,
        did=did,
        event=event,
        detail=detail,
        state=state,
        caller=shown_number(request.callerid, country),
    )
