"""What passes between Asterisk and the physician's menu: steps, and what a call remembers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

import structlog

from dialplan import names

WAIT_S = 6  # for a key, or the next one
PIN_DIGITS, CODE_AND_PIN_DIGITS = 6, 8
EARLIER = "message-earlier"
MOST_SAID = 1500  # bytes of sounds in one answer: Asterisk reads a command of 2048

_STATE = re.compile(
    r"([a-z0-9_-]*):([\w.-]*):(called|in):(\w*):(\d):(\d{1,18}):(\d{1,9}):(\d{1,18})"
)

log = structlog.get_logger()


@dataclass(frozen=True)
class MenuState:
    """What a consultation remembers: `person` and `message` by id, what was asked for last.

    `origin` is "called" where we called the person's own phone, "in" where anybody called in.
    `asked` is "pin", "menu", "note", "dial" (the patient, at once) or "reached" (whether they spoke
    with the patient), and of a shift "shift" (its
    menu), "handover" or "take" (the second press); `tries` are wrong PINs.
    `request` is a call that a command asked for, by its id: then there is no message. `joins` and
    `size` say how much of the message there was when it was played: see `pbx.escalation.words`.
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
        """Write the state as one word for a channel variable."""
        return ":".join(str(getattr(self, part.name)) for part in fields(self))

    @classmethod
    def decode(cls, text: str) -> MenuState:
        """Read a state; a word that is none of ours is somebody who just called in."""
        match = _STATE.fullmatch(text)
        if match is None:
            return cls()
        person, message, origin, asked, *counts = match.groups()
        return cls(person, message, origin, asked, *map(int, counts))


@dataclass(frozen=True)
class Step:
    """What the dialplan shall do next, and what it shall remember."""

    verb: str
    state: MenuState
    variables: Mapping[str, str] = field(default_factory=dict)


def choices(state: MenuState, asked: str, *say: str) -> Step:
    """Play prompts and wait for one key; `asked` is what it will mean."""
    words = {names.SAY: names.sounds(say), names.DIGITS: "1", names.PAUSE: str(WAIT_S)}
    return Step(names.ASK, replace(state, asked=asked), words)


def ask_pin(state: MenuState, *say: str) -> Step:
    """Ask for the PIN of whom we called, or for code and PIN of whoever calls in."""
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
    """Play prompts, and hang up; but whoever called in and is nobody we know is a patient again."""
    if state.origin == "called" or state.person:
        return bye(state, *say)
    return Step(names.BACK, state, {names.SAY: names.sounds(say)})


def words_of(sounds: Sequence[str]) -> list[str]:
    """Play a message's words; before each further call's is said that they are earlier.

    As many as fit into one command, the first ones: Asterisk would cut an overlong one off.
    """
    said: list[str] = []
    for played, sound in enumerate(sounds):
        more = [*([EARLIER] if said else []), sound]
        if len(names.sounds([*said, *more])) > MOST_SAID:
            log.warning("physician.more_recordings", lost=len(sounds) - played)
            break
        said += more
    return said
