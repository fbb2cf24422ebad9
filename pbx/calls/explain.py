"""Explain a routing decision in plain words: what the office does with a call, and why.

A simulated call goes through the same code that answers real calls.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

from routing import escalation, people, schedule
from routing.decision import Decision, Facts, Kind, Reason
from routing.engine import A_KEY, NO_RULE, route
from routing.model import Plan, Urgency
from routing.oncall import unconfirmed_sentence

if TYPE_CHECKING:
    from pbx.db.calls import History

REPEAT_APART = timedelta(minutes=1)  # between simulated earlier calls from the same number


@dataclass(frozen=True)
class Explanation:
    """What happens to a call and why; `steps` lists the people it rings until somebody accepts.

    `oncall` maps each schedule to the people on call, `unconfirmed` lists those of them who have
    not confirmed their shift, `covers` maps each schedule to who replaces somebody who is away, and
    `holidays` maps it to the holiday that applies. `presses` are the caller's keys, "" for silence.
    The log keeps only the first step of a call; `all_steps` is false then.
    """

    at: datetime
    plan: str
    presses: tuple[str, ...]
    decision: Decision
    oncall: Mapping[str, tuple[str, ...]]
    steps: tuple[escalation.Ringing | escalation.Waiting, ...]
    all_steps: bool = True
    unconfirmed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    covers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    holidays: Mapping[str, str] = field(default_factory=dict)


def imagine(plan: Plan, numbers: people.Numbers, facts: Facts, at: datetime) -> Explanation:
    """Decide about a simulated call at a timezone-aware time."""
    decision = route(facts, plan, at)
    return Explanation(
        at.astimezone(plan.office.zone),
        plan.hash,
        facts.presses,
        decision,
        {name: schedule.on_call(plan, name, at).people for name in plan.schedules},
        tuple(escalation.course(decision, plan, at, numbers)),
        unconfirmed={
            name: who for name in plan.schedules if (who := schedule.unconfirmed(plan, name, at))
        },
        covers=_covers(plan, at),
        holidays={
            name: one for name in plan.schedules if (one := schedule.holiday(plan, name, at))
        },
    )


def _covers(plan: Plan, at: datetime) -> dict[str, dict[str, str]]:
    found = {name: schedule.on_call(plan, name, at).covers() for name in plan.schedules}
    return {name: who for name, who in found.items() if who}


def remember(history: History, zone: ZoneInfo) -> Explanation:
    """Explain the last decision of a call in the log; the call must have one."""
    call, last = history.call, history.decisions[-1]
    kept = last.facts
    rings = tuple(kept["rings"])
    decision = Decision(
        cast("Kind", last.kind),
        call.line,
        kept["hours"],
        cast("Urgency | None", last.urgency),
        last.reasons,
        last.target,
        kept["ring_s"],
        tuple(kept["say"]),
        kept["otherwise"],
        kept["own"],
    )
    return Explanation(
        datetime.fromisoformat(kept["began"]).astimezone(zone),
        call.plan or "",
        tuple(kept["presses"]),
        decision,
        {name: tuple(who) for name, who in kept["oncall"].items()},
        (escalation.Ringing(0, rings, kept["first_s"]),) if rings else (),
        all_steps=False,
    )


def earlier(repeat: int, at: datetime) -> tuple[datetime, ...]:
    """Return the times of the earlier calls if this is the `repeat`th one, one a minute."""
    return tuple(at - REPEAT_APART * count for count in range(repeat - 1, 0, -1))


def details_to_keep(
    facts: Facts,
    decision: Decision,
    rings: Sequence[str],
    plan: Plan,
    at: datetime,
    ring_s: int = 0,
) -> dict[str, object]:
    """Return what a later explanation and a replay need in addition to the call's row.

    `rings` are the people who ring first, for `ring_s` seconds. `at` is the call's start, by
    which all of it was decided. The result contains no telephone numbers.
    """
    return {
        "began": at.isoformat(),
        "presses": list(facts.presses),
        "earlier": [one.isoformat() for one in facts.earlier],
        "hours": decision.hours,
        "ring_s": decision.ring_s,
        "first_s": ring_s,
        "say": list(decision.say),
        "otherwise": decision.otherwise,
        "own": decision.own,
        "oncall": {name: list(schedule.on_call(plan, name, at).people) for name in plan.schedules},
        "rings": list(rings),
    }


def to_json(reported: Explanation) -> dict[str, object]:
    """Return an explanation in the form that `explain --json` prints."""
    decision = reported.decision
    return {
        "at": reported.at.isoformat(timespec="seconds"),
        "plan": reported.plan,
        "line": decision.line,
        "hours": decision.hours,
        "urgency": decision.urgency,
        "oncall": {name: list(who) for name, who in reported.oncall.items()},
        **({"unconfirmed": reported.unconfirmed} if reported.unconfirmed else {}),
        **({"instead_of": reported.covers} if reported.covers else {}),
        **({"holidays": reported.holidays} if reported.holidays else {}),
        "decision": {
            "kind": decision.kind,
            "target": decision.target,
            "ring_s": decision.ring_s,
            "say": list(decision.say),
            "otherwise": decision.otherwise,
            "own": decision.own,
        },
        "steps": [_step(step) for step in reported.steps],
        "reasons": [reason._asdict() for reason in decision.reasons],
    }


def _step(step: escalation.Ringing | escalation.Waiting) -> dict[str, object]:
    if isinstance(step, escalation.Waiting):
        return {"wait_s": step.seconds}
    shape = {"ring": list(step.who), "ring_s": step.ring_s}
    return {**shape, "confirm": "pin"} if step.pin else shape


def sentences(reported: Explanation, plan: Plan) -> list[str]:
    """Return an explanation as sentences; the first one says what happens."""
    decision = reported.decision
    lines = [f"{plan.office.times.moment(reported.at)}: {_what(reported, plan)}"]
    if decision.line:
        lines.append(f"The call comes in on line {decision.line}, which is {decision.hours}.")
    lines += [f"The caller {_pressed(key)}." for key in reported.presses]
    for name, who in reported.oncall.items():
        why = f" ({reported.holidays[name]})" if name in reported.holidays else ""
        lines.append(f"On call for {name}: {_names(who, plan) or 'nobody'}{why}.")
        lines += [
            f"{_names([person], plan)} has the turn of {_names([whose], plan)}, who is away."
            for person, whose in reported.covers.get(name, {}).items()
        ]
    lines += [unconfirmed_sentence(plan, name, reported.at) for name in reported.unconfirmed]
    lines += [_said(reason) for reason in decision.reasons]
    if reported.steps and reported.all_steps:
        lines.append("While nobody accepts:")
        lines += [f"  {_reported_step(step, plan)}" for step in reported.steps]
        lines.append(f"  then a message is recorded{_for_whom(plan)}.")
    return lines


def _what(reported: Explanation, plan: Plan) -> str:
    decision = reported.decision
    match decision.kind:
        case "menu":
            menu = plan.menus.get(decision.target)  # a substitute plan may lack it
            keys = f" and can press {', '.join(menu.keys)}" if menu is not None else ""
            return f"the caller hears the menu {decision.target}{keys}."
        case "message":
            return f"a message is taken, {decision.urgency}{_for_whom(plan)}."
        case "announce":
            return f"the caller hears {', '.join(decision.say)}, and the call ends."
        case "reject":
            return "the call is refused."
    first = next((step for step in reported.steps if isinstance(step, escalation.Ringing)), None)
    if first is None:
        return f"nobody can be rung, and a message is taken, {decision.urgency}{_for_whom(plan)}."
    return f"{_names(first.who, plan)} {'are' if len(first.who) > 1 else 'is'} rung."


def _said(reason: Reason) -> str:
    """Say whether a rule applies and why; return any other reason unchanged."""
    because = f"{reason.because}."
    if not reason.rule:
        return because[0].upper() + because[1:]
    if reason.rule == A_KEY:
        return "The key that the caller pressed decides."
    if reason.rule == NO_RULE:
        return f"No rule applies: {because}"
    return f"Rule '{reason.rule}' {'applies' if reason.matched else 'does not apply'}: {because}"


def _pressed(key: str) -> str:
    return f"pressed {key}" if key else "pressed nothing"


def _reported_step(step: escalation.Ringing | escalation.Waiting, plan: Plan) -> str:
    if isinstance(step, escalation.Waiting):
        return f"{step.seconds} s of music"
    return f"{_names(step.who, plan)}, {step.ring_s} s{', by PIN' if step.pin else ''}"


def _names(who: Sequence[str], plan: Plan) -> str:
    known = {key: person.name for key, person in plan.people.items()}
    known.update({key: phone.name for key, phone in plan.phones.items()})
    return " and ".join(known.get(one, one) for one in who)


def _for_whom(plan: Plan) -> str:
    return "" if plan.office.inbox == "everyone" else f" for {plan.office.inbox}"
