"""Who can be rung at an instant: contacts by time, quiet hours, and who wants a message first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from routing.instants import inside
from routing.model import Person, Plan

# For each person the contacts whose numbers the secrets file holds: "mobile", "second".
Numbers = Mapping[str, frozenset[str]]


def contact(person: Person, plan: Plan, numbers: Numbers, at: datetime) -> str | None:
    """Name the first contact that holds now and exists: "mobile", "second" or a desk phone's id."""
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
    """Tell whether a person accepts by their PIN over this contact, whatever an escalation says."""
    return any(one.pin for one in person.contacts if one.via == via)


def quiet(person: Person, plan: Plan, at: datetime) -> bool:
    """Tell whether only urgent calls may ring this person now."""
    return inside(person.quiet, at, plan.office.zone)


def reachable(plan: Plan, numbers: Numbers, at: datetime, *, urgent: bool) -> dict[str, str]:
    """Map everybody who may be rung live now to the contact used; desk phones to themselves.

    Who wants messages first (`follow_up`) is not rung live, and in quiet hours only urgent calls
    ring.
    """
    found = {
        person.id: via
        for person in plan.people.values()
        if person.mode == "patch"
        and (urgent or not quiet(person, plan, at))
        and (via := contact(person, plan, numbers, at)) is not None
    }
    return {**found, **{phone: phone for phone in plan.phones}}
