"""What Asterisk and the physician's menu exchange: steps and the call's state."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

import structlog

from dialplan import names

WAIT_S = 6  # for the first key and each further one
PIN_DIGITS, CODE_AND_PIN_DIGITS = 6, 8
EARLIER = "message-earlier"
MOST_SAID = 1500  # bytes of sound names in one answer; Asterisk's limit for a command is 2048

_STATE = re.compile(
    r"([a-z0-9_-]*):([\w.-]*):(called|in):(\w*):(\d):(\d{1,18}):(\d{1,9}):(\d{1,18})"
)

log = structlog.get_logger()


@dataclass(frozen=True)
class MenuState:
    """What a call to the menu remembers: `person` and `message` by id, and the last question.

    `origin` is "called" if we called the person's own phone, "in" if somebody called in. `asked` is
    "pin", "menu", "note", "dial" (the patient, at once), "reached" (whether they talked to the
    patient), or about shifts "shift" (the menu), "handover" or "take" (the second press). `tries`
    counts wrong PINs. `request` is the id of a call that a command requested; there is no message
    then. `joins` and `size` are those of the message when it was played: see
    `pbx.escalation.words`.
    """

    person: str = ""
    message: str = ""
    origin: str = "in"
    asked: str = "pin"
    tries: int = 0
    request: int = 0
    joins: int = 0
    size: int = 0

    def encode(self) -> str:
        """Return the state as one word for a channel variable."""
        return ":".join(str(getattr(self, part.name)) for part in fields(self))

    @classmethod
    def decode(cls, text: str) -> MenuState:
        """Read a state; return that of somebody who just called in if the word is not one."""
        match = _STATE.fullmatch(text)
        if match is None:
            return cls()
        person, message, origin, asked, *counts = match.groups()
        return cls(person, message, origin, asked, *map(int, counts))


@dataclass(frozen=True)
class Step:
    """What the dialplan is to do next, and the new state."""

    verb: str
    state: MenuState
    variables: Mapping[str, str] = field(default_factory=dict)


def choices(state: MenuState, asked: str, *say: str) -> Step:
    """Play prompts and wait for one key; `asked` is the question it answers."""
    words = {names.SAY: names.sounds(say), names.DIGITS: "1", names.PAUSE: str(WAIT_S)}
    return Step(names.ASK, replace(state, asked=asked), words)


def ask_pin(state: MenuState, *say: str) -> Step:
    """Ask a person whom we called for the PIN, and one who called in for code and PIN."""
    known = state.origin == "called"
    words = {
        names.SAY: names.sounds((*say, "enter-pin" if known else "enter-code-pin")),
        names.DIGITS: str(PIN_DIGITS if known else CODE_AND_PIN_DIGITS),
        names.PAUSE: str(WAIT_S),
    }
    return Step(names.ASK, state, words)


def bye(state: MenuState, *say: str) -> Step:
    """Play prompts and hang up."""
    return Step(names.BYE, state, {names.SAY: names.sounds(say)})


def leave(state: MenuState, *say: str) -> Step:
    """Play prompts and hang up; but an unidentified caller returns to the patients' menu."""
    if state.origin == "called" or state.person:
        return bye(state, *say)
    return Step(names.BACK, state, {names.SAY: names.sounds(say)})


def words_of(sounds: Sequence[str]) -> list[str]:
    """Return a message's recordings to play, with a prompt before those of each earlier call.

    Leave out the last ones if they do not fit: Asterisk cuts off a command that is too long.
    """
    said: list[str] = []
    for played, sound in enumerate(sounds):
        more = [*([EARLIER] if said else []), sound]
        if len(names.sounds([*said, *more])) > MOST_SAID:
            log.warning("physician.more_recordings", lost=len(sounds) - played)
            break
        said += more
    return said
