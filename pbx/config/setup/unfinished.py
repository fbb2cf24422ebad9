"""The answers of a setup that was interrupted, kept beside office.toml until it is finished."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from pbx.base import files
from pbx.base.errors import ConfigError
from pbx.base.os_errors import os_sentence
from pbx.config.setup import write as land

MODE = 0o600  # numbers of physicians are among them


def answers_path(config: Path) -> Path:
    """Name the file."""
    return config.with_name(f"{config.name}.answers")


def read_answers(config: Path) -> dict[str, str]:
    """Return the answers by their questions, in order; empty if there are none to be read."""
    try:
        found = json.loads(answers_path(config).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {str(key): one for key, one in found.items() if isinstance(one, str)}


def keep_answers(config: Path, answers: Mapping[str, str]) -> None:
    """Write the answers down, readable by nobody else; ConfigError if that cannot be."""
    land.make_folder(config)
    try:
        files.replace(answers_path(config), json.dumps(answers, indent=1), MODE)
    except OSError as error:
        what, other = (
            f"{answers_path(config)} cannot be written",
            "name another place with --config FILE",
        )
        raise ConfigError(
            os_sentence(what, error, answers_path(config), otherwise=other)
        ) from error


def forget_answers(config: Path) -> None:
    """Delete the answers; ConfigError if that cannot be."""
    try:
        answers_path(config).unlink(missing_ok=True)
    except OSError as error:
        what = f"{answers_path(config)} cannot be deleted"
        raise ConfigError(os_sentence(what, error, answers_path(config))) from error
