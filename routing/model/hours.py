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
    """The same day of each year; 29 February exists in leap years alone."""

    month: int
    day: int


@dataclass(frozen=True)
class YearlyWeekday:
    """The `nth` weekday of a month in each year, counted from 1; -1 is the last."""

    month: int
    weekday: int
    nth: int


@dataclass(frozen=True)
class Closure:
    """Days on which the office is closed; with `span`, only between these local times of them.

    A whole day's closure takes away the periods that begin on it: who opened the evening before
    still closes after midnight. `schedule` None means every schedule.
    """

    when: Days | Yearly | YearlyWeekday
    reason: str
    span: tuple[time, time] | None = None
    schedule: str | None = None


@dataclass(frozen=True)
class Opening:
    """Days whose hours are these `spans` and nothing else, whatever weekday or closure says."""

    when: Days | Yearly | YearlyWeekday
    reason: str
    spans: tuple[tuple[time, time], ...]
    schedule: str = OFFICE


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
    schedule: str | None = None


@dataclass(frozen=True)
class Schedule:
    """Opening hours by weekday; a period belongs to the day on which it begins."""

    name: str
    periods: tuple[Window, ...] = ()
