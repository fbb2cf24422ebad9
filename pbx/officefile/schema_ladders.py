"""The shape of a ladder in office.toml: its steps, and the timetable of its messages."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from pbx.officefile.fields import CLOSED, Duration, Id, Seconds

Confirm = Literal["press", "pin"]  # how whoever answers accepts a call


class StepTable(BaseModel):
    """One step of a ladder: try somebody, or wait."""

    model_config = CLOSED

    try_: Annotated[Id | None, Field(alias="try")] = None
    ring: Seconds = 20
    wait: Seconds | None = None
    confirm: Confirm = "press"


class RelayTable(BaseModel):
    """When a message climbs to whom, counted from its opening.

    `callback` counts from the acknowledgment: who has not called back by then is called again.
    An urgent caller who spoke to somebody for less than `cut_off` was cut off, and is called back.
    """

    model_config = CLOSED

    retry: Duration = "5m"
    backup: Duration = "10m"
    everyone: Duration = "15m"
    breach: Duration = "30m"
    callback: Duration = "30m"
    cut_off: Duration = "10s"


class LadderTable(BaseModel):
    """[ladder.ID]."""

    model_config = CLOSED

    live: Annotated[list[StepTable], Field(min_length=1)]
    relay: RelayTable = RelayTable()
    rota: Id | None = None
