"""The shape of a rota in office.toml: rotations in layers, and explicit shifts."""

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
    LocalTime,
    WindowText,
    refused,
)
from routing import spans

DAY_HOURS = 24

Place = Literal["oncall", "beside", "backup"]


def _turn(every: str) -> None:
    count, unit = every.split()
    if unit.startswith("hour") and DAY_HOURS % int(count):
        raise refused("turn-length", f"turns of {every} do not divide the day")


class LayerTable(BaseModel):
    """One rotation of a rota; with `only` it holds in these windows alone."""

    model_config = CLOSED

    rotation: Annotated[list[Id], Field(min_length=1)]
    """Who takes turns, by id."""
    since: Date
    """The day on which the first of them begins."""
    handoff: Handoff
    """When turns change; the weekday is for turns of weeks."""
    every: Every = "1 week"
    """How long a turn is."""
    only: list[WindowText] = []
    """When the layer holds; without it, always."""
    place: Place = "oncall"
    """Who is on call first, `beside` (together with them), or the `backup`."""

    @model_validator(mode="after")
    def _hours_divide_the_day(self) -> Self:
        _turn(self.every)
        return self


class ShiftTable(BaseModel):
    """[[rota.ID.shifts]]: one person from one local time to another."""

    model_config = CLOSED

    person: Id
    """Who is on call."""
    from_: Annotated[LocalTime, Field(alias="from")]
    """From then on."""
    to: LocalTime
    """Up to then."""
    place: Place = "oncall"
    """As for a layer."""

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if spans.local_datetime(self.to) <= spans.local_datetime(self.from_):
            why = f"the shift ends ({self.to}) before it begins ({self.from_})"
            raise refused("shift-backwards", why)
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


class RotaTable(BaseModel):
    """[rota.ID]: the rotation in the table itself, and layers above it."""

    model_config = CLOSED

    rotation: Annotated[list[Id] | None, Field(min_length=1)] = None
    """The lowest layer: who takes turns, by id."""
    since: Date | None = None
    """The day on which the first of them begins."""
    handoff: Handoff | None = None
    """When turns change; the weekday is for turns of weeks."""
    every: Every | None = None
    """How long a turn is; `1 week` without it."""
    only: list[WindowText] | None = None
    """When this layer holds; without it, always."""
    layers: list[LayerTable] = []
    """More layers; the last that holds decides."""
    shifts: list[ShiftTable] = []
    """Explicit shifts, above every layer."""
    backup: Id = "next"
    """`next` in the rotation, a person, or another rota."""
    confirm: Confirm = False
    """Whether whoever begins a shift is called to press 1; `true` is the defaults below."""

    @model_validator(mode="after")
    def _own_rotation_is_whole(self) -> Self:
        if self.rotation is not None:
            if self.since is None or self.handoff is None:
                raise ValueError("a rotation needs 'since' and 'handoff'")
            _turn(self.every or "1 week")
        elif (self.since, self.handoff, self.every, self.only) != (None,) * 4:
            raise ValueError("'since', 'handoff', 'every' and 'only' need a 'rotation' beside them")
        elif not self.layers and not self.shifts:
            raise ValueError("a rota needs a rotation, layers or shifts")
        return self

    def stack(self) -> list[LayerTable]:
        """List all layers from the lowest, the table's own rotation, to the highest."""
        if self.rotation is None:
            return self.layers
        names = ("rotation", "since", "handoff", "every", "only")
        own = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        return [LayerTable.model_validate(own), *self.layers]
