"""Replay past calls under another plan: which would have been handled differently, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pbx.base import when
from pbx.calls import explain
from pbx.db.calls import CallRow, DecisionRow
from routing.decision import Facts, Reason
from routing.escalation import Ringing
from routing.model import Plan
from routing.people import Numbers


@dataclass(frozen=True)
class Course:
    """How a call was or would be handled; `rings` are the people who ring first."""

    kind: str
    target: str
    urgency: str | None
    rings: tuple[str, ...]
    reasons: Sequence[Reason]

    def differs(self, other: Course) -> bool:
        """Return whether a caller would notice; people who ring later are not compared."""
        if (self.kind, self.urgency) != (other.kind, other.urgency):
            return True
        if self.rings and other.rings:
            return set(self.rings) != set(other.rings)
        return self.target != other.target


@dataclass(frozen=True)
class Difference:
    """One call that the other plan handles differently."""

    call: str
    at: datetime
    line: str
    before: Course
    after: Course


def differences(
    decided: Iterable[tuple[CallRow, DecisionRow]], plan: Plan, numbers: Numbers
) -> Iterator[Difference]:
    """Route each logged call again; skip calls with too few details in the log."""
    for call, decision in decided:
        if not (call.did and decision.facts):
            continue
        before = _was(decision)
        after = _would_be(call, decision.facts, plan, numbers)
        if before.differs(after):
            yield Difference(call.id, decision.at, call.line, before, after)


def _was(decision: DecisionRow) -> Course:
    rings = tuple(decision.facts["rings"])
    return Course(decision.kind, decision.target, decision.urgency, rings, decision.reasons)


def _would_be(call: CallRow, kept: Mapping[str, Any], plan: Plan, numbers: Numbers) -> Course:
    earlier = tuple(datetime.fromisoformat(at) for at in kept["earlier"])
    facts = Facts(call.did, call.caller, tuple(kept["presses"]), earlier)
    reported = explain.imagine(plan, numbers, facts, datetime.fromisoformat(kept["began"]))
    found = reported.decision
    first = next((step.who for step in reported.steps if isinstance(step, Ringing)), ())
    return Course(found.kind, found.target, found.urgency, first, found.reasons)


def to_json(one: Difference, plan: Plan) -> dict[str, Any]:
    """Return a difference in the form that `replay --json` prints."""
    return {
        "call": one.call,
        "at": when.iso(one.at, plan.office.zone),
        "line": one.line,
        "before": _shape(one.before),
        "after": _shape(one.after),
    }


def _shape(course: Course) -> dict[str, Any]:
    return {
        "kind": course.kind,
        "target": course.target,
        "urgency": course.urgency,
        "rings": list(course.rings),
        "reasons": [reason._asdict() for reason in course.reasons],
    }


def sentences(one: Difference, plan: Plan) -> list[str]:
    """Return a difference as sentences, old and new side by side."""
    return [
        f"{one.call}, {plan.office.times.moment(one.at)}, line {one.line}",
        f"  was:      {_reported(one.before)}",
        f"  would be: {_reported(one.after)}",
    ]


def _reported(course: Course) -> str:
    what = f"{course.kind} {course.target}".rstrip() + (
        f" ({course.urgency})" if course.urgency else ""
    )
    rings = f", rings {' and '.join(course.rings)}" if course.rings else ""
    because = course.reasons[-1] if course.reasons else None
    why = f", as '{because.rule}': {because.because}" if because else ""
    return f"{what}{rings}{why}"
