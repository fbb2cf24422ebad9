"""What is known of carriers (`config/presets.toml`), for the trunks that name one of them."""

from __future__ import annotations

import tomllib
from typing import Any

from pbx.base.paths import data_folder


def carriers() -> dict[str, dict[str, Any]]:
    """Read the presets by their names; ConfigError where the shipped data is missing."""
    with (data_folder("config") / "presets.toml").open("rb") as file:
        return tomllib.load(file)
