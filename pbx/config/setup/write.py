"""Write office.toml and its people's mobile numbers together, or neither."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pbx.base import files
from pbx.base.errors import ConfigError, OfficeLineError
from pbx.base.os_errors import os_sentence
from pbx.config import secrets

MODE = 0o640  # of a new file; it has no secrets, but others do not need it


def make_folder(config: Path) -> None:
    """Create the folder of the file; ConfigError if that fails."""
    try:
        config.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"The folder {config.parent} cannot be created"
        other = "choose another place with --config FILE"
        raise ConfigError(os_sentence(what, error, config.parent, otherwise=other)) from error


def land(
    config: Path, home: Path, before: str | None, after: str, mobiles: Mapping[str, str]
) -> None:
    """Write office.toml, and mobiles into the secrets file; a failure leaves both unchanged.

    `before` is the file's text when the answers were given; None if there was no file.
    """
    with files.alone_at(config):
        if read_existing(config) != before:
            raise OfficeLineError(f"{config} was changed in the meantime. Start over.")
        held = secrets.read(home)
        if mobiles:
            secrets.change(home, lambda one: _with(one, mobiles))
        try:
            if before is None:
                files.replace(config, after, MODE)
            elif after != before:
                files.save_config(config, after)
        except BaseException as error:
            if mobiles:
                secrets.change(home, lambda _: held)
            if isinstance(error, OSError):
                what = f"The file {config} cannot be written"
                raise ConfigError(os_sentence(what, error, config)) from error
            raise


def read_existing(config: Path) -> str | None:
    """Return the file's text; None if there is no file."""
    from pbx.config import plan

    return plan.read_text(config) if config.exists() else None


def _with(held: secrets.Secrets, mobiles: Mapping[str, str]) -> secrets.Secrets:
    for person, e164 in mobiles.items():
        held = held.with_mobile(person, e164)
    return held
