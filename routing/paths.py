"""Every path that a caller can take at an instant: who calls, which keys, and where it ends.

Callers are grouped into the kinds that a plan can tell apart. All paths come from the same `route`
function that answers calls.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from routing import escalation, rules
from routing.decision import Decision, Facts
from routing.engine import A_KEY, route
from routing.model import OWN, Line, Patient, Plan, Repeat, Ring, Try

SILENCE = ""  # also stands for wrong keys: a menu treats both alike
UNKNOWN, ANONYMOUS = "an unknown caller", "an anonymous caller"


@dataclass(frozen=True)
class CallerKind:
    """A kind of caller: as text, as facts, and how long ago the earlier calls were."""

    words: str
    number: str | None
    patient: Patient | None = None
    ages: tuple[timedelta, ...] = ()


@dataclass(frozen=True)
class Path:
    """A caller's keys on a line, the menus they were pressed at, and the final decision."""

    line: Line
    caller: CallerKind
    keys: tuple[str, ...]
    menus: tuple[str, ...]
    end: Decision

    def words(self) -> tuple[str, ...]:
        """Return the path as text, step by step: who calls, which keys, what happens then."""
        pressed = (
            f"presses {key} at the menu {menu}" if key else f"presses nothing at the menu {menu}"
            for key, menu in zip(self.keys, self.menus, strict=True)
        )
        return (self.caller.words, *pressed, _ending(self.end))


def caller_kinds(plan: Plan) -> tuple[CallerKind, ...]:
    """Return the kinds of callers that the plan can tell apart, the simplest first.

    Besides anonymous and unknown callers, these are a patient of each panel and with each flag that
    the rules ask for, and every combination in the directory; each with every number of earlier
    calls that makes a difference to the rules.
    """
    kinds = [CallerKind(UNKNOWN, "unknown"), *_known(plan)]
    several = [
        replace(kind, words=f"{kind.words} calling again ({words})", ages=ages)
        for ages, words in _histories(plan)
        for kind in kinds
    ]
    return (kinds[0], CallerKind(ANONYMOUS, None), *kinds[1:], *several)


def with_callers(plan: Plan, kinds: Sequence[CallerKind]) -> Plan:
    """Return the plan with these kinds of callers as its directory."""
    known = {kind.number: kind.patient for kind in kinds if kind.number and kind.patient}
    return replace(plan, patients=known)


def walk(plan: Plan, line: Line, kinds: Sequence[CallerKind], now: datetime) -> Iterator[Path]:
    """Yield every path through the menus to its end; the plan must come from `with_callers`.

    Each call is decided for `now`, the instant at which it began, even if keys are pressed later.
    Paths that reach the same menu after the same number of keys continue as one.
    """
    for kind in kinds:
        earlier = tuple(now - age for age in kind.ages)
        open_ends: list[tuple[tuple[str, ...], tuple[str, ...]]] = [((), ())]
        while open_ends:
            further = {}
            for keys, menus in open_ends:
                end = route(Facts(line.did, kind.number, keys, earlier), plan, now)
                if end.kind != "menu":
                    yield Path(line, kind, keys, menus, end)
                elif end.target not in further:
                    further[end.target] = (keys, (*menus, end.target))
            open_ends = [
                ((*keys, key), menus)
                for menu, (keys, menus) in further.items()
                for key in (*plan.menus[menu].keys, SILENCE)
            ]


def asked_for_flag(end: Decision, plan: Plan) -> bool:
    """Return whether the rule that decided asks for a flag, so the office knows these callers."""
    number, last = len(end.reasons) - 1, end.reasons[-1].rule
    if last == A_KEY or number >= len(plan.rules):
        return False
    return plan.rules[number].when.flag is not None


def rung(
    end: Decision, plan: Plan, now: datetime, reachable: Container[str]
) -> Iterator[tuple[str, ...]]:
    """Yield who is rung together at each step, for a call that began at this instant."""
    policy = plan.escalations.get((end.target if end.kind == "escalation" else end.otherwise) or "")
    if end.kind == "ring":
        first = escalation.resolve(end.target, plan, now, own=end.own)
        yield tuple(one for one in first if one in reachable)
    after = -1
    while policy is not None and (
        step := escalation.next_step(
            policy, plan, now, after=after, reachable=reachable, own=end.own
        )
    ):
        if isinstance(step, escalation.Ringing):
            yield step.who
        after = step.step


def _known(plan: Plan) -> Iterator[CallerKind]:
    flags = {rule.when.flag for rule in plan.rules if rule.when.flag is not None}
    panels = [rule.when.panel for rule in plan.rules if rule.when.panel is not None]
    if _uses_own(plan):
        panels += [*plan.physicians(), *(one.panel or "" for one in plan.patients.values())]
    classes: dict[tuple[str | None, frozenset[str]], None] = {(None, frozenset()): None}
    classes |= {(panel, frozenset()): None for panel in panels if panel}
    for rule in plan.rules:
        if rule.when.flag is not None:
            classes[None, frozenset({rule.when.flag})] = None
            classes[rule.when.panel, frozenset({rule.when.flag})] = None
    for patient in plan.patients.values():
        panel = patient.panel if patient.panel in panels else None
        classes[panel, rules.marks(patient, plan) & flags] = None
    for number, (panel, held) in enumerate(classes):
        words = "a known caller" if panel is None else f"a patient of {panel}"
        marks = " and ".join(f"'{flag}'" for flag in sorted(held))
        words += f" marked {marks}" if marks else ""
        yield CallerKind(words, f"known {number}", Patient(str(number), "", panel, held))


def _uses_own(plan: Plan) -> bool:
    """Return whether the plan treats callers differently by their own physician."""
    actions = [rule.do for rule in plan.rules]
    keys = [do for menu in plan.menus.values() for do in (*menu.keys.values(), menu.otherwise)]
    steps = [step for one in plan.escalations.values() for step in one.live]
    return any(isinstance(do, Ring) and do.who == OWN for do in (*actions, *keys)) or any(
        isinstance(step, Try) and step.who == OWN for step in steps
    )


def _histories(plan: Plan) -> Iterator[tuple[tuple[timedelta, ...], str]]:
    """Yield the ages of earlier calls, once for each set of repeat conditions that can match."""
    asked = {rule.when.repeat for rule in plan.rules if rule.when.repeat is not None}
    counts = sorted({0, *(one.count - 1 for one in asked)})
    totals: list[tuple[tuple[int, int], ...]] = [()]  # (minutes, calls within them)
    for minutes in sorted({one.minutes for one in asked}):
        totals = [
            (*before, (minutes, count))
            for before in totals
            for count in counts
            if count >= (before[-1][1] if before else 0)
        ]
    seen: set[frozenset[Repeat]] = {frozenset()}
    for total in totals:
        met = frozenset(one for one in asked if any(_meets(one, part) for part in total))
        if met not in seen:
            seen.add(met)
            yield (
                _ages(total),
                ", ".join(
                    f"{one.count} times in {one.minutes} minutes"
                    for one in sorted(met, key=lambda one: (one.minutes, one.count))
                ),
            )


def _meets(asked: Repeat, part: tuple[int, int]) -> bool:
    minutes, earlier = part
    return asked.minutes == minutes and earlier >= asked.count - 1


def _ages(total: tuple[tuple[int, int], ...]) -> tuple[timedelta, ...]:
    """Return ages of earlier calls such that each count lies within its number of minutes."""
    ages: list[timedelta] = []
    shorter = 0
    for minutes, count in total:
        ages += [timedelta(minutes=shorter)] * (count - len(ages))
        shorter = minutes
    return tuple(ages)


def _ending(end: Decision) -> str:
    match end.kind:
        case "ring":
            then = (
                f"the escalation policy {end.otherwise}"
                if end.otherwise
                else f"a {end.urgency} message"
            )
            return f"{end.target} is rung, then {then}"
        case "escalation":
            return f"the escalation policy {end.target}"
        case "message":
            return f"a message, {end.urgency}"
        case "announce":
            return "an announcement"
    return "the call is refused"
