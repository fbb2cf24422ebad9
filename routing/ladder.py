"""The live ladder: which step comes next, and whom it rings at this moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from routing import rota
from routing.model import BACKUP, EVERYONE, ONCALL, Ladder, Pause, Plan


@dataclass(frozen=True)
class Ringing:
    """Ring these people or desk phones together, by id, for `ring_s` seconds; `step` counts."""

    step: int
    who: tuple[str, ...]
    ring_s: int


@dataclass(frozen=True)
class Waiting:
    """Let the caller wait `seconds` before the step after `step`."""

    step: int
    seconds: int


def next_step(
    ladder: Ladder, plan: Plan, now: datetime, *, after: int, reachable: frozenset[str]
) -> Ringing | Waiting | None:
    """Find the first step behind number `after` (-1 at the start) that can be performed.

    People outside `reachable` have no contact and are skipped at once, and with them a step that
    has nobody else; a pause is kept only if somebody was tried before it. None: the ladder ended.
    """
    for number in range(after + 1, len(ladder.live)):
        step = ladder.live[number]
        if isinstance(step, Pause):
            if after >= 0:
                return Waiting(number, step.seconds)
            continue
        who = tuple(one for one in resolve(step.who, plan, now) if one in reachable)
        if who:
            return Ringing(number, who, step.ring_s)
    return None


def resolve(who: str, plan: Plan, now: datetime) -> tuple[str, ...]:
    """Turn a ladder's word into ids: on call, backup, everyone, a group, or one by name.

    With several rotas the first in the file is asked. An office without a rota has everyone on
    call: the direction of failure is towards a human.
    """
    if who == EVERYONE:
        return rota.everyone(plan)
    if who in {ONCALL, BACKUP}:
        first = next(iter(plan.rotas.values()), None)
        if first is None:
            return rota.everyone(plan)
        find = rota.on_call if who == ONCALL else rota.backup
        return (find(first, plan.office.zone, now),)
    if who in plan.groups:
        return plan.groups[who].members
    return (who,)
