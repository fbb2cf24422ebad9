"""Recordings of a message that were made, and whose files are missing. Blocks."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from pbx.calls.record.flags import CUT_OFF, NO_WORDS
from pbx.db import messages
from pbx.db.calls import get_call
from pbx.db.messages import MessageRow


def missing_recordings(engine: Engine, folder: Path, message: MessageRow) -> list[str]:
    """List the places below `folder` where a recording should be and is not.

    A caller who hung up before a word left none, and whoever is still on the line may yet speak.
    """
    parts = messages.message_parts(engine, message)
    spoke = {call for call, place in parts if place and is_there(folder / place)}
    return [
        place
        for call, place in dict.fromkeys(parts)
        if place and call not in spoke and _made(engine, message, call)
    ]


def is_there(path: Path) -> bool:
    """Tell whether a recording has a file, and any bytes in it."""
    try:
        return path.is_file() and path.stat().st_size > 0
    except OSError:
        return False


def _made(engine: Engine, message: MessageRow, call: str) -> bool:
    if {NO_WORDS, CUT_OFF} & set(message.flags):
        return False
    history = get_call(engine, call)
    return history is not None and history.call.ended_at is not None
