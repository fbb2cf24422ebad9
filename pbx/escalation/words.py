"""A message's recordings as a physician hears them, and their amount. All functions block."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from pbx.calls.record.flags import CUT_OFF
from pbx.calls.record.missing import is_there, missing_recordings
from pbx.db import messages
from pbx.db.messages import MessageRow


@dataclass(frozen=True)
class Words:
    """What is played of a message, newest call first; `heard`: there is at least one recording.

    `joins` counts the calls that joined it, and `size` the bytes of its recordings. A person who
    heard less than that cannot settle the message.
    """

    said: list[str]
    heard: bool
    joins: int
    size: int


def words_in(engine: Engine, folder: Path, message: MessageRow) -> Words:
    """Return a message's recordings in `folder`, as sound names for Asterisk.

    For a call without a recording, a prompt says so, because it may be from another patient; if
    a recording's file is missing, a prompt says that.
    """
    parts = messages.message_parts(engine, message)
    there = [(call, _file(folder, place)) for call, place in reversed(parts)]
    spoke = {call for call, path in there if path is not None}
    silent = "message-cut-off" if CUT_OFF in message.flags else "message-no-words"
    gone = set(missing_recordings(engine, folder, message))
    lost = {call for call, place in parts if place in gone}
    said = [
        ("message-gone" if call in lost else silent) if path is None else str(path.with_suffix(""))
        for call, path in dict.fromkeys(there)
        if path is not None or call not in spoke
    ]
    size = sum(path.stat().st_size for path in {path for _, path in there} if path is not None)
    return Words(said, bool(spoke), len(parts) - 1, size)


def _file(folder: Path, place: str | None) -> Path | None:
    path = folder / place if place else None
    return path if path is not None and is_there(path) else None
