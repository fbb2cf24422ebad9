"""Who can be rung at an instant: contacts by time, quiet hours, and who wants a message first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from routing.instants import inside
from routing.model import Person, Plan

# For each person, the contacts whose numbers are in the secrets file: "mobile", "second".
Numbers = Mapping[str, frozenset[str]]


def contact(person: Person, plan: Plan, numbers: Numbers, at: datetime) -> str | None:
    """Return the first contact valid now that exists: "mobile", "second" or a desk phone's id."""
    held = numbers.get(person.id, frozenset())
    return next(
        (
            one.via
            for one in person.contacts
            if (one.via in held or one.via in plan.phones)
            and (not one.only or inside(one.only, at, plan.office.zone))
        ),
        None,
    )


def keys_pin(person: Person, via: str) -> bool:
    """Return whether a person must accept with their PIN over this contact, in any escalation."""
    return any(one.pin for one in person.contacts if one.via == via)


def quiet(person: Person, plan: Plan, at: datetime) -> bool:
    """Return whether only urgent calls may ring this person now."""
    return inside(person.quiet, at, plan.office.zone)


def reachable(plan: Plan, numbers: Numbers, at: datetime, *, urgent: bool) -> dict[str, str]:
    """Return a map of everybody who may be rung live now to the contact to use.

    Desk phones map to themselves. People who want messages first (`follow_up`) are not rung live,
    and in quiet hours only urgent calls ring.
    """
    found = {
        person.id: via
        for person in plan.people.values()
        if person.mode == "patch"
        and (urgent or not quiet(person, plan, at))
        and (via := contact(person, plan, numbers, at)) is not None
    }
    return {**found, **{phone: phone for phone in plan.phones}}
