"""The places of a schedule at an instant: who is on call, who is beside them, and whose turn it is.

Overrides are applied here as well; see `routing.model.Override`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from routing.instants import at_local
from routing.model import Override, Place, Plan

Span = tuple[datetime, datetime]


@dataclass(frozen=True)
class Seat:
    """Who has a place, why and in which turn; `instead_of` is the absent owner of that turn."""

    person: str
    source: str
    turn: int
    instead_of: str | None = None


@dataclass(frozen=True)
class OnCall:
    """Who is on call and who steps in; both may be empty. `turn` distinguishes turns.

    `beside` has the places of those `people` who are beside the others; `source`, `turn` and
    `instead_of` (see `Seat`) describe the first of the others. `placed` is the place of the backup
    if a layer, a shift or an override put that person there.
    """

    people: tuple[str, ...]
    backup: str | None
    source: str
    turn: int = 0
    beside: tuple[Seat, ...] = ()
    instead_of: str | None = None
    placed: Seat | None = None

    def seat(self, person: str) -> Seat:
        """Return the place of somebody who is on call."""
        for one in self.beside:
            if one.person == person:
                return one
        first = person == self.people[0]
        return Seat(person, self.source, self.turn, self.instead_of if first else None)

    def covers(self) -> dict[str, str]:
        """Return a map of people on call to the absent person whose turn they take."""
        seats = (self.seat(one) for one in self.people)
        return {one.person: one.instead_of for one in seats if one.instead_of is not None}

    def at(self, place: Place) -> tuple[str, ...]:
        """Return the people on call who have this place."""
        return tuple(one for one in self.people if self.is_beside(one) == (place == "beside"))

    def is_beside(self, person: str) -> bool:
        """Return whether a person is on call beside the others."""
        return any(one.person == person for one in self.beside)


def away(plan: Plan, person: str, at: datetime) -> bool:
    """Return whether a person is away at this instant and takes no turns."""
    return any(start <= at < end for start, end in _absences(plan).get(person, ()))


def away_edges(plan: Plan) -> Iterator[datetime]:
    """Yield every instant at which somebody goes away or returns."""
    return (at for spans in _absences(plan).values() for span in spans for at in span)


def _absences(plan: Plan) -> Mapping[str, tuple[Span, ...]]:
    """Return a map of people to their absences, as spans of instants."""
    if "away" not in plan.memo:
        zone = plan.office.zone
        plan.memo["away"] = {
            key: tuple((at_local(one.start, zone), at_local(one.end, zone)) for one in person.away)
            for key, person in plan.people.items()
            if person.away
        }
    found: Mapping[str, tuple[Span, ...]] = plan.memo["away"]
    return found


def filled(first: Seat | None, beside: tuple[Seat, ...], otherwise: str) -> OnCall:
    """Return who is on call from the two places, without a backup.

    `otherwise` is the source if both places are empty.
    """
    both = beside if first is None else (first, *beside)
    if not both:
        return OnCall((), None, otherwise)
    return OnCall(
        tuple(one.person for one in both),
        None,
        both[0].source,
        both[0].turn,
        beside,
        both[0].instead_of,
    )


def overridden(answer: OnCall, override: Override) -> OnCall:
    """Return the answer after an override; nothing changes if there is nobody to take out."""
    people, person, out = answer.people, override.person, override.instead_of
    if out is not None and out not in people:
        return answer
    source = f"override:{override.id}"
    match override.kind:
        case "add" if person is not None and person not in people:
            return replace(answer, people=(*people, person), source=source)
        case "remove" if out is not None:
            beside = tuple(one for one in answer.beside if one.person != out)
            left = tuple(one for one in people if one != out)
            whose = None if out == people[0] else answer.instead_of
            return replace(answer, people=left, beside=beside, source=source, instead_of=whose)
        case "replace" if person is not None and out is None:
            return _taken(answer, person, source)
        case "replace" if person is not None and out is not None:
            return _replaced(answer, person, out, source)
    return answer


def _taken(answer: OnCall, person: str, source: str) -> OnCall:
    """Return the answer with one person instead of everybody, except those beside them."""
    beside = tuple(one for one in answer.beside if one.person != person)
    people = (person, *(one.person for one in beside))
    return OnCall(people, None, source, answer.turn, beside)


def _replaced(answer: OnCall, person: str, out: str, source: str) -> OnCall:
    """Return the answer with one person in another's place.

    If that person already has a place, they keep only the higher one.
    """
    people = tuple(dict.fromkeys(person if one == out else one for one in answer.people))
    if answer.is_beside(out):
        known = person in answer.people  # then they keep their place
        beside = tuple(
            Seat(person, source, one.turn) if one.person == out else one
            for one in answer.beside
            if not (known and one.person == out)
        )
        return replace(answer, people=people, beside=beside)
    beside = tuple(one for one in answer.beside if one.person != person)
    whose = None if out == answer.people[0] else answer.instead_of
    return replace(answer, people=people, beside=beside, source=source, instead_of=whose)
