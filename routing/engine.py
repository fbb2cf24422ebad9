"""The decision about a call: `route(facts, plan, now)`, the same code live and explained."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from routing import hours
from routing.decision import Decision, Facts, Reason
from routing.model import (
    Action,
    Announce,
    HoursState,
    Line,
    Menu,
    Plan,
    Reject,
    Ring,
    RunLadder,
    TakeMessage,
    Urgency,
    When,
)

NO_RULE = "no rule matched"


def route(facts: Facts, plan: Plan, now: datetime) -> Decision:
    """Decide about a call at an aware instant; depends on nothing but its arguments.

    A DID that is no line of ours is rejected. The menu is offered where rules could turn on an
    urgency that is not known yet. Should no rule match, the call counts as an urgent message:
    the direction of every failure is towards a human.
    """
    line = plan.line_of(facts.did)
    if line is None:
        return Decision("reject", "", "", None, (Reason("", False, "the number is not ours"),))
    state, why = hours.state_at(plan, now)
    menu = plan.menus.get(line.menus.get(state, ""))
    urgency: Urgency | None = None
    if menu is not None and facts.pressed is not None:
        urgency = menu.keys.get(facts.pressed, menu.otherwise)
    reasons: list[Reason] = []
    for rule in plan.rules:
        misfit = _misfit(rule.when, line, state, why)
        if misfit is None and rule.when.urgency is not None:
            if urgency is None and menu is not None:
                reasons.append(Reason(rule.name, False, "the caller is asked how urgent it is"))
                return _decided(Decision("menu", line.name, state, None, tuple(reasons)), menu)
            if urgency != rule.when.urgency:
                misfit = f"the matter is {urgency or 'of unknown urgency'}, not {rule.when.urgency}"
        reasons.append(Reason(rule.name, misfit is None, misfit or _fit(rule.when, why)))
        if misfit is None:
            return _decided(Decision("reject", line.name, state, urgency, tuple(reasons)), rule.do)
    reasons.append(Reason(NO_RULE, True, "a call that no rule names is never dropped"))
    return _decided(
        Decision("message", line.name, state, urgency, tuple(reasons)), TakeMessage("urgent")
    )


def _misfit(when: When, line: Line, state: HoursState, why: str) -> str | None:
    """Say which condition on line or hours does not hold, or None."""
    if when.line is not None and when.line != line.name:
        return f"the call came on the line {line.name}, not {when.line}"
    if when.hours is not None and when.hours != state:
        return f"the office is {state} ({why})"
    return None


def _fit(when: When, why: str) -> str:
    """Say in a few words which conditions held."""
    held = []
    if when.line is not None:
        held.append(f"the line is {when.line}")
    if when.hours is not None:
        held.append(f"the office is {when.hours} ({why})")
    if when.urgency is not None:
        held.append(f"the matter is {when.urgency}")
    return " and ".join(held) or "it applies to every call"


def _decided(so_far: Decision, do: Action | Menu) -> Decision:
    """Complete a decision with what its rule does."""
    match do:
        case Menu(name=name, say=say):
            return replace(so_far, kind="menu", target=name, say=say)
        case Ring(group=group, ring_s=ring_s, then=then):
            return replace(so_far, kind="ring", target=group, ring_s=ring_s, urgency=then)
        case RunLadder(ladder=ladder):
            # whoever reaches a ladder is treated as urgent until a human says otherwise
            return replace(so_far, kind="ladder", target=ladder, urgency="urgent")
        case TakeMessage(urgency=urgency):
            return replace(so_far, kind="message", urgency=urgency)
        case Announce(say=say):
            return replace(so_far, kind="announce", say=say)
        case Reject():
            return replace(so_far, kind="reject")
