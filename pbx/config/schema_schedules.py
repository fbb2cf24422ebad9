"""The schema of a schedule in office.toml: rotations in layers, and explicit shifts."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Discriminator, Field, Tag, model_validator

from pbx.config.fields import (
    CLOSED,
    Date,
    Duration,
    Every,
    Handoff,
    Id,
    LayerWindow,
    LocalTime,
    Sentence,
    refusal_error,
)
from routing import spans

DAY_HOURS = 24
OWN = (
    "since",
    "handoff",
    "every",
    "only",
    "until",
    "joins",
    "leaves",
)  # of a schedule's own rotation

Place = Literal["oncall", "beside", "backup"]


def _turns(
    every: str, since: Date, until: Date | None, joins: dict[Id, Date], leaves: dict[Id, Date]
) -> None:
    """Refuse turns that would begin at different hours, and periods that end before they begin."""
    count, unit = every.split()
    if unit.startswith("hour") and DAY_HOURS % int(count):
        raise refusal_error("turn-length", f"turns of {every} do not divide the day evenly")
    if until is not None and until <= since:
        why = f"the layer ends ({until}) before it begins ({since})"
        raise refusal_error("backwards-period", why)
    for person, day in leaves.items():
        joined = joins.get(person, since)
        if day <= joined:
            why = f"{person} leaves ({day}) before they join ({joined})"
            raise refusal_error("backwards-period", why)


def _handed_over(every: str, handoff: str | None, only: list[str]) -> None:
    """Refuse turns without a handoff."""
    if every.split()[1].startswith("holiday"):
        if not only:
            raise ValueError(f"turns of {every} need 'only' with the holidays")
    elif handoff is None:
        raise refusal_error("missing-key", "the key 'handoff' is missing")


class LayerTable(BaseModel):
    """One rotation of a schedule, always or at some times only."""

    model_config = CLOSED

    rotation: Annotated[list[Id], Field(min_length=1)]
    """The ids of the people who take turns."""
    since: Date
    """The day on which the first turn begins."""
    handoff: Handoff | None = None
    """When turns change: with a weekday for weeks, with a day of the month for months."""
    every: Every = "1 week"
    """How long a turn is. With `1 holiday`, each window of `only` is a turn."""
    only: list[LayerWindow] = []
    """When the layer applies. Default: always. Turns outside of these times do not count."""
    until: Date | None = None
    """The day on which the layer ends, at the time of its handoff."""
    joins: dict[Id, Date] = {}
    """People who join the rotation later, and their first day."""
    leaves: dict[Id, Date] = {}
    """People who leave the rotation, and their last day."""
    place: Place = "oncall"
    """Who this layer sets: the person on call, somebody `beside` them, or the `backup`."""

    @model_validator(mode="after")
    def _turns_are_sound(self) -> Self:
        _handed_over(self.every, self.handoff, self.only)
        _turns(self.every, self.since, self.until, self.joins, self.leaves)
        return self


class ShiftTable(BaseModel):
    """[[schedule.ID.shifts]]: an explicit shift of one person."""

    model_config = CLOSED

    person: Id
    """The id of the person."""
    from_: Annotated[LocalTime, Field(alias="from")]
    """The local time at which the shift begins."""
    to: LocalTime
    """The local time at which the shift ends."""
    place: Place = "oncall"
    """The same as for a layer."""
    feed: Sentence | None = None
    """The calendar that `oncall import` read it from. Default: none, written by hand."""

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        start, end = spans.local_datetime(self.from_), spans.local_datetime(self.to)
        again = start.date() == end.date() and end.fold > start.fold
        if end <= start and not again:
            why = f"the shift ends ({self.to}) before it begins ({self.from_})"
            raise refusal_error("shift-backwards", why)
        return self


class ConfirmTable(BaseModel):
    """How often the person whose shift begins is called before the backup is notified."""

    model_config = CLOSED

    tries: Annotated[int, Field(ge=1, le=10)] = 3
    """The number of calls before the backup is notified."""
    every: Duration = "4m"
    """The time between two calls."""


Confirm = Annotated[
    Annotated[bool, Field(strict=True), Tag("(word)")] | Annotated[ConfirmTable, Tag("(table)")],
    Discriminator(lambda value: "(table)" if isinstance(value, dict) else "(word)"),
]


class ScheduleTable(BaseModel):
    """[schedule.ID]: an on-call schedule, with a rotation of its own and layers above it."""

    model_config = CLOSED

    rotation: Annotated[list[Id] | None, Field(min_length=1)] = None
    """The lowest layer: the ids of the people who take turns."""
    since: Date | None = None
    """The day on which the first turn begins."""
    handoff: Handoff | None = None
    """When turns change: with a weekday for weeks, with a day of the month for months."""
    every: Every | None = None
    """How long a turn is. Default: `1 week`. With `1 holiday`, each window of `only` is a turn."""
    only: list[LayerWindow] | None = None
    """When this layer applies. Default: always. Turns outside of these times do not count."""
    until: Date | None = None
    """The day on which this layer ends, at the time of its handoff."""
    joins: dict[Id, Date] | None = None
    """People who join the rotation later, and their first day."""
    leaves: dict[Id, Date] | None = None
    """People who leave the rotation, and their last day."""
    layers: list[LayerTable] = []
    """More layers. The last one that applies decides."""
    shifts: list[ShiftTable] = []
    """Explicit shifts, which override every layer."""
    backup: Id = "next"
    """The backup: the `next` in the rotation, a person, or another schedule."""
    confirm: Confirm = False
    """Whether the person whose shift begins is called to press 1. `true`: the defaults below."""

    @model_validator(mode="after")
    def _own_rotation_is_whole(self) -> Self:
        if self.rotation is not None:
            every, joins, leaves = self.every or "1 week", self.joins or {}, self.leaves or {}
            if self.since is None or (self.handoff is None and "holiday" not in every):
                raise ValueError("a rotation needs 'since' and 'handoff'")
            _handed_over(every, self.handoff, self.only or [])
            _turns(every, self.since, self.until, joins, leaves)
        elif given := [name for name in OWN if getattr(self, name) is not None]:
            raise ValueError(f"'{given[0]}' needs a 'rotation' in the same table")
        elif not self.layers and not self.shifts:
            raise ValueError("a schedule needs a rotation, layers or shifts")
        return self

    def stack(self) -> list[LayerTable]:
        """List all layers from the lowest, the table's own rotation, to the highest."""
        if self.rotation is None:
            return self.layers
        own = {name: getattr(self, name) for name in OWN if getattr(self, name) is not None}
        own["rotation"] = self.rotation
        return [LayerTable.model_validate(own), *self.layers]
