"""Settings of known carriers (`config/presets.toml`), for trunks that name one."""

from __future__ import annotations

import tomllib
from typing import Any

from pbx.base.paths import data_folder


def carriers() -> dict[str, dict[str, Any]]:
    """Return the presets by name; ConfigError if the file that ships with OfficeLine is missing."""
    with (data_folder("config") / "presets.toml").open("rb") as file:
        return tomllib.load(file)
