"""The answers of an interrupted setup, kept next to office.toml until it is finished."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from pbx.base import files
from pbx.base.errors import ConfigError
from pbx.base.os_errors import os_sentence
from pbx.config.setup import write as land

MODE = 0o600  # they include physicians' numbers


def answers_path(config: Path) -> Path:
    """Return the path of the file."""
    return config.with_name(f"{config.name}.answers")


def read_answers(config: Path) -> dict[str, str]:
    """Return the answers by question, in order; empty if there are none."""
    try:
        found = json.loads(answers_path(config).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {str(key): one for key, one in found.items() if isinstance(one, str)}


def keep_answers(config: Path, answers: Mapping[str, str]) -> None:
    """Save the answers, readable by the owner only; ConfigError if that fails."""
    land.make_folder(config)
    try:
        files.replace(answers_path(config), json.dumps(answers, indent=1), MODE)
    except OSError as error:
        what, other = (
            f"{answers_path(config)} cannot be written",
            "choose another place with --config FILE",
        )
        raise ConfigError(
            os_sentence(what, error, answers_path(config), otherwise=other)
        ) from error


def forget_answers(config: Path) -> None:
    """Delete the answers; ConfigError if that fails."""
    try:
        answers_path(config).unlink(missing_ok=True)
    except OSError as error:
        what = f"{answers_path(config)} cannot be deleted"
        raise ConfigError(os_sentence(what, error, answers_path(config))) from error
