"""The words that run through the whole plan."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from typing import Literal

Urgency = Literal["urgent", "routine"]
HoursState = Literal["open", "closed"]
CallerKind = Literal["anonymous", "known", "unknown"]  # known: a patient in the directory

OFFICE = "office"  # the schedule of [hours]
# Words that stand for people, wherever a file names whom to ring.
ONCALL, BACKUP, EVERYONE, OWN = "oncall", "backup", "everyone", "own"


@dataclass(frozen=True)
class Window:
    """A weekly span of local time: from a weekday (0 is Monday) and time up to another.

    It may pass midnight and the week's end; where start and end are the same, it is a whole week.
    """

    weekday: int
    start: time
    until: int
    end: time
