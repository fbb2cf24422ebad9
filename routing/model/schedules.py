"""Who is on call: layers of rotations, explicit shifts and overrides."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Literal

from routing.model.windows import LayerWindow

Unit = Literal["hours", "days", "weeks", "months", "holidays"]
Place = Literal["oncall", "beside", "backup"]
OverrideKind = Literal["add", "remove", "replace", "backup"]


@dataclass(frozen=True)
class MonthDay:
    """A day of each month: the `nth` of its days that fall on these weekdays; -1 is the last.

    All weekdays make it the date, Monday alone the first Monday. A month that has not as many of
    them has its last one.
    """

    nth: int
    among: tuple[int, ...] = tuple(range(7))


@dataclass(frozen=True)
class Layer:
    """A rotation: people take turns of `every` units, handed over at a local time.

    It begins on `since` (for weeks: on the first `weekday` from there on; for months: on the first
    `day`) with the first person, and ends at the time `at` of the day `until`. Hours must divide
    the day: turns of 12 hours from 08:00 change at 08:00 and 20:00 each day.

    Turns of holidays begin with the windows: each time that they hold without a break is one.

    Outside of its `only` windows a layer has nobody, and a turn of which no part lies in them is
    nobody's: it is not counted, and whoever would come next comes next still. Turns of several days
    are so many days of which some part lies in them.

    Who `joins` has no turn that begins before that day, who `leaves` none that ends after it. The
    turns before are what they were, and those after go on in the order of the rotation. Whose turn
    comes while they are away is passed over for the next of the rotation. `place` says which place
    of the schedule the layer fills.
    """

    rotation: tuple[str, ...]
    since: date
    at: time
    weekday: int = 0
    every: int = 1
    unit: Unit = "weeks"
    only: tuple[LayerWindow, ...] = ()
    place: Place = "oncall"
    day: MonthDay | None = None
    until: date | None = None
    joins: tuple[tuple[str, date], ...] = ()
    leaves: tuple[tuple[str, date], ...] = ()


@dataclass(frozen=True)
class ExplicitShift:
    """One person from one naive local time to another, above every layer of its place."""

    person: str
    start: datetime
    end: datetime
    place: Place = "oncall"


@dataclass(frozen=True)
class Confirm:
    """Whoever begins a shift is called, and presses 1: `tries` times, one every `every_s` seconds.

    Then the backup is told.
    """

    tries: int = 3
    every_s: int = 240


@dataclass(frozen=True)
class Schedule:
    """Who is on call when: of the layers that hold, the last decides; explicit shifts stand above.

    That goes for each place of its own: "oncall" is who is called first, "beside" who is on call
    together with them (several shifts at once all are), and "backup" who steps in. Where nothing
    fills the last, `backup` does: it is "next" (in the rotation), a person, or another schedule
    whose person on call steps in. Without `confirm` nobody is called as a shift begins.
    """

    name: str
    layers: tuple[Layer, ...]
    shifts: tuple[ExplicitShift, ...] = ()
    backup: str = "next"
    confirm: Confirm | None = None


@dataclass(frozen=True)
class Override:
    """A bounded change of a schedule, from `start` to `end` (aware), above everything in the file.

    `replace` puts `person` in the place of `instead_of` (None: of everybody on call but those whom
    the schedule has beside them), `add` puts `person` beside them, `remove` takes `instead_of` out.
    `backup` makes `person` the one who steps in. They are applied in the order of `id`.
    """

    id: int
    schedule: str
    kind: OverrideKind
    person: str | None
    instead_of: str | None
    start: datetime
    end: datetime
    reason: str = ""


@dataclass(frozen=True)
class Unconfirmed:
    """A shift from `start` up to `end` (aware, None: open) whose begin `person` never confirmed."""

    schedule: str
    person: str
    start: datetime
    end: datetime | None
