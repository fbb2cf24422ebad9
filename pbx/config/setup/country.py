"""The office's country, which decides how numbers are written; works on unchecked files too."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

from pbx.base.phone_numbers import US


def country_of(file: Mapping[str, Any]) -> str:
    """Return the country in a file, or the default."""
    office = file.get("office")
    country = office.get("country") if isinstance(office, dict) else None
    return country if isinstance(country, str) else US


def country_in(text: str | None) -> str:
    """Return the country in a text, or the default if it is not TOML or None (no file yet)."""
    try:
        return country_of(tomllib.loads(text or ""))
    except (ValueError, RecursionError):
        return US
