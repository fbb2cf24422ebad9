"""When an office is open: weekly periods, closures, openings, and changes at short notice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time

from routing.model.words import OFFICE, HoursState, Window


@dataclass(frozen=True)
class Days:
    """Days by date, both included."""

    first: date
    last: date


@dataclass(frozen=True)
class Yearly:
    """The same day of each year, or so many days after it; 29 February comes in leap years alone.

    What is `observed` takes the weekday beside a weekend, too: Friday where it is a Saturday,
    Monday where it is a Sunday.
    """

    month: int
    day: int
    shift: int = 0
    observed: bool = False


@dataclass(frozen=True)
class YearlyWeekday:
    """The `nth` weekday of a month in each year, counted from 1; -1 is the last.

    With a `shift` it is so many days after that one, or before it.
    """

    month: int
    weekday: int
    nth: int
    shift: int = 0


@dataclass(frozen=True)
class Easter:
    """Easter Sunday of each year, or so many days after it; Good Friday is two days before."""

    shift: int = 0


DayOfYear = Yearly | YearlyWeekday | Easter


@dataclass(frozen=True)
class Monthly:
    """The days of each month that are its `nth` ones of a weekday, or, without one, these dates.

    They count from 1; -1 is the last.
    """

    weekday: int | None
    nth: tuple[int, ...]


@dataclass(frozen=True)
class YearlyRange:
    """The days of each year from one up to another, both included; it may pass the year's end.

    A 29 February that there is not is 1 March as the first day, and 28 February as the last.
    """

    first: DayOfYear
    last: DayOfYear


Dates = Days | DayOfYear | Monthly | YearlyRange


@dataclass(frozen=True)
class Closure:
    """Days on which the office is closed; with `span`, only between these local times of them.

    A whole day's closure takes away the periods that begin on it: who opened the evening before
    still closes after midnight. `office hours` None means all office hours.
    """

    when: Dates
    reason: str
    span: tuple[time, time] | None = None
    office_hours: str | None = None


@dataclass(frozen=True)
class Opening:
    """Days whose hours are these `spans` and nothing else, whatever weekday or closure says."""

    when: Dates
    reason: str
    spans: tuple[tuple[time, time], ...]
    office_hours: str = OFFICE


@dataclass(frozen=True)
class Season:
    """Days that have hours of their own by weekday, in the place of the office hours'.

    A weekday without a period is closed. Closures and openings stand above it.
    """

    when: Dates
    reason: str
    periods: tuple[Window, ...]
    office_hours: str = OFFICE


@dataclass(frozen=True)
class HoursChange:
    """Open or closed from one instant to another, made at the telephone or the command line.

    It is stronger than the file; of two that overlap the later one (the higher `id`) holds.
    """

    id: int
    state: HoursState
    start: datetime
    end: datetime
    reason: str
    office_hours: str | None = None


@dataclass(frozen=True)
class OfficeHours:
    """Opening hours by weekday; a period belongs to the day on which it begins."""

    name: str
    periods: tuple[Window, ...] = ()
