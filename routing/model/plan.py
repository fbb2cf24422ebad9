"""The plan as a whole: an office, its lines, and everything that it decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from routing.model.hours import Closure, HoursChange, OfficeHours, Opening, Season
from routing.model.people import Group, Patient, Person, Phone
from routing.model.policy import Escalation, Menu, Outbound, Rule
from routing.model.schedules import Override, Schedule, Unconfirmed
from routing.model.words import EVERYONE, OFFICE, HoursState
from routing.time_text import TimeText


@dataclass(frozen=True)
class Office:
    """Who we are on the phone; `number` is E.164 and shown on every outbound leg.

    `inbox` names the group or person that owns messages.
    """

    name: str
    number: str
    zone: ZoneInfo
    language: str = "en"
    country: str = "US"
    inbox: str = EVERYONE

    @property
    def times(self) -> TimeText:
        """How people of this office read dates and times."""
        return TimeText.of(self.zone, self.language, self.country)


@dataclass(frozen=True)
class Line:
    """A dialed number with a purpose; `menus` names the menu for a state of its office hours.

    `owner` makes it a direct line: that physician's own, shown when they call back on it. On a
    `backline` hospitals and labs call, who hear other sentences than patients.
    """

    did: str
    name: str
    menus: Mapping[HoursState, str] = field(default_factory=dict)
    office_hours: str = OFFICE
    owner: str | None = None
    backline: bool = False


@dataclass(frozen=True)
class Plan:
    """A validated configuration; `hash` names its content.

    `overrides`, `changes`, `patients` (by E.164 number) and `unconfirmed` are no part of the file:
    they are rows of the database, laid over it with `dataclasses.replace`, and no part of the hash.
    `laid` names what is laid over it, but for the patients; it is empty before.
    """

    office: Office
    lines: tuple[Line, ...]
    office_hours: Mapping[str, OfficeHours]
    closures: tuple[Closure, ...]
    openings: tuple[Opening, ...]
    people: Mapping[str, Person]
    phones: Mapping[str, Phone]
    groups: Mapping[str, Group]
    menus: Mapping[str, Menu]
    schedules: Mapping[str, Schedule]
    escalations: Mapping[str, Escalation]
    rules: tuple[Rule, ...]
    hash: str
    outbound: Outbound = field(default_factory=Outbound)
    overrides: tuple[Override, ...] = ()
    changes: tuple[HoursChange, ...] = ()
    patients: Mapping[str, Patient] = field(default_factory=dict)
    unconfirmed: tuple[Unconfirmed, ...] = ()
    seasons: tuple[Season, ...] = ()
    laid: str = field(default="", compare=False)
    # what was worked out of this plan once and holds as long as it does, such as a day's hours
    memo: dict[Any, Any] = field(default_factory=dict, init=False, compare=False, repr=False)

    @property
    def revision(self) -> str:
        """Name the file's content and what is laid over it: by this a call finds its plan again."""
        return f"{self.hash}-{self.laid}" if self.laid else self.hash

    def line_of(self, did: str) -> Line | None:
        """Find the line that a dialed E.164 number belongs to."""
        return next((line for line in self.lines if line.did == did), None)

    def physicians(self) -> tuple[str, ...]:
        """Name everybody with the role of a physician, in the file's order."""
        return tuple(person.id for person in self.people.values() if person.role == "physician")
