"""Absences that are over, that overlap a shift of the same person, or that leave nobody on call."""

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

FIX = "Add a shift for that time, or shorten an absence."


def find(draft: Draft, now: datetime) -> Iterator[Finding]:
    """Find mistakes in absences, as of this aware instant."""
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
                message = f"the absence that ended {_end(draft.plan, one.end)} is over"
                fix = "Delete it, or fix its year."
                at = ("people", key, "away", number)
                yield draft.find("away-past", at, f"person {key}", message, fix)


def _shifts(draft: Draft, now: datetime) -> Iterator[Finding]:
    """Find explicit shifts of people who are away then; such a shift still applies."""
    zone = draft.plan.office.zone
    for name, table in draft.plan.schedules.items():
        for number, shift in enumerate(table.shifts):
            known = draft.plan.people.get(shift.person)
            if known is None or at_local(shift.end, zone) <= now:
                continue
            for one in known.away:
                if one.start < shift.end and shift.start < one.end:
                    message = (
                        f"{shift.person} has a shift {_local(draft.plan, shift)} but is away "
                        f"{_local(draft.plan, one)}; the shift still applies"
                    )
                    fix = "Give the shift to somebody else, or shorten the absence."
                    at = ("schedule", name, "shifts", number)
                    yield draft.find("shift-away", at, f"schedule {name}", message, fix)


def _gaps(draft: Draft, name: str, now: datetime) -> Iterator[Finding]:
    """Find when nobody is on call because people are away, however far ahead."""
    plan = draft.plan
    found = list(_only_with(plan, name, now))
    if found:
        more = f" (and at {len(found) - 1} other times)" if len(found) > 1 else ""
        message = (
            f"nobody is on call {_times(plan, found[0].start, found[0].end)}{more}, "
            "because everyone in the rotation is away"
        )
        yield draft.find("schedule-gap", ("schedule", name), f"schedule {name}", message, FIX)


def _only_with(plan: model.Plan, name: str, now: datetime) -> Iterator[schedule.Shift]:
    """List the gaps of a schedule that absences cause or make longer."""
    there = all_there(plan)
    for start, end in _times_away(plan, now):
        before = list(schedule.coverage_gaps_of(there, name, start, end))
        for gap in schedule.coverage_gaps_of(plan, name, start, end):
            if not any(one.start <= gap.start and gap.end <= one.end for one in before):
                yield gap


def _times_away(plan: model.Plan, now: datetime) -> list[tuple[datetime, datetime]]:
    """List the future times at which somebody is away; times that touch are joined."""
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
    """Find times at which all people of an active layer are away, and what replaces the layer."""
    plan = draft.plan
    own = draft.file.schedule[table.name].rotation is not None
    for number, layer in enumerate(table.layers, start=-own):
        if not any(one.away for key, one in plan.people.items() if key in layer.rotation):
            continue
        # this layer alone, as if it were the only one of its place
        first = replace(table, layers=(replace(layer, place="oncall"),), shifts=())
        alone = replace(plan, schedules={table.name: first}, overrides=())
        for gap in _only_with(alone, table.name, now):
            empty = list(schedule.coverage_gaps_of(plan, table.name, gap.start, gap.end))
            if empty and layer.place == "oncall":
                continue
            at: Path = ("schedule", table.name)
            at = at if number < 0 else (*at, "layers", number)
            people = _listed(layer.rotation)
            message = (
                f"{people} {'are' if len(set(layer.rotation)) > 1 else 'is'} away "
                f"{_times(plan, gap.start, gap.end)}, and {_instead(plan, layer, gap)}"
            )
            fix = "Add a shift for that time if you want somebody else."
            yield draft.find("all-away", at, f"schedule {table.name}", message, fix)


def _instead(plan: model.Plan, layer: model.Layer, gap: schedule.Shift) -> str:
    """Say who is called while everybody of a layer is away."""
    spans = schedule.shifts(plan, gap.schedule, gap.start, gap.end)
    alone = next((one for one in spans if not one.on_call.at("oncall")), None)
    if layer.place == "oncall" and alone is not None:
        return f"{_listed(alone.on_call.people)}, usually called beside them, is on call alone"
    return {
        "oncall": "the layers below decide who is on call",
        "beside": "this layer calls nobody beside the person on call",
        "backup": "the layers below or the schedule's 'backup' decide who is the backup",
    }[layer.place]


def _alone(draft: Draft, name: str, now: datetime) -> Iterator[Finding]:
    """Find times without a backup because of absences, if an escalation policy tries the backup."""
    plan = draft.plan
    steps = [step for escalation in plan.escalations.values() for step in escalation.live]
    if not any(isinstance(one, model.Try) and one.who == model.BACKUP for one in steps):
        return
    spans = _without_backup(plan, name, now)
    if spans:
        start, end = spans[0]
        off = [one for one in plan.people if away(plan, one, start)]
        message = (
            f"there is no backup {_times(plan, start, end)}, "
            f"because {_listed(off)} {'are' if len(off) > 1 else 'is'} away"
        )
        fix = "Set 'backup' to a person who is not away, or add a shift with place = \"backup\"."
        yield draft.find("no-backup", ("schedule", name), f"schedule {name}", message, fix)


def _without_backup(plan: model.Plan, name: str, now: datetime) -> list[tuple[datetime, datetime]]:
    """List the times at which absences leave one person on call without a backup."""
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
    """Write the start and the end of an absence or a shift, which are local times."""
    return _times(plan, *(at_local(at, plan.office.zone) for at in (one.start, one.end)))


def _end(plan: model.Plan, local: datetime) -> str:
    return plan.office.times.moment(at_local(local, plan.office.zone))
