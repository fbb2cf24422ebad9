"""What passes between Asterisk and us about a call: question, verdict, and the call's memory."""

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
    """What Asterisk asks: the call (its Linkedid and Uniqueid), the turn, and what happened."""

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
    """What a call remembers between turns; plain words, none of which holds the separator.

    `keys` are the menu keys so far, "s" for silence, and `own` is the caller's own physician.
    `saved` says that an urgent message is on the disk ("yes"), that its words are being recorded
    ("words"), and that a number is asked for first, as nobody was reached ("over").

    With what the call began it ends: `plan` is the revision of the plan, `began` the instant in
    milliseconds, `earlier` when the caller had called before, and `known` what the directory said
    of the caller (see `pbx.calls.memory`). `star` says "yes" after the caller came back from the
    question for a PIN: from then on star is a wrong key.
    """

    urgency: str = ""
    escalation: str = ""
    step: int = -1
    callback: str = ""
    asked: int = 0  # how often the callback number was asked for
    keys: str = ""
    own: str = ""
    plan: str = ""
    saved: str = ""
    began: int = 0
    earlier: str = ""
    known: str = ""
    star: str = ""

    def encode(self) -> str:
        """Write the state as one word for a channel variable."""
        return (
            f"{self.urgency}:{self.escalation}:{self.step}:{self.callback}:{self.asked}:{self.keys}"
            f":{self.own}:{self.plan}:{self.saved}:{self.began}:{self.earlier}:{self.known}"
            f":{self.star}"
        )

    @classmethod
    def decode(cls, text: str) -> CallState:
        """Read a state; a word that is none of ours is an empty state."""
        match = _STATE.fullmatch(text) if text else None
        if match is None:
            return cls()
        urgency, name, step, callback, asked, *words = match.groups()
        keys, own, plan, saved, began, *kept = words
        state = cls(urgency, name, int(step), callback, int(asked), keys, own, plan, saved)
        return replace(state, began=int(began), earlier=kept[0], known=kept[1], star=kept[2])

    @staticmethod
    def is_foreign(text: str) -> bool:
        """Tell a state that another version of us wrote, in a way that we cannot read."""
        return bool(text) and _STATE.fullmatch(text) is None

    def begun(self, otherwise: datetime) -> datetime:
        """Return the instant at which the call began, by which all of it is decided.

        A state that says none is of a call that begins now.
        """
        return memory.instant_of(self.began) if self.began else otherwise

    def pressed(self, key: str) -> CallState:
        """Add a key of the menu that was just heard."""
        return replace(self, keys=self.keys + (key if re.fullmatch(r"[0-9*#]", key) else SILENCE))

    def presses(self) -> tuple[str, ...]:
        """List the keys as `routing` knows them."""
        return tuple(key.replace(SILENCE, "") for key in self.keys)


@dataclass(frozen=True)
class Verdict:
    """What the dialplan shall do: a verb, its variables, and for the log what was decided.

    `message` says that a message of this urgency must be durable before the verdict is given, and
    `who` is rung, by id.
    """

    verb: str
    variables: Mapping[str, str] = field(default_factory=dict)
    state: CallState = field(default_factory=CallState)
    decision: Decision | None = None
    facts: Facts | None = None
    message: str | None = None
    who: tuple[str, ...] = ()


class Plans(Protocol):
    """Which plan new calls get, and which one a call began with."""

    @property
    def plan(self) -> Plan:
        """The plan for the next call."""
        ...

    @property
    def book(self) -> Book:
        """What Asterisk dials for whom."""
        ...

    def by_hash(self, hash_: str) -> Plan | None:
        """Find the plan of a call by its revision, with what lay over it when the call began."""
        ...


def variables(verdict: Verdict, question: Question, record: str) -> dict[str, str]:
    """Lay a verdict out as channel variables, the proof that it is one last of all."""
    return {
        names.VERB: verdict.verb,
        names.STATE: verdict.state.encode(),
        names.RECORD: record,
        **verdict.variables,
        names.VERDICT: f"{question.unique}/{question.turn}",
    }


def asked(request: AgiRequest, country: str) -> Question:
    """Read a question to an office of `country`; the caller's number counts only if it is one."""
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
