"""The shape of an escalation in office.toml: its steps, and the timetable of its messages."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from pbx.config.fields import CLOSED, Duration, Id, Seconds

Confirm = Literal["press", "pin"]  # how whoever answers accepts a call


class StepTable(BaseModel):
    """One step of an escalation policy: try somebody, or wait."""

    model_config = CLOSED

    try_: Annotated[Id | None, Field(alias="try")] = None
    """`oncall`, `backup`, `everyone`, a group, a person or a desk phone."""
    ring: Seconds = 20
    """How long, from when the carrier finds the phone; shorter than its voicemail waits."""
    wait: Seconds | None = None
    """Instead of `try`: wait so long."""
    confirm: Confirm = "press"
    """Whether a 1 accepts the call, or the person's own PIN."""


class FollowUpTable(BaseModel):
    """When a message climbs to whom, counted from its opening.

    `callback` counts from the acknowledgment: who has not called back by then is called again.
    An urgent caller who spoke to somebody for less than `cut_off` was cut off, and is called back.
    """

    model_config = CLOSED

    retry: Duration = "5m"
    """Whoever is on call is called again each time."""
    backup: Duration = "10m"
    """From then on the backup, too."""
    everyone: Duration = "15m"
    """From then on everybody."""
    breach: Duration = "30m"
    """Then the promise to call back is broken, and said so."""
    callback: Duration = "30m"
    """From the acknowledgment on, until a patient who was not called back is everybody's matter."""
    cut_off: Duration = "10s"
    """An urgent call that ends so soon after its acceptance was cut off, and leaves a message."""


class EscalationTable(BaseModel):
    """[escalation.ID]."""

    model_config = CLOSED

    live: Annotated[list[StepTable], Field(min_length=1)]
    """Whom to try while the patient waits, step after step."""
    follow_up: FollowUpTable = FollowUpTable()
    """What happens to a message that nobody took."""
    schedule: Id | None = None
    """Whose on call is meant; without it, the first schedule of the file."""
