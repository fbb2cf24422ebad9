"""Windows of holidays and other dates, beside the weekly ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time

from routing.model.hours import Dates
from routing.model.words import Window


@dataclass(frozen=True)
class Holiday:
    """Days that the office knows by a name."""

    name: str
    when: Dates


@dataclass(frozen=True)
class DayWindow:
    """On days of the calendar from a local time up to another, so many days beside each of them.

    An end at or before the start is on the next day. With `through` it is one span, from the start
    on the first of days that follow each other to the end on the last. `name` is the holiday's.
    """

    when: Dates
    start: time
    end: time
    through: bool = False
    shift: int = 0
    name: str = ""


@dataclass(frozen=True)
class ExtendedWindow:
    """A weekly window that a holiday beside it makes longer: the day before it, or after it.

    What is longer belongs to whose turn the window itself is.
    """

    window: Window
    holidays: tuple[Holiday, ...]


LayerWindow = Window | DayWindow | ExtendedWindow
