"""The live escalation policy: which step comes next, and whom it rings at this moment."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import datetime

from routing import people, schedule
from routing.decision import Decision
from routing.model import BACKUP, EVERYONE, ONCALL, OWN, Escalation, Pause, Plan
from routing.people import Numbers


@dataclass(frozen=True)
class Ringing:
    """Ring these people or desk phones (ids) together for `ring_s` seconds, as step `step`.

    With `pin`, pressing 1 is not enough to accept; the PIN is required.
    """

    step: int
    who: tuple[str, ...]
    ring_s: int
    pin: bool = False


@dataclass(frozen=True)
class Waiting:
    """Let the caller wait `seconds` before the step after `step`."""

    step: int
    seconds: int


def next_step(
    escalation: Escalation,
    plan: Plan,
    now: datetime,
    *,
    after: int,
    reachable: Container[str],
    own: str | None = None,
) -> Ringing | Waiting | None:
    """Return the first step after number `after` (-1 at the start) that can be performed.

    `now` is the instant at which the call began. People outside `reachable` have no contact and
    are skipped at once, as is a step with nobody else; a pause is kept only if somebody was tried
    before it. Returns None if the policy has no further step.
    """
    for number in range(after + 1, len(escalation.live)):
        step = escalation.live[number]
        if isinstance(step, Pause):
            if after >= 0:
                return Waiting(number, step.seconds)
            continue
        resolved = resolve(step.who, plan, now, schedule_name=escalation.schedule, own=own)
        who = tuple(one for one in resolved if one in reachable)
        if who:
            return Ringing(number, who, step.ring_s, step.pin)
    return None


def course(
    decision: Decision, plan: Plan, now: datetime, numbers: Numbers
) -> Iterator[Ringing | Waiting]:
    """Yield the steps of a decided call that nobody accepts; a message follows the last one.

    The ring of a ring decision is step -1. Everything is computed for the instant at which the
    call began: a handoff during the call does not change who is on call for it.
    """
    reachable = people.reachable(plan, numbers, now, urgent=decision.urgency == "urgent")
    name = decision.target if decision.kind == "escalation" else decision.otherwise
    if decision.kind == "ring":
        resolved = resolve(decision.target, plan, now, own=decision.own)
        who = tuple(one for one in resolved if one in reachable)
        if who:
            yield Ringing(-1, who, decision.ring_s)
    escalation = plan.escalations.get(name or "")
    after = -1
    while escalation is not None:
        step = next_step(escalation, plan, now, after=after, reachable=reachable, own=decision.own)
        if step is None:
            return
        yield step
        after = step.step


def resolve(
    who: str, plan: Plan, now: datetime, *, schedule_name: str = "", own: str | None = None
) -> tuple[str, ...]:
    """Return the ids for a word of the file: on call, backup, own, everyone, a group or a name.

    Without a schedule's name, the first schedule in the file is used. If nobody is on call,
    everyone is returned, because a failure must lead to a human. For the same reason, the backup is
    rung before a person who has not confirmed the shift, in addition to that person. `own` is the
    caller's own physician, if any.
    """
    if who in {ONCALL, BACKUP}:
        return _by_schedule(who, plan, now, schedule_name or next(iter(plan.schedules), ""))
    if who == OWN:
        return () if own is None else (own,)
    if who == EVERYONE:
        return schedule.everyone(plan)
    return plan.groups[who].members if who in plan.groups else (who,)


def _by_schedule(who: str, plan: Plan, now: datetime, name: str) -> tuple[str, ...]:
    if name not in plan.schedules:
        return schedule.everyone(plan)
    answer = schedule.on_call(plan, name, now)
    if who == BACKUP:
        return () if answer.backup is None else (answer.backup,)
    if answer.backup is not None and schedule.unconfirmed(plan, name, now):
        return (answer.backup, *answer.people)
    return answer.people or schedule.everyone(plan)
