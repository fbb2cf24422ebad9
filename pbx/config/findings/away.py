"""Times away that are over, that somebody is on call in all the same, or that leave nobody."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from pbx.config.findings.draft import Draft
from pbx.config.findings.finding import Finding
from pbx.config.findings.lines import Path
from routing import model, schedule
from routing.instants import at_local
from routing.places import away

FIX = "Add a shift for that time, or shorten somebody's time away."


def find(draft: Draft, now: datetime) -> Iterator[Finding]:
    """Find what is wrong with times away, seen from this aware instant."""
    plan = draft.plan
    if not any(one.away for one in plan.people.values()):
        return
    yield from _past(draft, now)
    yield from _shifts(draft, now)
    if draft.whole("schedule", "office", "people"):
        for name, table in plan.schedules.items():
            yield from _gaps(draft, name, now)
            yield from _together(draft, table, now)
            yield from _alone(draft, name, now)


def all_there(plan: model.Plan) -> model.Plan:
    """Return a plan as it would be if nobody were ever away."""
    people = {key: replace(one, away=()) for key, one in plan.people.items()}
    return replace(plan, people=people)


def _past(draft: Draft, now: datetime) -> Iterator[Finding]:
    zone = draft.plan.office.zone
    for key, person in draft.plan.people.items():
        for number, one in enumerate(person.away):
            if at_local(one.end, zone) <= now:
                message = f"the time away up to {_end(draft.plan, one.end)} is over"
                fix = "Take it away, or fix its year."
                at = ("people", key, "away", number)
                yield draft.find("away-past", at, f"person {key}", message, fix)


def _shifts(draft: Draft, now: datetime) -> Iterator[Finding]:
    """Find explicit shifts of people who are away then: they hold."""
    zone = draft.plan.office.zone
    for name, table in draft.plan.schedules.items():
        for number, shift in enumerate(table.shifts):
            known = draft.plan.people.get(shift.person)
            if known is None or at_local(shift.end, zone) <= now:
                continue
            for one in known.away:
                if one.start < shift.end and shift.start < one.end:
                    message = (
                        f"{shift.person} has a shift {_local(draft.plan, shift)} and is away "
                        f"{_local(draft.plan, one)}"
                    )
                    fix = "Name somebody else for it, or shorten the time away; the shift holds."
                    at = ("schedule", name, "shifts", number)
                    yield draft.find("shift-away", at, f"schedule {name}", message, fix)


def _gaps(draft: Draft, name: str, now: datetime) -> Iterator[Finding]:
    """Find when nobody is on call because people are away, however far ahead."""
    plan = draft.plan
    found = list(_only_with(plan, name, now))
    if found:
        more = f", and {len(found) - 1} times more" if len(found) > 1 else ""
        message = (
            f"nobody is on call {_times(plan, found[0].start, found[0].end)}{more}, "
            "as everybody of the rotation is away"
        )
        yield draft.find("schedule-gap", ("schedule", name), f"schedule {name}", message, FIX)


def _only_with(plan: model.Plan, name: str, now: datetime) -> Iterator[schedule.Shift]:
    """List the gaps of a schedule that there would not be, or not so long, if nobody were away."""
    there = all_there(plan)
    for start, end in _times_away(plan, now):
        before = list(schedule.gaps_of(there, name, start, end))
        for gap in schedule.gaps_of(plan, name, start, end):
            if not any(one.start <= gap.start and gap.end <= one.end for one in before):
                yield gap


def _times_away(plan: model.Plan, now: datetime) -> list[tuple[datetime, datetime]]:
    """List the times to come in which anybody is away, joined where they meet."""
    zone = plan.office.zone
    spans: list[tuple[datetime, datetime]] = []
    known = (one for person in plan.people.values() for one in person.away)
    for start, end in sorted((at_local(one.start, zone), at_local(one.end, zone)) for one in known):
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        elif end > now:
            spans.append((max(start, now), end))
    return spans


def _together(draft: Draft, table: model.Schedule, now: datetime) -> Iterator[Finding]:
    """Find layers whose people are all away at once while they would hold, and what stands in."""
    plan = draft.plan
    own = draft.file.schedule[table.name].rotation is not None
    for number, layer in enumerate(table.layers, start=-own):
        if not any(one.away for key, one in plan.people.items() if key in layer.rotation):
            continue
        # the layer alone, at the place where it is looked for
        first = replace(table, layers=(replace(layer, place="oncall"),), shifts=())
        alone = replace(plan, schedules={table.name: first}, overrides=())
        for gap in _only_with(alone, table.name, now):
            empty = list(schedule.gaps_of(plan, table.name, gap.start, gap.end))
            if empty and layer.place == "oncall":
                continue
            at: Path = ("schedule", table.name)
            at = at if number < 0 else (*at, "layers", number)
            people = _listed(layer.rotation)
            message = (
                f"{people} {'are' if len(set(layer.rotation)) > 1 else 'is'} away "
                f"{_times(plan, gap.start, gap.end)}, and {_instead(plan, layer, gap)}"
            )
            fix = "If that is not meant, add a shift for that time."
            yield draft.find("all-away", at, f"schedule {table.name}", message, fix)


def _instead(plan: model.Plan, layer: model.Layer, gap: schedule.Shift) -> str:
    """Say what holds while everybody of a layer is away."""
    spans = schedule.shifts(plan, gap.schedule, gap.start, gap.end)
    alone = next((one for one in spans if not one.on_call.at("oncall")), None)
    if layer.place == "oncall" and alone is not None:
        return f"{_listed(alone.on_call.people)} is on call alone, who would be beside"
    return {
        "oncall": "what stands below this layer decides",
        "beside": "nobody of this layer is beside who is on call",
        "backup": "what stands below this layer steps in, or the schedule's 'backup'",
    }[layer.place]


def _alone(draft: Draft, name: str, now: datetime) -> Iterator[Finding]:
    """Find when nobody steps in because people are away, where an escalation tries the backup."""
    plan = draft.plan
    steps = [step for escalation in plan.escalations.values() for step in escalation.live]
    if not any(isinstance(one, model.Try) and one.who == model.BACKUP for one in steps):
        return
    spans = _without_backup(plan, name, now)
    if spans:
        start, end = spans[0]
        off = [one for one in plan.people if away(plan, one, start)]
        message = (
            f"nobody steps in {_times(plan, start, end)}, "
            f"as {_listed(off)} {'are' if len(off) > 1 else 'is'} away"
        )
        fix = "Name a person who is there as its 'backup', or add a shift in that place."
        yield draft.find("no-backup", ("schedule", name), f"schedule {name}", message, fix)


def _without_backup(plan: model.Plan, name: str, now: datetime) -> list[tuple[datetime, datetime]]:
    """List when one is on call and nobody steps in, but would if nobody were away."""
    there, spans = all_there(plan), list[tuple[datetime, datetime]]()
    for shift in (
        one for span in _times_away(plan, now) for one in schedule.shifts(plan, name, *span)
    ):
        if len(shift.on_call.people) != 1 or shift.on_call.backup is not None:
            continue
        if schedule.on_call(there, name, shift.start).backup is None:
            continue
        if spans and spans[-1][1] == shift.start:
            spans[-1] = (spans[-1][0], shift.end)
        else:
            spans.append((shift.start, shift.end))
    return spans


def _listed(people: Iterable[str]) -> str:
    *others, last = dict.fromkeys(people)
    return f"{', '.join(others)} and {last}" if others else last


def _times(plan: model.Plan, start: datetime, end: datetime) -> str:
    return f"from {plan.office.times.span(start, end)}"


def _local(plan: model.Plan, one: model.Away | model.ExplicitShift) -> str:
    """Say from when to when, of local times."""
    return _times(plan, *(at_local(at, plan.office.zone) for at in (one.start, one.end)))


def _end(plan: model.Plan, local: datetime) -> str:
    return plan.office.times.moment(at_local(local, plan.office.zone))
