"""Rules that no call can reach: their conditions exclude each other, or rules above match first.

All kinds of calls are listed: each line, state of the office hours, caller, and menu answer. A rule
is the set of kinds that it may match, as the bits of a number. Conditions that are not part of a
kind (flags, repeats, times) count only if one rule's follow from another's, so that a rule is never
reported by mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import product
from operator import or_

from pbx.config.findings.draft import Draft
from pbx.config.findings.finding import Finding
from pbx.config.findings.menus import urgencies
from pbx.config.findings.times import minutes_of_week
from routing.model import CallerKind, HoursState, Line, Plan, Rule, Urgency, When

MOST_KINDS = 50_000  # a file with more is not checked; no practice needs as many
STATES: tuple[HoursState, ...] = ("open", "closed")
CALLERS: tuple[CallerKind, ...] = ("anonymous", "known", "unknown")


@dataclass(frozen=True)
class Kind:
    """A kind of call; with `menu`, the caller can be asked how urgent it is."""

    line: Line
    states: dict[str, HoursState]
    caller: CallerKind
    urgency: Urgency | None
    menu: bool


def find(draft: Draft) -> Iterator[Finding]:
    """Find rules that can never match, and the rules that hide them."""
    if not draft.whole("lines", "menu", "rules", "office_hours"):
        return
    plan = draft.plan
    if any(menu not in plan.menus for line in plan.lines for menu in line.menus.values()):
        return
    kinds = _kinds(plan)
    if not 0 < len(kinds) <= MOST_KINDS:
        return
    takes = [_bits(kinds, rule.when, _takes) for rule in plan.rules]
    keeps = [_bits(kinds, rule.when, _keeps) for rule in plan.rules]
    for number, rule in enumerate(plan.rules):
        where, path = f"rule '{rule.name}'", ("rules", number)
        if rule.when.line is not None and rule.when.line not in draft.names("lines"):
            continue
        if not takes[number]:
            message = f"it can never match: {_contradiction(rule.when, plan)}"
            fix = "Fix its conditions, or delete the rule."
            yield draft.find("rule-impossible", path, where, message, fix)
            continue
        above = [one for one in range(number) if takes[one] and _follows(rule, plan.rules[one])]
        hiding = _hiding(takes[number], above, keeps)
        if hiding and not _net(plan, number):
            names = " and ".join(f"'{plan.rules[one].name}'" for one in hiding)
            message = f"it can never match, because {names} above takes all of its calls"
            fix = "Move it above that rule, or change the conditions."
            yield draft.find("rule-hidden", path, where, message, fix)


def _net(plan: Plan, number: int) -> bool:
    """Tell whether this is the last rule, which is required even if no call reaches it."""
    return number == len(plan.rules) - 1 and not (plan.rules[number].when.asked)


def _kinds(plan: Plan) -> list[Kind]:
    """List the kinds of calls that rules could tell apart."""
    named = {rule.when.line for rule in plan.rules}
    lines: dict[object, Line] = {}
    for line in plan.lines:  # of lines that no rule names, one of each type is enough
        sort = (line.office_hours, tuple(sorted(line.menus.items())))
        lines.setdefault(line.name if line.name in named else sort, line)
    asked = {rule.when.office_hours for rule in plan.rules if rule.when.office_hours is not None}
    office_hours = sorted(asked | {line.office_hours for line in lines.values()})
    if len(lines) * 2 ** len(office_hours) > MOST_KINDS:
        return []
    kinds = []
    for line, states in product(lines.values(), product(STATES, repeat=len(office_hours))):
        state_of = dict(zip(office_hours, states, strict=True))
        answers = urgencies(plan, line.menus.get(state_of[line.office_hours], ""))
        for caller, urgency in product(CALLERS, (None, *sorted(answers or ()))):
            kinds.append(Kind(line, state_of, caller, urgency, answers is not None))
    return kinds


def _bits(kinds: list[Kind], when: When, accepts: Callable[[When, Kind], bool]) -> int:
    return sum(1 << number for number, kind in enumerate(kinds) if accepts(when, kind))


def _fits(when: When, kind: Kind) -> bool:
    """Tell whether all conditions except the urgency may be true for such a call."""
    of_patients = when.flag is not None or when.panel is not None
    return (
        when.line in {None, kind.line.name}
        and when.hours in {None, kind.states[when.office_hours or kind.line.office_hours]}
        and when.caller in {None, kind.caller}
        and not (of_patients and kind.caller != "known")
        and not (when.repeat is not None and kind.caller == "anonymous")
    )


def _takes(when: When, kind: Kind) -> bool:
    return _fits(when, kind) and when.urgency in {None, kind.urgency}


def _keeps(when: When, kind: Kind) -> bool:
    """Tell whether such a call never reaches the rules below.

    The first rule with a condition on urgency asks the caller, whose call is then of another kind.
    """
    asks = when.urgency is not None and kind.urgency is None and kind.menu
    return _fits(when, kind) and (asks or when.urgency in {None, kind.urgency})


def _follows(lower: Rule, upper: Rule) -> bool:
    """Tell whether the conditions outside of kinds are true above whenever they are true below."""
    low, up = lower.when, upper.when
    repeats = up.repeat is None or (
        low.repeat is not None
        and low.repeat.count >= up.repeat.count
        and low.repeat.minutes <= up.repeat.minutes
    )
    week = minutes_of_week(low.during) if low.during else -1  # all bits
    return (
        up.flag in {None, low.flag}
        and up.panel in {None, low.panel}
        and repeats
        and (not up.during or not week & ~_always(minutes_of_week(up.during)))
    )


def _always(week: int) -> int:
    """Treat a full week as no condition (all bits set)."""
    return -1 if week == minutes_of_week(()) | ((1 << 7 * 24 * 60) - 1) else week


def _hiding(takes: int, above: Sequence[int], keeps: Sequence[int]) -> list[int]:
    """Return the rules above that together match everything: one if possible, or else several."""
    if takes & ~reduce(or_, (keeps[one] for one in above), 0):
        return []
    alone = next((one for one in above if not takes & ~keeps[one]), None)
    if alone is not None:
        return [alone]
    chosen = []
    for one in above:
        if takes & keeps[one]:
            chosen.append(one)
            takes &= ~keeps[one]
    return chosen


def _contradiction(when: When, plan: Plan) -> str:
    """Return a phrase that says which conditions of a rule exclude each other."""
    if (when.flag or when.panel) and when.caller in {"anonymous", "unknown"}:
        return f"an {when.caller} caller has no flags and no physician"
    if when.repeat and when.caller == "anonymous":
        return "calls without a number cannot be counted as repeated"
    if when.urgency is not None:
        asked = replace(when, urgency=None)
        if any(_takes(asked, kind) for kind in _kinds(plan)):
            return f"no menu there has a key that means '{when.urgency}'"
    return "its conditions exclude each other"
