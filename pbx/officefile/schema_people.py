"""The shape of people and desk phones in office.toml."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from pbx.officefile.fields import CLOSED, Id, Title, WindowText
from pbx.officefile.schema_ladders import Confirm


class ContactTable(BaseModel):
    """One way to reach a person, always or in windows only."""

    model_config = CLOSED

    via: Id
    only: list[WindowText] = []
    confirm: Confirm = "press"


class PersonTable(BaseModel):
    """[people.ID]."""

    model_config = CLOSED

    name: Title
    role: Literal["physician", "nurse", "staff", "manager", "service"] = "physician"
    contacts: list[ContactTable] = [ContactTable(via="mobile")]
    mode: Literal["patch", "relay"] = "patch"
    quiet: list[WindowText] = []


class PhoneTable(BaseModel):
    """[phones.ID]."""

    model_config = CLOSED

    name: Title
