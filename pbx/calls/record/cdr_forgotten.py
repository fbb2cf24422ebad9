"""Delete Asterisk's old call records from its file while Asterisk may be writing to it."""

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
# Asterisk opens the file anew for each record; after this time no write to the old file is left
SETTLE_S = 0.5


def count(path: Path, before: datetime, kept: Collection[str]) -> int:
    """Count the records that began before a time, except for the `kept` calls; 0 without a file."""
    try:
        with path.open("rb") as source:
            return sum(old for old, _ in _lines(source, before, kept))
    except FileNotFoundError:
        return 0


def forget(path: Path, before: datetime, kept: Collection[str]) -> int:
    """Delete what `count` counts and return how many; after an OSError the file is unchanged."""
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
    """Read complete lines, each with whether to delete it; an incomplete last line is kept."""
    old = CdrFilter(_EVER, before)
    while (line := source.readline()).endswith(b"\n"):
        yield old.takes_all(line, kept), line
    source.seek(-len(line), os.SEEK_CUR)


def _look_like(source: BinaryIO, target: BinaryIO) -> None:
    """Give a file the owner and mode of another one."""
    looks = os.fstat(source.fileno())
    os.fchmod(target.fileno(), looks.st_mode & 0o777)
    with contextlib.suppress(PermissionError):
        os.fchown(target.fileno(), looks.st_uid, looks.st_gid)
