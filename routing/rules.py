"""Checks a rule's conditions, and says in plain words which one failed or why all matched.

The check runs while a caller waits, so the words are made only when somebody reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import overload

from routing import hours
from routing.decision import Facts, Reason
from routing.instants import inside
from routing.model import (
    OFFICE,
    CallerKind,
    HoursState,
    Line,
    Patient,
    Plan,
    Ring,
    Rule,
    RunEscalation,
    Urgency,
    When,
)

URGENCY = "urgency"
Asked = tuple[tuple[str, "Callable[[When, Scene], bool]"], ...]
Conditions = tuple[tuple[Rule, Asked], ...]
Reported = tuple[str, str]  # the text for a condition that matched, and for one that did not


@dataclass
class Scene:
    """A call at an instant, as the conditions see it; each lookup is cached.

    `urgency` is what the caller chose by key, or None.
    """

    facts: Facts
    plan: Plan
    now: datetime
    line: Line
    patient: Patient | None
    urgency: Urgency | None = None
    _hours: dict[str, HoursState] = field(default_factory=dict)
    _calls: dict[int, int] = field(default_factory=dict)

    @cached_property
    def caller(self) -> CallerKind:
        """Return the kind of caller."""
        if self.facts.caller is None:
            return "anonymous"
        return "known" if self.patient is not None else "unknown"

    @cached_property
    def panel(self) -> str | None:
        """Return the physician whose patient this is, or None."""
        return self.patient.panel if self.patient is not None else None

    @cached_property
    def flags(self) -> frozenset[str]:
        """Return the caller's flags in the directory."""
        return frozenset() if self.patient is None else marks(self.patient, self.plan)

    @cached_property
    def shared(self) -> Patient | None:
        """Return the directory entry if several patients share the number, else None."""
        return self.patient if self.patient is not None and self.patient.members else None

    def hours(self, office_hours: str | None) -> HoursState:
        """Return whether a set of office hours is open (None: the line's own)."""
        name = office_hours or self.line.office_hours
        if name not in self._hours:
            self._hours[name] = hours.state(self.plan, self.now, name)
        return self._hours[name]

    def calls(self, minutes: int) -> int:
        """Return how often this number called within so many minutes, including this call.

        Callers without a number cannot be told apart, so each of their calls counts as the first.
        """
        if minutes not in self._calls:
            since = self.now - timedelta(minutes=minutes)
            earlier = self.facts.earlier if self.facts.caller is not None else ()
            self._calls[minutes] = 1 + sum(since < at <= self.now for at in earlier)
        return self._calls[minutes]


def conditions(plan: Plan) -> Conditions:
    """Return the rules, each with its conditions by name; cached for each plan."""
    found: Conditions | None = plan.memo.get("conditions")
    if found is None:
        found = plan.memo["conditions"] = tuple(
            (rule, tuple((name, _HOLDS[name]) for name in rule.when.asked)) for rule in plan.rules
        )
    return found


def marks(patient: Patient, plan: Plan) -> frozenset[str]:
    """Return the flags that count for a caller.

    If several patients share a number, a flag of one of them counts for every call from it, unless
    a rule with that flag rings nobody: a caller must not be turned away because of a flag that only
    another family member has.
    """
    return patient.flags | (patient.some - _shutting(plan)) if patient.members else patient.flags


def _shutting(plan: Plan) -> frozenset[str]:
    """Return the flags whose rules ring nobody; cached for each plan."""
    found: frozenset[str] | None = plan.memo.get("shutting")
    if found is None:
        found = plan.memo["shutting"] = frozenset(
            rule.when.flag
            for rule in plan.rules
            if rule.when.flag is not None and not isinstance(rule.do, Ring | RunEscalation)
        )
    return found


def misfit(when: When, asked: Asked, scene: Scene) -> str | None:
    """Return the first condition that does not match, or None; the urgency is not checked."""
    for name, holds in asked:
        if not holds(when, scene):
            return name
    return None


def words(when: When, scene: Scene, missed: str | None) -> str:
    """Return why the condition `missed` did not match, or if it is None, what matched."""
    if missed is not None:
        return _SAYS[missed](when, scene)[1]
    names = (*when.asked, *((URGENCY,) if when.urgency is not None else ()))
    return " and ".join(_SAYS[name](when, scene)[0] for name in names) or (
        "it applies to every call"
    )


class Reasons(Sequence[Reason]):
    """The reasons of a decision in order; they become text when they are first read.

    The trail has the rules, each with the condition that did not match (None: the rule matched),
    and reasons that do not come from a rule.
    """

    def __init__(self, scene: Scene, trail: Sequence[tuple[Rule, str | None] | Reason]) -> None:
        self._scene = scene
        self._trail = trail

    @cached_property
    def _all(self) -> tuple[Reason, ...]:
        return tuple(
            step
            if isinstance(step, Reason)
            else Reason(step[0].name, step[1] is None, words(step[0].when, self._scene, step[1]))
            for step in self._trail
        )

    @overload
    def __getitem__(self, index: int) -> Reason: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Reason]: ...
    def __getitem__(self, index: int | slice) -> Reason | Sequence[Reason]:
        return self._all[index]

    def __len__(self) -> int:
        return len(self._trail)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._all == tuple(other)

    def __hash__(self) -> int:
        return hash(self._all)


def _holds_during(when: When, scene: Scene) -> bool:
    return inside(when.during, scene.now, scene.plan.office.zone)


def _holds_repeat(when: When, scene: Scene) -> bool:
    return when.repeat is not None and scene.calls(when.repeat.minutes) >= when.repeat.count


_HOLDS: dict[str, Callable[[When, Scene], bool]] = {
    "line": lambda when, scene: when.line == scene.line.name,
    "hours": lambda when, scene: when.hours == scene.hours(when.office_hours),
    "caller": lambda when, scene: when.caller == scene.caller,
    "flag": lambda when, scene: when.flag in scene.flags,
    "panel": lambda when, scene: when.panel == scene.panel,
    "repeat": _holds_repeat,
    "during": _holds_during,
}


def _says_hours(when: When, scene: Scene) -> Reported:
    office_hours = when.office_hours or scene.line.office_hours
    state, why = hours.state_at(scene.plan, scene.now, office_hours)
    of = "office is" if office_hours == OFFICE else f"office hours '{office_hours}' are"
    reported = f"the {of} {state} ({why})"
    return reported, reported


def _says_repeat(when: When, scene: Scene) -> Reported:
    assert when.repeat is not None  # noqa: S101  # only asked where it is
    minutes = when.repeat.minutes
    reported = f"it is call {scene.calls(minutes)} within {minutes} minutes"
    return reported, f"{reported}, but the rule needs call {when.repeat.count} or a later one"


def _says_during(when: When, scene: Scene) -> Reported:
    at = scene.plan.office.times.weekday(scene.now)
    text = when.during_text
    return f"it is within {text}", f"{at} is not within {text}"


def _says_flag(when: When, scene: Scene) -> Reported:
    if scene.shared is not None and when.flag in scene.shared.some:
        reported = f"some of the patients who share the number are marked '{when.flag}'"
        return reported, f"{reported}, but not all"
    return f"the caller is marked '{when.flag}'", f"the caller is not marked '{when.flag}'"


def _says_panel(when: When, scene: Scene) -> Reported:
    if scene.shared is not None and any(one.panel == when.panel for one in scene.shared.members):
        reported = f"all who share the number are patients of {when.panel}"
        return reported, f"not {reported}"
    reported = f"a patient of {when.panel}"
    return f"the caller is {reported}", f"the caller is not {reported}"


_SAYS: dict[str, Callable[[When, Scene], Reported]] = {
    "line": lambda when, scene: (
        f"the call came in on line {when.line}",
        f"the call came in on line {scene.line.name}, not {when.line}",
    ),
    "hours": _says_hours,
    "caller": lambda when, scene: (
        f"the caller is {scene.caller}",
        f"the caller is {scene.caller}, not {when.caller}",
    ),
    "flag": _says_flag,
    "panel": _says_panel,
    "repeat": _says_repeat,
    "during": _says_during,
    URGENCY: lambda when, scene: (
        f"the call is {when.urgency}",
        f"the call is {scene.urgency}, not {when.urgency}"
        if scene.urgency
        else "it is not known how urgent the call is",
    ),
}
