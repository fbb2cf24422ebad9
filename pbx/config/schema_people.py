"""The schema of people and desk phones in office.toml."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, model_validator

from pbx.config.fields import CLOSED, DayOrTime, Id, Sentence, Title, WindowText, refusal_error
from pbx.config.schema_escalations import Confirm
from routing import spans


class ContactTable(BaseModel):
    """One way to reach a person, always or at some times only."""

    model_config = CLOSED

    via: Id
    """`mobile` or `second`, whose numbers are in the secrets file, or a desk phone."""
    only: list[WindowText] = []
    """When to use it. Default: always."""
    confirm: Confirm = "press"
    """Accept a call with the key 1 (`press`) or with the person's PIN (`pin`)."""


class AwayTable(BaseModel):
    """[[people.ID.away]]: an absence, in which the next person takes their turns."""

    model_config = CLOSED

    from_: Annotated[DayOrTime, Field(alias="from")]
    """The first day, or a local time."""
    to: DayOrTime
    """The last day, included, or a local time."""
    reason: Sentence | None = None
    """A note for readers of the file."""

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if spans.end_of(self.to) <= spans.begin_of(self.from_):
            why = f"the absence ends ({self.to}) before it begins ({self.from_})"
            raise refusal_error("backwards-period", why)
        return self


class PersonTable(BaseModel):
    """[people.ID]."""

    model_config = CLOSED

    name: Title
    """The name, as shown to people."""
    role: Literal["physician", "nurse", "staff", "manager", "service"] = "physician"
    """A `manager` is notified of late messages and outages; a `service` accepts by answering."""
    contacts: list[ContactTable] = [ContactTable(via="mobile")]
    """Ways to reach the person. The first that applies now and has a number is used."""
    mode: Literal["patch", "follow_up"] = "patch"
    """`patch` connects the waiting patient; `follow_up` takes a message first."""
    quiet: list[WindowText] = []
    """When only urgent calls ring."""
    away: list[AwayTable] = []
    """Vacations and other absences."""


class PhoneTable(BaseModel):
    """[phones.ID]."""

    model_config = CLOSED

    name: Title
    """The name of the phone, such as its place."""
