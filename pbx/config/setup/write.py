"""A file and the mobiles of its people, written together or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pbx.base import files
from pbx.base.errors import ConfigError, OfficeLineError
from pbx.base.os_errors import os_sentence
from pbx.config import secrets

MODE = 0o640  # of a new file: nothing secret is in it, and nobody else needs it


def make_folder(config: Path) -> None:
    """Make the folder of the file; ConfigError if that cannot be."""
    try:
        config.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"The folder {config.parent} cannot be made"
        other = "name another place with --config FILE"
        raise ConfigError(os_sentence(what, error, config.parent, otherwise=other)) from error


def land(
    config: Path, home: Path, before: str | None, after: str, mobiles: Mapping[str, str]
) -> None:
    """Write office.toml, and the mobiles into the secrets file; a failure leaves both as they were.

    `before` is what the file was when the answers were given, None if there was none.
    """
    with files.alone_at(config):
        if read_existing(config) != before:
            raise OfficeLineError(f"{config} was changed in the meantime. Begin again.")
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
    """Read the file as it is; None if there is none."""
    from pbx.config import plan

    return plan.read_text(config) if config.exists() else None


def _with(held: secrets.Secrets, mobiles: Mapping[str, str]) -> secrets.Secrets:
    for person, e164 in mobiles.items():
        held = held.with_mobile(person, e164)
    return held
