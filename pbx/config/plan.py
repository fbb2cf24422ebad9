"""Read and check office.toml and build the plan; all mistakes are reported at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pbx.base.errors import ConfigError
from routing import model

if TYPE_CHECKING:
    from pbx.config import schema_network
    from pbx.config.findings.draft import Draft
    from pbx.config.findings.finding import Finding
    from pbx.config.schema_retention import RetentionTable
    from routing.people import Numbers


@dataclass(frozen=True)
class Configuration:
    """A plan, with the technical settings around it: trunk, network, broker and others."""

    path: Path
    plan: model.Plan
    trunk: schema_network.TrunkTable
    network: schema_network.NetworkTable
    mqtt: schema_network.MqttTable | None = None
    metrics: schema_network.MetricsTable | None = None
    retention: RetentionTable | None = None


def load(path: Path) -> Configuration:
    """Read office.toml; raise ConfigError with every mistake that prevents a plan."""
    return parse(read_text(path), path)


def parse(text: str, path: Path) -> Configuration:
    """Build the plan from a file's text; errors name `path`. Raises ConfigError."""
    from pbx.config.findings.check import first_look

    checked = first_look(text)
    if checked.draft is None or checked.fatal:
        raise _mistakes(path, checked.fatal)
    return _configuration(checked.draft, path)


def check(
    path: Path, now: datetime, numbers: Numbers | None = None
) -> tuple[Configuration | None, list[Finding]]:
    """Find everything that is wrong with a file, and build its plan if possible.

    `numbers` are the contacts in the secrets file; without them, everybody counts as reachable.
    Raises ConfigError only if the file is missing or cannot be opened.
    """
    from pbx.config.findings.check import find_all, read_bytes

    text, unreadable = read_bytes(path)
    if unreadable is not None:
        return None, [unreadable]
    checked = find_all(text, now, numbers)
    if checked.draft is None or checked.fatal:
        return None, list(checked.findings)
    return _configuration(checked.draft, path), list(checked.findings)


def read_text(path: Path) -> str:
    """Return the file's text; ConfigError if it cannot be read."""
    from pbx.config.findings.check import read_bytes

    text, unreadable = read_bytes(path)
    if unreadable is not None:
        raise _mistakes(path, [unreadable])
    return text


def _configuration(draft: Draft, path: Path) -> Configuration:
    file = draft.file
    return Configuration(
        path, draft.plan, file.trunk, file.network, file.mqtt, file.metrics, file.retention
    )


def _mistakes(path: Path, found: Sequence[Finding]) -> ConfigError:
    problems = [f"line {one.line}, {one.where}: {one.message}" for one in found]
    if len(problems) == 1:
        return ConfigError(f"{path}, {problems[0]}. {found[0].fix}")
    listed = "".join(f"\n  {problem}" for problem in problems)
    return ConfigError(f"{path} has {len(problems)} mistakes:{listed}")
