"""What every command knows: the configuration's file and the office's home."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from pbx.errors import ConfigError

SYSTEM_CONFIG = Path("/etc/officeline/office.toml")
SYSTEM_HOME = Path("/var/lib/officeline")
CHECKOUT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Context:
    """The global options, resolved; the files themselves may be missing."""

    config: Path
    home: Path

    def timezone(self) -> str:
        """Read the office's time zone from the configuration."""
        try:
            with self.config.open("rb") as file:
                return str(tomllib.load(file)["office"]["timezone"])
        # a file that is no TOML, or not even text, is a ValueError
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"The time zone of the office cannot be read from {self.config}; "
                "name the configuration with --config FILE."
            ) from error

    def zone(self) -> ZoneInfo:
        """Look up the office's time zone."""
        name = self.timezone()
        try:
            return ZoneInfo(name)
        except (OSError, ValueError, KeyError) as error:  # unknown names are KeyErrors
            raise ConfigError(
                f"{self.config} has the unknown time zone '{name}'; "
                "name one like 'America/New_York' at [office] timezone."
            ) from error


def resolve(config: Path | None, home: Path | None) -> Context:
    """Choose the files: as named, else the checkout's or this folder's, else the system's."""
    if config is None:
        local = [Path("config/office.toml"), CHECKOUT / "config" / "office.toml"]
        config = next((path for path in local if path.is_file()), SYSTEM_CONFIG)
    config = config.absolute()
    if home is None:
        checkout = config.parent.parent
        home = checkout / "var" if (checkout / "pyproject.toml").is_file() else SYSTEM_HOME
    return Context(config, home.absolute())
