"""Facts that could not be written to the database, one file each, until they are imported.

The standby writes here, and the control layer if the database refuses. A file is complete and on
the disk before its name appears. The two run as different users, so files are not trusted: a
file that is not a fact is set aside, and symbolic links are not followed.
"""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pbx.base import files
from pbx.calls.conversation import Question, Verdict
from pbx.calls.record import json_codec as plain
from pbx.calls.turns import MessageDraft
from pbx.db.records import Record

LARGEST = 1_000_000  # bytes
ENDING, BROKEN = ".json", ".broken"


@dataclass(frozen=True)
class Fact:
    """What happened at `at`: records for the log, and the draft of a message, if any.

    `question` and `verdict` are set for a turn that the standby answered.
    """

    call: str
    at: datetime
    records: tuple[Record, ...] = ()
    draft: MessageDraft | None = None
    question: Question | None = None
    verdict: Verdict | None = None


class Spool:
    """The spool folder. All methods block for the disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, fact: Fact) -> None:
        """Store a fact on the disk; OSError if that fails."""
        name = f"{time.time_ns():020d}-{os.getpid()}"
        text = json.dumps({key: plain.encode(one) for key, one in vars(fact).items()})
        files.replace(self.folder / f"{name}{ENDING}", text, 0o600)
        files.sync(self.folder)

    def waiting(self) -> list[Path]:
        """List the facts to import, oldest first; empty if there is no folder."""
        try:
            return sorted(self.folder.glob(f"[0-9]*{ENDING}"))
        except OSError:
            return []

    def since(self, at: datetime) -> Iterator[Fact]:
        """Read the facts from a time on; skip those that cannot be read."""
        first = f"{int(at.timestamp() * 1e9):020d}"
        for path in self.waiting():
            if path.name >= first and (fact := read(path)) is not None:
                yield fact

    def done(self, path: Path) -> None:
        """Delete a fact that was imported."""
        path.unlink(missing_ok=True)

    def set_aside(self, path: Path) -> None:
        """Move an unreadable file out of the way."""
        path.rename(path.with_suffix(BROKEN))


def read(path: Path) -> Fact | None:
    """Read a fact; None if the file is not one, OSError if it cannot be read now."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if path.is_symlink():
            return None
        raise error from None
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST:
            return None
        data = file.read(LARGEST)
    try:
        values = {key: plain.decode(one) for key, one in json.loads(data).items()}
        return Fact(**values) if _is_one(values) else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _is_one(values: dict[str, Any]) -> bool:
    """Return whether each value has the right type."""
    return (
        isinstance(values["call"], str)
        and isinstance(values["at"], datetime)
        and values["at"].tzinfo is not None
        and all(isinstance(one, Record) for one in values["records"])
        and isinstance(values["draft"], MessageDraft | None)
        and isinstance(values["question"], Question | None)
        and isinstance(values["verdict"], Verdict | None)
    )
