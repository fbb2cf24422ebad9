"""The schema of an escalation policy in office.toml: its steps and its follow-up."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from pbx.config.fields import CLOSED, Duration, Id, Seconds

Confirm = Literal["press", "pin"]  # how a person accepts a call


class StepTable(BaseModel):
    """One step of an escalation policy: try somebody, or wait."""

    model_config = CLOSED

    try_: Annotated[Id | None, Field(alias="try")] = None
    """`oncall`, `backup`, `everyone`, a group, a person or a desk phone."""
    ring: Seconds = 20
    """How many seconds the phone rings; keep it shorter than its voicemail waits."""
    wait: Seconds | None = None
    """Instead of `try`: wait so many seconds."""
    confirm: Confirm = "press"
    """Accept the call with the key 1 (`press`) or with the person's PIN (`pin`)."""


class FollowUpTable(BaseModel):
    """The follow-up of an urgent message: who is called when, counted from its opening.

    `callback` counts from the acknowledgment: if nobody has called the patient back by then,
    people are called again. An urgent call that ends within `cut_off` of its acceptance counts as
    cut off, and opens a message.
    """

    model_config = CLOSED

    retry: Duration = "5m"
    """How often the person on call is called again."""
    backup: Duration = "10m"
    """When the backup is called too."""
    everyone: Duration = "15m"
    """When everyone is called."""
    breach: Duration = "30m"
    """When the promised time to call back is over, and managers are notified."""
    callback: Duration = "30m"
    """How long after the acknowledgment people are called again if nobody called the patient."""
    cut_off: Duration = "10s"
    """An urgent call that ends so soon after its acceptance counts as cut off."""


class EscalationTable(BaseModel):
    """[escalation.ID]."""

    model_config = CLOSED

    live: Annotated[list[StepTable], Field(min_length=1)]
    """The steps while the caller waits on the line."""
    follow_up: FollowUpTable = FollowUpTable()
    """What happens to a message that nobody accepted."""
    schedule: Id | None = None
    """The schedule of `oncall` and `backup`. Default: the first schedule of the file."""
