"""What the end of a call path lacks, as judged by the proof.

Requirements for a path:
- It ends in a message that somebody owns: the office's inbox names a person or desk phone. If
  nobody accepts a ring or an escalation, a message follows.
- It does not end in an announcement or a refusal, unless that rule asks for a flag: the office then
  knows these callers.
- If it is urgent, it reaches at least two different people who have a contact at that instant. They
  are rung by the ring or the escalation, or, if they want messages first, called by the message
  that follows. Without an escalation policy the message calls the person on call, the backup and
  everyone, whatever they prefer. Desk phones do not count as people.
- If it is urgent and uses a schedule, somebody is on call and can be reached. That the engine calls
  everyone if nobody is on call protects the patient but does not satisfy the proof.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from routing import escalation, paths, schedule
from routing.decision import Decision
from routing.model import BACKUP, EVERYONE, ONCALL, Escalation, Plan, Try

ENOUGH = 2  # how many people an urgent path must reach


class Callable(NamedTuple):
    """Who can be reached at an instant, by a live ring and by a message's follow-up."""

    live: frozenset[str]
    people: frozenset[str]


class At(NamedTuple):
    """An instant, and who can be reached then."""

    who: Callable
    now: datetime


def excused(end: Decision, plan: Plan) -> bool:
    """Return whether a call may end without reaching a person, as its rule asks for a flag."""
    return end.kind in {"announce", "reject"} and paths.asked_for_flag(end, plan)


def why(end: Decision, plan: Plan, who: Callable, now: datetime) -> str:
    """Return what a path's end lacks at an instant; empty if it lacks nothing."""
    if end.kind in {"announce", "reject"}:
        return "" if excused(end, plan) else "the caller reaches nobody and cannot leave a message"
    if lacks := _ownerless(plan, now):
        return lacks
    if end.urgency != "urgent":
        return ""
    steps = _escalation(end, plan)
    return next(filter(None, _lacks_on_call(end, steps, plan, who, now)), "") or _too_few(
        _rung(end, plan, who, now) | _called(steps, plan, who, now)
    )


def why_across(end: Decision, plan: Plan, first: At, then: At) -> str:
    """Return what a path lacks if a change comes before its message; empty if nothing.

    What the path lacks even before the change is reported by `why` instead.
    """
    if end.kind in {"announce", "reject"} or why(end, plan, *first):
        return ""
    lacks = _ownerless(plan, then.now)
    if not lacks and end.urgency == "urgent":
        called = _called(_escalation(end, plan), plan, *then)
        lacks = _too_few(_rung(end, plan, *first) | called)
    return lacks and f"the message is taken after a change, and then {lacks}"


def _ownerless(plan: Plan, now: datetime) -> str:
    owners = escalation.resolve(plan.office.inbox, plan, now)
    if any(one in plan.people or one in plan.phones for one in owners):
        return ""
    return f"nobody owns the message: the inbox '{plan.office.inbox}' has no people or phones"


def _escalation(end: Decision, plan: Plan) -> Escalation | None:
    return plan.escalations.get((end.target if end.kind == "escalation" else end.otherwise) or "")


def _first_schedule(plan: Plan) -> str:
    return next(iter(plan.schedules), "")


def _lacks_on_call(
    end: Decision, steps: Escalation | None, plan: Plan, who: Callable, now: datetime
) -> Iterator[str]:
    """Yield what is wrong with the people on call in the schedules that an urgent path uses."""
    if steps is None or (end.kind == "ring" and end.target == ONCALL):
        yield _on_call_lacks(plan, _first_schedule(plan), who, now)
    if steps is not None and any(isinstance(one, Try) and one.who == ONCALL for one in steps.live):
        yield _on_call_lacks(plan, steps.schedule or _first_schedule(plan), who, now)


def _on_call_lacks(plan: Plan, schedule_name: str, who: Callable, now: datetime) -> str:
    if schedule_name not in plan.schedules:
        return ""  # an office without schedules calls everyone on purpose
    on_call = schedule.on_call(plan, schedule_name, now).people
    if not on_call:
        return f"nobody is on call in schedule '{schedule_name}'"
    silent = [one for one in on_call if one not in who.people]
    return f"{silent[0]} is on call, but has no contact at that time" if silent else ""


def _rung(end: Decision, plan: Plan, who: Callable, now: datetime) -> set[str]:
    """Return the people that an urgent path rings."""
    rung = {one for together in paths.rung(end, plan, now, who.live) for one in together}
    return {one for one in rung if one in plan.people}


def _called(steps: Escalation | None, plan: Plan, who: Callable, now: datetime) -> set[str]:
    """Return the people that the path's message calls."""
    schedule_name = steps.schedule if steps is not None else ""
    return {
        one
        for word in (ONCALL, BACKUP, EVERYONE)
        for one in escalation.resolve(word, plan, now, schedule_name=schedule_name)
        if one in who.people and (steps is None or plan.people[one].mode == "follow_up")
    }


def _too_few(reached: set[str]) -> str:
    if len(reached) >= ENOUGH:
        return ""
    only = next(iter(reached), "")
    return f"only {only} can be reached" if only else "nobody can be reached"
