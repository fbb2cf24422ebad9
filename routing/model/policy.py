"""What happens to a call: menus, escalation policies, and the rules that choose among actions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from routing.model.words import CallerKind, HoursState, Urgency, Window


@dataclass(frozen=True)
class Try:
    """One step of an escalation policy: ring these for `ring_s` seconds, all together.

    With `pin` whoever accepts keys in their PIN instead of a 1.
    """

    who: str
    ring_s: int
    pin: bool = False


@dataclass(frozen=True)
class Pause:
    """One step of an escalation policy: wait `seconds` before the next."""

    seconds: int


Step = Try | Pause


@dataclass(frozen=True)
class FollowUp:
    """How a message climbs when nobody was reached live; seconds since it was opened.

    On call again every `retry_s`; the backup from `backup_s`, everyone from `everyone_s`, and at
    `breach_s` the promise to call back is broken and said so. Who acknowledged has `callback_s`,
    counted from then, to call back; else the message climbs again. An urgent caller who was joined
    to somebody for less than `cut_off_s` was cut off, and is such a message, too.
    """

    retry_s: int = 300
    backup_s: int = 600
    everyone_s: int = 900
    breach_s: int = 1800
    callback_s: int = 1800
    cut_off_s: int = 10


@dataclass(frozen=True)
class Escalation:
    """Whom to try while the patient holds, step after step; `schedule` is whose on call it means.

    An empty `schedule` means the first of the file.
    """

    name: str
    live: tuple[Step, ...]
    follow_up: FollowUp = FollowUp()
    schedule: str = ""


@dataclass(frozen=True)
class Repeat:
    """The `count`th call of the same number within `minutes`, this one included."""

    count: int
    minutes: int


@dataclass(frozen=True)
class When:
    """A rule's conditions; None and empty ask nothing.

    `hours` is the state of `office hours` (None: the line's own). `during` are weekly windows, with
    `during_text` as the file says them.
    """

    line: str | None = None
    hours: HoursState | None = None
    office_hours: str | None = None
    urgency: Urgency | None = None
    caller: CallerKind | None = None
    flag: str | None = None
    repeat: Repeat | None = None
    panel: str | None = None
    during: tuple[Window, ...] = ()
    during_text: str = ""

    @cached_property
    def asked(self) -> tuple[str, ...]:
        """Name the conditions that are asked, in the order they are looked at; not the urgency."""
        names = ("line", "hours", "caller", "flag", "panel", "repeat", "during")
        return tuple(name for name in names if getattr(self, name))


@dataclass(frozen=True)
class Ring:
    """Ring `who` for `ring_s` seconds, then run the escalation `otherwise`, else take a message.

    `who` is a group, a person, a desk phone, "oncall", or "own": the patient's panel physician,
    else the line's owner; a caller who has neither goes on at once.
    """

    who: str
    ring_s: int
    then: Urgency = "routine"
    otherwise: str | None = None


@dataclass(frozen=True)
class RunEscalation:
    """Try an escalation policy's people until one of them accepts."""

    escalation: str


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


Action = Ring | RunEscalation | TakeMessage | Announce | Reject


@dataclass(frozen=True)
class GoTo:
    """A key that leads to another menu."""

    menu: str


Choice = Urgency | GoTo | Action


@dataclass(frozen=True)
class Menu:
    """What a caller hears and what each key means; silence and wrong keys mean `otherwise`."""

    name: str
    say: tuple[str, ...]
    keys: Mapping[str, Choice]
    otherwise: Choice


@dataclass(frozen=True)
class Rule:
    """One line of the office's policy: the first rule whose conditions all hold decides."""

    name: str
    when: When
    do: Action


@dataclass(frozen=True)
class Outbound:
    """What calls that we place may cost; see `routing.outbound`.

    `allow` are beginnings of numbers (E.164) beyond the office's country. A person may place
    `per_day` calls on a day, the office `at_once` at a time, and none lasts over `minutes`.
    """

    allow: tuple[str, ...] = ()
    per_day: int = 40
    minutes: int = 60
    at_once: int = 4
