"""The words that run through the whole plan."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time
from typing import Literal

Urgency = Literal["urgent", "routine"]
HoursState = Literal["open", "closed"]
CallerKind = Literal["anonymous", "known", "unknown"]  # known: a patient in the directory

OFFICE = "office"  # the office hours of [hours]
# Words that stand for people, wherever a file names whom to ring.
ONCALL, BACKUP, EVERYONE, OWN = "oncall", "backup", "everyone", "own"


@dataclass(frozen=True)
class Window:
    """A weekly span of local time: from a weekday (0 is Monday) and time up to another.

    It may pass midnight and the week's end; where start and end are the same, it is a whole week.
    With `nth` it is of these weeks of a month alone (1 is the first, -1 the last), counted by the
    day on which it begins; with `weeks` of one in so many weeks from the day `origin` on.
    """

    weekday: int
    start: time
    until: int
    end: time
    nth: tuple[int, ...] = ()
    weeks: int = 1
    origin: date | None = None
