"""Hints name a command as the reader must type it: `./run officeline ...` in a checkout."""

from __future__ import annotations

import os
import re

VARIABLE = "OFFICELINE_COMMAND"  # set by ./run, as it was itself typed
_QUOTED = re.compile(r"'(sudo -u \S+ )?officeline (?=\S)")


def as_typed(text: str) -> str:
    """Put what starts the command here into each quoted command of a sentence for people."""
    command = os.environ.get(VARIABLE, "")
    return _QUOTED.sub(lambda found: f"'{found[1] or ''}{command} ", text) if command else text
