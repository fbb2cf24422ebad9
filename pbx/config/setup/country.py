"""Where an office is, as its numbers are written; known before its file is known to be right."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

from pbx.base.phone_numbers import US


def country_of(file: Mapping[str, Any]) -> str:
    """Return the country that a file names, or the one that it means without a name."""
    office = file.get("office")
    country = office.get("country") if isinstance(office, dict) else None
    return country if isinstance(country, str) else US


def country_in(text: str | None) -> str:
    """Return the country of a file's text, which may not be TOML; None: of a file to come."""
    try:
        return country_of(tomllib.loads(text or ""))
    except (ValueError, RecursionError):
        return US
