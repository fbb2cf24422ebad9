"""How much on-call duty each person has: nights, weekends, holidays and hours in a time span."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from routing.days import falls_on
from routing.instants import DAY, MIDNIGHT, instant, local_day
from routing.model import OFFICE, Plan

DUSK, DAWN = time(17), time(8)  # a night, in the office's local time
SATURDAY = 5
HOUR = timedelta(hours=1)
TURNS = ("nights", "weekends", "holidays")
FAIR = (*TURNS, "hours", "interruptions")

Nights = Mapping[date, tuple[str, ...]]


@dataclass
class Burden:
    """One person's on-call load; `interruptions` counts how often one of their phones rings."""

    nights: int = 0
    weekends: int = 0
    holidays: int = 0
    hours: float = 0.0
    interruptions: float = 0.0
    night_interruptions: float = 0.0


class Turns:
    """Adds up who was on call; a night, weekend or holiday counts for whoever had most of it.

    It also counts for a second person who was on call for more than half of it.
    """

    def __init__(self, people: Iterable[str], zone: ZoneInfo) -> None:
        self._zone = zone
        self.load = {person: Burden() for person in people}
        self._held: dict[str, dict[date, dict[str, timedelta]]] = {
            kind: defaultdict(lambda: defaultdict(timedelta)) for kind in TURNS
        }

    def of(self, person: str) -> Burden:
        """Return a person's load as a mutable object that the caller may add to."""
        return self.load.setdefault(person, Burden())

    def add(self, start: datetime, end: datetime, who: Iterable[str]) -> None:
        """Count these people as on call in a stretch within one hour of the office's clock."""
        length, turns = end - start, tuple(_turns(start.astimezone(self._zone)))
        for person in who:
            self.of(person).hours += length / HOUR
            for kind, day in turns:
                self._held[kind][day][person] += length

    def count(
        self, start: datetime, end: datetime, plan_of: Callable[[datetime], Plan]
    ) -> tuple[Nights, Mapping[date, str]]:
        """Count the nights, weekends and holidays that begin within [start, end).

        Returns who had each night, and the holidays. `plan_of(instant)` returns the plan whose
        closures decide whether the day that begins at that instant is a holiday.
        """
        dates = tuple(self._days(start, end, MIDNIGHT))
        plans = {day: plan_of(instant(day, MIDNIGHT, self._zone)) for day in dates}
        reasons = {day: _holiday(plan, day) for day, plan in plans.items()}
        holidays = {day: why for day, why in reasons.items() if why is not None}
        nights = self._given("nights", self._days(start, end, DUSK))
        self._given("weekends", (day for day in dates if day.weekday() == SATURDAY))
        self._given("holidays", holidays)
        return nights, holidays

    def _given(self, kind: str, days: Iterable[date]) -> Nights:
        """Return who had each of these nights, weekends or days, and count it for them."""
        found = {day: most(self._held[kind].get(day, {}), self._whole(kind, day)) for day in days}
        for person in (one for who in found.values() for one in who):
            burden = self.of(person)
            setattr(burden, kind, getattr(burden, kind) + 1)
        return found

    def _whole(self, kind: str, day: date) -> timedelta:
        """Return how long this night, weekend or day is."""
        first, last = {
            "nights": ((day, DUSK), (day + DAY, DAWN)),
            "weekends": ((day, MIDNIGHT), (day + 2 * DAY, MIDNIGHT)),
            "holidays": ((day, MIDNIGHT), (day + DAY, MIDNIGHT)),
        }[kind]
        return instant(*last, self._zone) - instant(*first, self._zone)

    def _days(self, start: datetime, end: datetime, clock: time) -> Iterator[date]:
        """Yield the local days on which this clock time lies within the span."""
        day = local_day(start, self._zone) - DAY
        while (at := instant(day, clock, self._zone)) < end:
            if at >= start:
                yield day
            day += DAY


def on_duty(plan: Plan) -> tuple[str, ...]:
    """Return the ids of everybody who takes on-call turns in a schedule, in the file's order.

    Turns as backup do not count. An office without schedules gets all its physicians.
    """
    schedules = plan.schedules.values()
    named = {
        one
        for schedule in schedules
        for layer in schedule.layers
        if layer.place != "backup"
        for one in layer.rotation
    }
    named |= {
        shift.person
        for schedule in schedules
        for shift in schedule.shifts
        if shift.place != "backup"
    }
    return tuple(one for one in plan.people if one in named) or plan.physicians()


def is_night(local: datetime) -> bool:
    """Tell whether a local time is between dusk and dawn."""
    return local.time() >= DUSK or local.time() < DAWN


def evenness(values: Sequence[float]) -> float:
    """Return the highest value divided by the mean, or 1 if all values are zero."""
    return max(values) * len(values) / sum(values) if sum(values) else 1.0


def _turns(local: datetime) -> Iterator[tuple[str, date]]:
    """Yield the night, weekend and day that a local time belongs to, each with its first date."""
    day = local.date()
    yield "holidays", day
    if is_night(local):
        yield "nights", day if local.time() >= DUSK else day - DAY
    if day.weekday() >= SATURDAY:
        yield "weekends", day - (day.weekday() - SATURDAY) * DAY


def most(who: Mapping[str, timedelta], whole: timedelta) -> tuple[str, ...]:
    """Return who had most of a night, plus anyone who shared more than half of it."""
    longest = max(who.values(), default=None)
    return tuple(person for person, span in who.items() if span == longest or 2 * span > whole)


def _holiday(plan: Plan, day: date) -> str | None:
    """Return why an ordinary working day is closed all day, or None if it is not a holiday."""
    if any(one.office_hours == OFFICE and falls_on(one.when, day) for one in plan.openings):
        return None
    reasons = (
        one.reason
        for one in plan.closures
        if one.span is None and one.office_hours in {None, OFFICE} and falls_on(one.when, day)
    )
    return next(reasons, None)
