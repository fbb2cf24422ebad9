"""How many turns each person takes for colleagues who are away, to judge fairness."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta

from routing import schedule as schedules
from routing.burden import HOUR
from routing.model import Plan
from routing.places import Seat


@dataclass(frozen=True)
class Covered:
    """Turns, or parts of turns, that one person takes for another who is away."""

    schedule: str
    person: str
    instead_of: str
    turns: int
    hours: float


def covered(plan: Plan, start: datetime, end: datetime) -> tuple[Covered, ...]:
    """Return the turns taken for people who are away in [start, end), over all schedules."""
    held: defaultdict[tuple[str, Seat], timedelta] = defaultdict(timedelta)
    for name in plan.schedules:
        for shift in schedules.shifts(plan, name, start, end):
            for person in shift.on_call.people:
                seat = shift.on_call.seat(person)
                if seat.instead_of is not None:
                    held[name, seat] += shift.end - shift.start
    found: dict[tuple[str, str, str], list[timedelta]] = {}
    for (name, seat), span in held.items():
        found.setdefault((name, seat.person, seat.instead_of or ""), []).append(span)
    return tuple(
        Covered(*who, len(spans), round(sum(spans, timedelta()) / HOUR, 1))
        for who, spans in found.items()
    )
