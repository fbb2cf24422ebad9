"""The plan: everything an office decided, as frozen values. No numbers of people, no clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from typing import Literal
from zoneinfo import ZoneInfo

Urgency = Literal["urgent", "routine"]
HoursState = Literal["open", "closed"]

ONCALL, BACKUP, EVERYONE = "oncall", "backup", "everyone"  # names a ladder may use for people


@dataclass(frozen=True)
class Office:
    """Who we are on the phone; `number` is E.164 and shown on every outbound leg."""

    name: str
    number: str
    zone: ZoneInfo
    language: str = "en"


@dataclass(frozen=True)
class Line:
    """A dialled number with a purpose; `menus` names the menu for a state of the hours."""

    did: str
    name: str
    menus: Mapping[HoursState, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Period:
    """Opening hours on one weekday (0 is Monday), from `start` up to but without `end`."""

    weekday: int
    start: time
    end: time


@dataclass(frozen=True)
class Closure:
    """A whole local day on which the office is closed whatever the weekday says."""

    on: date
    reason: str


@dataclass(frozen=True)
class Person:
    """Somebody who can be called; how to reach them is in the vault, never here."""

    id: str
    name: str
    role: str


@dataclass(frozen=True)
class Phone:
    """A desk phone that registers with the office."""

    id: str
    name: str


@dataclass(frozen=True)
class Group:
    """People or desk phones that ring together."""

    name: str
    members: tuple[str, ...]


@dataclass(frozen=True)
class Menu:
    """What a caller hears and what each key means; silence and wrong keys mean `otherwise`."""

    name: str
    say: tuple[str, ...]
    keys: Mapping[str, Urgency]
    otherwise: Urgency


@dataclass(frozen=True)
class Rota:
    """A rotation of people by weeks, handed over at a local weekday and time.

    `since` is the local day of the first handoff, on which the first person began.
    """

    name: str
    rotation: tuple[str, ...]
    since: date
    handoff_weekday: int
    handoff_at: time
    weeks: int = 1
    backup: str = "next"


@dataclass(frozen=True)
class Try:
    """One step of a ladder: ring these for `ring_s` seconds, all together."""

    who: str
    ring_s: int


@dataclass(frozen=True)
class Pause:
    """One step of a ladder: wait `seconds` before the next."""

    seconds: int


Step = Try | Pause


@dataclass(frozen=True)
class Ladder:
    """Whom to try while the patient holds, step after step."""

    name: str
    live: tuple[Step, ...]


@dataclass(frozen=True)
class When:
    """A rule's conditions; None asks nothing."""

    line: str | None = None
    hours: HoursState | None = None
    urgency: Urgency | None = None


@dataclass(frozen=True)
class Ring:
    """Ring a group for `ring_s` seconds, then take a message of urgency `then`."""

    group: str
    ring_s: int
    then: Urgency = "routine"


@dataclass(frozen=True)
class RunLadder:
    """Try a ladder's people until one of them accepts."""

    ladder: str


@dataclass(frozen=True)
class TakeMessage:
    """Record a message."""

    urgency: Urgency


@dataclass(frozen=True)
class Announce:
    """Say something and end the call."""

    say: tuple[str, ...]


@dataclass(frozen=True)
class Reject:
    """Refuse the call."""


Action = Ring | RunLadder | TakeMessage | Announce | Reject


@dataclass(frozen=True)
class Rule:
    """One line of the office's policy: the first rule whose conditions all hold decides."""

    name: str
    when: When
    do: Action


@dataclass(frozen=True)
class Plan:
    """A validated configuration; `hash` names its content."""

    office: Office
    lines: tuple[Line, ...]
    hours: tuple[Period, ...]
    closures: tuple[Closure, ...]
    people: Mapping[str, Person]
    phones: Mapping[str, Phone]
    groups: Mapping[str, Group]
    menus: Mapping[str, Menu]
    rotas: Mapping[str, Rota]
    ladders: Mapping[str, Ladder]
    rules: tuple[Rule, ...]
    hash: str

    def line_of(self, did: str) -> Line | None:
        """Find the line that a dialled E.164 number belongs to."""
        return next((line for line in self.lines if line.did == did), None)

    def physicians(self) -> tuple[str, ...]:
        """Name everybody with the role of a physician, in the file's order."""
        return tuple(person.id for person in self.people.values() if person.role == "physician")
