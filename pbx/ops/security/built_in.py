"""Protections that are built in and cannot be turned off; and the installed packages' versions."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from pbx.asterisk.agi import protocol
from pbx.base import logs
from pbx.base.paths import pinned_packages
from pbx.db import pins
from pbx.ops.security.check import SecurityCheck

PACKAGES = "packages match the hashes in requirements.lock"
FIX = "Install OfficeLine again, with the versions that docs/install.md names."
_PIN = re.compile(r"^([A-Za-z0-9_.-]+)==([^ ;\\]+)", re.MULTILINE)


def examine() -> list[SecurityCheck]:
    """List the built-in protections."""
    return [
        *(SecurityCheck(group, name, True, f"built in: {how}") for group, name, how in _built_in()),
        package_check(pinned_packages()),
    ]


def _built_in() -> Iterator[tuple[str, str, str]]:
    yield (
        "host",
        "our logs contain known fields only, no keys, and only the last four digits of numbers",
        f"{len(logs.FIELDS)} fields are known; all others are dropped",
    )
    yield (
        "own",
        "FastAGI accepts its own scripts only, and its headers are bounded",
        f"{protocol.HEADER_LIMIT} lines of {protocol.LINE_LIMIT} bytes",
    )
    yield (
        "own",
        "wrong PINs lock the person out, and this is reported",
        f"{pins.LIMIT} in a row, reported in the log, the audit and 'officeline people list'",
    )
    yield (
        "own",
        "the audit records who reveals numbers, plays recordings and exports, before it happens",
        "it is append-only by triggers, each row with the hash of the one before",
    )
    yield (
        "own",
        "backups are encrypted, and verified when restored",
        "by age, every byte verified; unencrypted backups do not exist",
    )


def package_check(pinned: Path) -> SecurityCheck:
    """Compare the installed packages with the versions that this release was tested with."""
    if not pinned.is_file():
        return SecurityCheck(
            "own", PACKAGES, None, "requirements.lock is not part of this installation"
        )
    return SecurityCheck.of("own", PACKAGES, _others(pinned.read_text(encoding="utf-8")), FIX)


def _others(text: str) -> Iterator[str]:
    """Yield packages with another version; ignore those that are not installed."""
    if "--hash=sha256:" not in text:
        yield "requirements.lock has no hashes"
    for name, wanted in _PIN.findall(text):
        with contextlib.suppress(metadata.PackageNotFoundError):
            if (found := metadata.version(name)) != wanted:
                yield f"{name} is {found}, not {wanted}"
