"""The shape of a schedule in office.toml: rotations in layers, and explicit shifts."""

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
    """Refuse turns that wander through the day, and ends before their beginnings."""
    count, unit = every.split()
    if unit.startswith("hour") and DAY_HOURS % int(count):
        raise refusal_error("turn-length", f"turns of {every} do not divide the day")
    if until is not None and until <= since:
        why = f"the layer ends ({until}) before it begins ({since})"
        raise refusal_error("backwards-period", why)
    for person, day in leaves.items():
        joined = joins.get(person, since)
        if day <= joined:
            why = f"{person} leaves ({day}) before they join ({joined})"
            raise refusal_error("backwards-period", why)


def _handed_over(every: str, handoff: str | None, only: list[str]) -> None:
    """Refuse turns of which nothing says when they change."""
    if every.split()[1].startswith("holiday"):
        if not only:
            raise ValueError(f"turns of {every} need 'only' with the holidays beside them")
    elif handoff is None:
        raise refusal_error("missing-key", "'handoff' is missing")


class LayerTable(BaseModel):
    """One rotation of a schedule; with `only` it holds in these windows alone."""

    model_config = CLOSED

    rotation: Annotated[list[Id], Field(min_length=1)]
    """Who takes turns, by id."""
    since: Date
    """The day on which the first of them begins."""
    handoff: Handoff | None = None
    """When turns change; the weekday is for turns of weeks, the day of the month for months."""
    every: Every = "1 week"
    """How long a turn is; `1 holiday` is each time that the windows of `only` hold."""
    only: list[LayerWindow] = []
    """When the layer holds; without it, always. Turns outside of it are not counted."""
    until: Date | None = None
    """The day on which the layer ends, at the time of its handoff."""
    joins: dict[Id, Date] = {}
    """Who is in the rotation from a day on: none of their turns begins before it."""
    leaves: dict[Id, Date] = {}
    """Who leaves the rotation: none of their turns ends after this day."""
    place: Place = "oncall"
    """Who is on call first, `beside` (together with them), or the `backup`."""

    @model_validator(mode="after")
    def _turns_are_sound(self) -> Self:
        _handed_over(self.every, self.handoff, self.only)
        _turns(self.every, self.since, self.until, self.joins, self.leaves)
        return self


class ShiftTable(BaseModel):
    """[[schedule.ID.shifts]]: one person from one local time to another."""

    model_config = CLOSED

    person: Id
    """Who is on call."""
    from_: Annotated[LocalTime, Field(alias="from")]
    """From then on."""
    to: LocalTime
    """Up to then."""
    place: Place = "oncall"
    """As for a layer."""
    feed: Sentence | None = None
    """The calendar that `oncall import` took it from, and replaces it from; none if by hand."""

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        start, end = spans.local_datetime(self.from_), spans.local_datetime(self.to)
        again = start.date() == end.date() and end.fold > start.fold
        if end <= start and not again:
            why = f"the shift ends ({self.to}) before it begins ({self.from_})"
            raise refusal_error("shift-backwards", why)
        return self


class ConfirmTable(BaseModel):
    """Whoever begins a shift is called so often, so far apart, before the backup is told."""

    model_config = CLOSED

    tries: Annotated[int, Field(ge=1, le=10)] = 3
    """Calls until the backup is told."""
    every: Duration = "4m"
    """One call each."""


Confirm = Annotated[
    Annotated[bool, Field(strict=True), Tag("(word)")] | Annotated[ConfirmTable, Tag("(table)")],
    Discriminator(lambda value: "(table)" if isinstance(value, dict) else "(word)"),
]


class ScheduleTable(BaseModel):
    """[schedule.ID]: the rotation in the table itself, and layers above it."""

    model_config = CLOSED

    rotation: Annotated[list[Id] | None, Field(min_length=1)] = None
    """The lowest layer: who takes turns, by id."""
    since: Date | None = None
    """The day on which the first of them begins."""
    handoff: Handoff | None = None
    """When turns change; the weekday is for turns of weeks, the day of the month for months."""
    every: Every | None = None
    """How long a turn is; `1 week` without it, `1 holiday` for each time that `only` holds."""
    only: list[LayerWindow] | None = None
    """When this layer holds; without it, always. Turns outside of it are not counted."""
    until: Date | None = None
    """The day on which this layer ends, at the time of its handoff."""
    joins: dict[Id, Date] | None = None
    """Who is in the rotation from a day on: none of their turns begins before it."""
    leaves: dict[Id, Date] | None = None
    """Who leaves the rotation: none of their turns ends after this day."""
    layers: list[LayerTable] = []
    """More layers; the last that holds decides."""
    shifts: list[ShiftTable] = []
    """Explicit shifts, above every layer."""
    backup: Id = "next"
    """`next` in the rotation, a person, or another schedule."""
    confirm: Confirm = False
    """Whether whoever begins a shift is called to press 1; `true` is the defaults below."""

    @model_validator(mode="after")
    def _own_rotation_is_whole(self) -> Self:
        if self.rotation is not None:
            every, joins, leaves = self.every or "1 week", self.joins or {}, self.leaves or {}
            if self.since is None or (self.handoff is None and "holiday" not in every):
                raise ValueError("a rotation needs 'since' and 'handoff'")
            _handed_over(every, self.handoff, self.only or [])
            _turns(every, self.since, self.until, joins, leaves)
        elif given := [name for name in OWN if getattr(self, name) is not None]:
            raise ValueError(f"'{given[0]}' needs a 'rotation' beside it")
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
