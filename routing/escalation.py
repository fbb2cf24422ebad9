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
    """Ring these people or desk phones together, by id, for `ring_s` seconds; `step` counts.

    With `pin` nobody accepts by a 1 alone.
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
    """Find the first step behind number `after` (-1 at the start) that can be performed.

    `now` is the instant at which the call began.

    People outside `reachable` have no contact and are skipped at once, and with them a step that
    has nobody else; a pause is kept only if somebody was tried before it. None: the escalation
    ended.
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
    """List what a decided call goes through while nobody accepts; at the end stands a message.

    What a ring decision begins with is step -1. All of it is of the instant at which the call
    began, however long phones ring: a call has the people on call with whom it began.
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
    """Turn a file's word into ids: on call, backup, own, everyone, a group, or one by name.

    Without a schedule's name the first in the file is asked. Where nobody is on call, everyone is:
    the direction of failure is toward a human. For the same reason the backup stands before whoever
    has not confirmed the shift, and does not take that one's place. `own` is the caller's own
    physician, if any.
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
