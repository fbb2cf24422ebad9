"""Which phones ring for a call, by which contact, and how each person accepts it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from dialplan import names
from pbx.calls.conversation import Book
from routing import escalation, people
from routing.model import Escalation, Plan, Try


def ringable_contacts(plan: Plan, book: Book, now: datetime, *, urgent: bool) -> dict[str, str]:
    """Map each person who may be called now to the contact to use."""
    held = {person: frozenset(contacts) for person, contacts in book.items()}
    return people.reachable(plan, held, now, urgent=urgent)


def without_key(plan: Plan, who: tuple[str, ...], via: Mapping[str, str]) -> dict[str, str]:
    """Map people who need not press 1 to the reason: their desk phone's id, or a service."""
    kinds = {}
    for one in who:
        known = plan.people.get(one)
        if via[one] in plan.phones:
            kinds[one] = via[one]
        elif known is not None and known.role == "service":
            kinds[one] = names.SERVICE
    return kinds


def asked_pins(
    plan: Plan,
    policy: Escalation | None,
    who: tuple[str, ...],
    via: Mapping[str, str],
    *,
    pin: bool,
) -> dict[str, str]:
    """Return which legs must enter a PIN ("1"); "" clears the value of an earlier step."""
    steps = () if policy is None else policy.live
    mixed = any(isinstance(one, Try) and one.pin for one in steps)
    known = plan.people
    keys = {one for one in who if one in known and people.keys_pin(known[one], via[one])}
    return {one: "1" if pin or one in keys else "" for one in who if mixed or one in keys}


def on_call_legs(plan: Plan, book: Book, now: datetime) -> dict[str, str]:
    """Map the people whom the first escalation's first step rings now to their dial strings."""
    first = next(iter(plan.escalations.values()), None)
    if first is None:
        return {}
    via = ringable_contacts(plan, book, now, urgent=True)
    step = escalation.next_step(first, plan, now, after=-1, reachable=via)
    who = step.who if isinstance(step, escalation.Ringing) else ()
    return {one: book[one][via[one]] for one in who}
