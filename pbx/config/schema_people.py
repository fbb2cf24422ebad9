"""The shape of people and desk phones in office.toml."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from pbx.config.fields import CLOSED, Id, Title, WindowText
from pbx.config.schema_ladders import Confirm


class ContactTable(BaseModel):
    """One way to reach a person, always or in windows only."""

    model_config = CLOSED

    via: Id
    """`mobile` or `second`, whose numbers stand in the vault, or a desk phone."""
    only: list[WindowText] = []
    """When it holds; without it, always."""
    confirm: Confirm = "press"
    """Whether a 1 accepts a call, or the person's own PIN."""


class PersonTable(BaseModel):
    """[people.ID]."""

    model_config = CLOSED

    name: Title
    """As it is shown and said in explanations."""
    role: Literal["physician", "nurse", "staff", "manager", "service"] = "physician"
    """A manager hears of what nobody acknowledged; a service accepts by answering."""
    contacts: list[ContactTable] = [ContactTable(via="mobile")]
    """Ways to reach the person; the first that holds now and has a number is taken."""
    mode: Literal["patch", "relay"] = "patch"
    """`patch` connects the waiting patient; `relay` takes a message first."""
    quiet: list[WindowText] = []
    """When only urgent calls ring."""


class PhoneTable(BaseModel):
    """[phones.ID]."""

    model_config = CLOSED

    name: Title
    """Where it stands."""
