"""The shape of people and desk phones in office.toml."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, model_validator

from pbx.config.fields import CLOSED, DayOrTime, Id, Sentence, Title, WindowText, refusal_error
from pbx.config.schema_escalations import Confirm
from routing import spans


class ContactTable(BaseModel):
    """One way to reach a person, always or in windows only."""

    model_config = CLOSED

    via: Id
    """`mobile` or `second`, whose numbers stand in the secrets file, or a desk phone."""
    only: list[WindowText] = []
    """When it holds; without it, always."""
    confirm: Confirm = "press"
    """Whether a 1 accepts a call, or the person's own PIN."""


class AwayTable(BaseModel):
    """[[people.ID.away]]: their turns of this time are the next person's."""

    model_config = CLOSED

    from_: Annotated[DayOrTime, Field(alias="from")]
    """The first day, or a local time."""
    to: DayOrTime
    """The last day, included, or a local time."""
    reason: Sentence | None = None
    """For those who read the file."""

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if spans.end_of(self.to) <= spans.begin_of(self.from_):
            why = f"the time away ends ({self.to}) before it begins ({self.from_})"
            raise refusal_error("backwards-period", why)
        return self


class PersonTable(BaseModel):
    """[people.ID]."""

    model_config = CLOSED

    name: Title
    """As it is shown and said in explanations."""
    role: Literal["physician", "nurse", "staff", "manager", "service"] = "physician"
    """A manager hears of what nobody acknowledged; a service accepts by answering."""
    contacts: list[ContactTable] = [ContactTable(via="mobile")]
    """Ways to reach the person; the first that holds now and has a number is taken."""
    mode: Literal["patch", "follow_up"] = "patch"
    """`patch` connects the waiting patient; `follow_up` takes a message first."""
    quiet: list[WindowText] = []
    """When only urgent calls ring."""
    away: list[AwayTable] = []
    """Vacations and other times without turns."""


class PhoneTable(BaseModel):
    """[phones.ID]."""

    model_config = CLOSED

    name: Title
    """Where it stands."""
