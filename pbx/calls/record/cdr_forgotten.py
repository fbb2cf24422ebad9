"""Asterisk's old call records, taken out of its file while it may be writing to it."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from pbx.base import files
from pbx.calls.record.cdr import CdrFilter

_EVER = datetime(1971, 1, 1, tzinfo=UTC)
# Asterisk opens the file for each record; what it opened before we replaced it is written by then
SETTLE_S = 0.5


def count(path: Path, before: datetime, kept: Collection[str]) -> int:
    """Count the records that began before an instant, but for these calls; 0 without a file."""
    try:
        with path.open("rb") as source:
            return sum(old for old, _ in _lines(source, before, kept))
    except FileNotFoundError:
        return 0


def forget(path: Path, before: datetime, kept: Collection[str]) -> int:
    """Take them out and return how many; OSError leaves the file as it was."""
    if not count(path, before, kept):
        return 0
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    gone = 0
    try:
        with path.open("rb") as source:
            with part.open("xb") as target:
                _look_like(source, target)
                for old, line in _lines(source, before, kept):
                    gone += old
                    if not old:
                        target.write(line)
            files.sync(part)
            part.replace(path)
            time.sleep(SETTLE_S)
            with path.open("ab") as target:
                target.write(source.read())
    finally:
        part.unlink(missing_ok=True)
    return gone


def _lines(
    source: BinaryIO, before: datetime, kept: Collection[str]
) -> Iterator[tuple[bool, bytes]]:
    """Read whole lines, and tell of each whether it may go; a last one without its end waits."""
    old = CdrFilter(_EVER, before)
    while (line := source.readline()).endswith(b"\n"):
        yield old.takes_all(line, kept), line
    source.seek(-len(line), os.SEEK_CUR)


def _look_like(source: BinaryIO, target: BinaryIO) -> None:
    """Give a file another one's owner and mode."""
    looks = os.fstat(source.fileno())
    os.fchmod(target.fileno(), looks.st_mode & 0o777)
    with contextlib.suppress(PermissionError):
        os.fchown(target.fileno(), looks.st_uid, looks.st_gid)
