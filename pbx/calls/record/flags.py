"""The flags of a message in the inbox: no words were recorded, or no number to call back."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pbx.asterisk.speech.soundfile import SUFFIXES, sound_problem
from pbx.calls.record.live_calls import LiveCall

NO_NUMBER: Final = "no callback number"
UNUSABLE_NUMBER: Final = "the number that was keyed in cannot be called; the caller ID was kept"
NO_WORDS: Final = "hung up before saying anything"
SILENT: Final = "the recording is silent"
FOUND: Final = "recovered after the database was damaged; it may already be settled"
UNWRITTEN: Final = "the recording could not be written"
CUT_OFF: Final = "the call was cut off just after somebody accepted it"


def flags_of(
    live: LiveCall, number: str | None, recording: Path, *, cut_off: bool = False
) -> tuple[str, ...]:
    """Return the flags for the message of a call that is over. Blocks; reads the recording.

    `number` is the number to call back.
    """
    found = [CUT_OFF] if cut_off else []
    if number is None:
        found.append(NO_NUMBER)
    elif live.keyed_none:
        found.append(UNUSABLE_NUMBER)
    if not recording.exists():
        if live.recorded or not cut_off:
            found.append(UNWRITTEN if live.recorded else NO_WORDS)
    elif sound_problem(recording, SUFFIXES[".wav"]) is not None:
        found.append(SILENT)
    return tuple(found)
