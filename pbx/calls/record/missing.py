"""Find recordings whose files are missing. Blocks."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from pbx.calls.record.flags import CUT_OFF, NO_WORDS
from pbx.db import messages
from pbx.db.calls import get_call
from pbx.db.messages import MessageRow


def missing_recordings(engine: Engine, folder: Path, message: MessageRow) -> list[str]:
    """List the paths below `folder` of a message's missing recordings.

    A caller who hung up early has no recording, and one still on the line may yet get one.
    """
    parts = messages.message_parts(engine, message)
    spoke = {call for call, place in parts if place and is_there(folder / place)}
    return [
        place
        for call, place in dict.fromkeys(parts)
        if place and call not in spoke and _made(engine, message, call)
    ]


def is_there(path: Path) -> bool:
    """Return whether a recording's file exists and is not empty."""
    try:
        return path.is_file() and path.stat().st_size > 0
    except OSError:
        return False


def _made(engine: Engine, message: MessageRow, call: str) -> bool:
    if {NO_WORDS, CUT_OFF} & set(message.flags):
        return False
    history = get_call(engine, call)
    return history is not None and history.call.ended_at is not None
