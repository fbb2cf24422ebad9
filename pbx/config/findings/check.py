"""All findings of an office.toml at once, and whether a plan can be made of it."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pbx.base.errors import ConfigError
from pbx.base.os_errors import os_sentence
from pbx.config.findings import (
    abroad,
    away,
    days,
    menus,
    names,
    network,
    people,
    personal,
    policy,
    shadowed_rules,
    times,
    turns,
    unused,
    zones,
)
from pbx.config.findings.draft import Draft
from pbx.config.findings.finding import Finding, finding
from pbx.config.findings.reading import read

if TYPE_CHECKING:
    from routing.people import Numbers

SIZE_LIMIT = 1_000_000  # bytes; a practice's file has a few thousand

# These find what prevents a plan; those in THEN find everything else.
FIRST: tuple[Callable[[Draft], Iterator[Finding]], ...] = (names.find, policy.structure)
THEN: tuple[Callable[[Draft], Iterator[Finding]], ...] = (
    policy.find,
    shadowed_rules.find,
    menus.find,
    personal.find,
    unused.find,
    network.find,
    abroad.find,
)


@dataclass(frozen=True)
class Checked:
    """The findings in the file's order; `draft` is None if the file is not TOML."""

    draft: Draft | None
    findings: tuple[Finding, ...]

    @property
    def fatal(self) -> tuple[Finding, ...]:
        """List the findings that prevent a plan."""
        return tuple(one for one in self.findings if one.fatal)


def read_bytes(path: Path) -> tuple[str, Finding | None]:
    """Read the file as text, with a finding if it is too large or not text.

    Raises ConfigError if it cannot be read.
    """
    try:
        with path.open("rb") as file:
            content = file.read(SIZE_LIMIT + 1) if path.stat().st_size <= SIZE_LIMIT else None
    except FileNotFoundError as error:
        raise ConfigError(
            f"There is no configuration at {path}. Name the file with --config FILE."
        ) from error
    except OSError as error:
        raise ConfigError(os_sentence(f"{path} cannot be read", error, path)) from error
    if content is None or len(content) > SIZE_LIMIT:
        message = (
            f"the file is larger than {SIZE_LIMIT // 1_000_000} MB, the most that a "
            "configuration may have"
        )
        fix = "Check whether it is the right file."
        return "", finding("too-large", "the file", 1, message, fix)
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        message = "the file is not valid TOML, because it is saved as UTF-16"
        return "", finding("bad-toml", "the file", 1, message, "Save the file as UTF-8.")
    try:
        return content.decode("utf-8-sig"), None  # some editors add a byte order mark
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"the file is not valid TOML: it is not UTF-8 text (at line {line})"
        return "", finding("bad-toml", "the file", line, message, "Fix that line.")


def first_look(text: str) -> Checked:
    """Find what prevents a plan; the same text always gives the same findings."""
    draft, found = read(text)
    if draft is not None:
        for look in FIRST:
            found += look(draft)
    return Checked(draft, _sorted(found))


def find_all(text: str, now: datetime, numbers: Numbers | None = None) -> Checked:
    """Find everything; `numbers` are the contacts in the secrets file, None if it was not read."""
    first = first_look(text)
    draft = first.draft
    if draft is None:
        return first
    found = list(first.findings)
    for then in THEN:
        found += then(draft)
    found += people.find(draft, numbers, now)
    found += times.find(draft, now)
    found += days.find(draft, now)
    found += away.find(draft, now)
    found += turns.find(draft, now)
    found += zones.find(draft, now)
    return Checked(draft, _sorted(found))


def _sorted(found: Iterable[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(dict.fromkeys(found), key=lambda one: one.line))
