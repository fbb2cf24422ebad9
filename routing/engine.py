"""The decision about a call: `route(facts, plan, now)`, used for live calls and explanations."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from routing import rules, triage
from routing.decision import Decision, Facts, Reason
from routing.model import (
    OWN,
    Action,
    Announce,
    Menu,
    Plan,
    Ring,
    Rule,
    RunEscalation,
    TakeMessage,
)
from routing.rules import Reasons, Scene

NO_RULE = "no rule matched"
A_KEY = "a key of the menu"


def route(facts: Facts, plan: Plan, now: datetime) -> Decision:
    """Decide about a call that began at an aware instant; depends on nothing but its arguments.

    It is called again after each key with the same instant and plan, so a key means what the caller
    heard, even if the office opens or the plan changes in between.

    An unknown DID is rejected. The menu is offered if a rule depends on an urgency that is not
    known yet; a key may also decide directly. If no rule matches, the call becomes an urgent
    message, because every failure must lead to a human.
    """
    line = plan.line_of(facts.did)
    if line is None:
        return Decision(
            "reject", "", "", None, (Reason("", False, "the office has no line with this number"),)
        )
    listed = plan.patients if facts.directory is None else facts.directory
    patient = listed.get(facts.caller) if facts.caller is not None else None
    scene = Scene(facts, plan, now, line, patient)
    state = scene.hours(None)
    menu = plan.menus.get(line.menus.get(state, ""))
    answer = None if menu is None else triage.follow(plan, menu, facts.presses)
    scene.urgency = answer if isinstance(answer, str) else None
    reasons, do = _by_rules(scene, answer)
    blank = Decision(
        "reject",
        line.name,
        state,
        scene.urgency,
        reasons,
        own=scene.panel or line.owner,
        patient=patient.id if patient is not None else None,
    )
    return _decided(blank, do, plan)


def _by_rules(scene: Scene, answer: triage.Answer | None) -> tuple[Reasons, Action | Menu]:
    """Return the first rule that holds, or the menu that must be played before that is known."""
    trail: list[tuple[Rule, str | None] | Reason] = []
    for rule, asked in rules.conditions(scene.plan):
        missed = rules.misfit(rule.when, asked, scene)
        if missed is None and rule.when.urgency is not None:
            if isinstance(answer, triage.Asking):
                because = "the menu must first ask the caller how urgent the call is"
                trail.append(Reason(rule.name, False, because))
                return Reasons(scene, trail), answer.menu
            if answer is not None and not isinstance(answer, str):
                because = "the key that the caller pressed does not say how urgent the call is"
                trail += [
                    Reason(rule.name, False, because),
                    Reason(A_KEY, True, "the caller pressed it"),
                ]
                return Reasons(scene, trail), answer
            missed = None if scene.urgency == rule.when.urgency else rules.URGENCY
        trail.append((rule, missed))
        if missed is None:
            return Reasons(scene, trail), rule.do
    trail.append(Reason(NO_RULE, True, "OfficeLine never drops such a call"))
    return Reasons(scene, trail), TakeMessage("urgent")


def _decided(so_far: Decision, do: Action | Menu, plan: Plan) -> Decision:
    """Return the decision completed with the action of its rule."""
    match do:
        case Menu(name=name, say=say):
            return replace(so_far, kind="menu", target=name, say=say)
        case Ring():
            return _rung(so_far, do, plan)
        case RunEscalation(escalation=escalation):
            # an escalated call is treated as urgent until a human says otherwise
            return replace(so_far, kind="escalation", target=escalation, urgency="urgent")
        case TakeMessage(urgency=urgency):
            return replace(so_far, kind="message", urgency=urgency, target=plan.office.inbox)
        case Announce(say=say):
            return replace(so_far, kind="announce", say=say)
    return replace(so_far, kind="reject")


def _rung(so_far: Decision, do: Ring, plan: Plan) -> Decision:
    target = (so_far.own or "") if do.who == OWN else do.who
    if not target:  # a caller without their own physician goes on at once
        return _decided(
            so_far, RunEscalation(do.otherwise) if do.otherwise else TakeMessage(do.then), plan
        )
    return replace(
        so_far,
        kind="ring",
        target=target,
        ring_s=do.ring_s,
        urgency="urgent" if do.otherwise is not None else do.then,
        otherwise=do.otherwise,
    )
