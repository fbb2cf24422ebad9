"""People, groups and steps that ring nobody, or ring so long that a voicemail answers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from pbx.config.findings.draft import Draft
from pbx.config.findings.finding import Finding
from pbx.config.findings.lines import Path
from pbx.config.findings.names import SECRETS
from routing import model, schedule, turns

if TYPE_CHECKING:
    from routing.people import Numbers

VOICEMAIL_S = 25  # carriers' voicemails answer after 15 to 30 s, most later than this

# The place, its name for sentences, who rings, for how many seconds, and on which schedule
Rung = tuple[Path, str, str, int, str]


def find(draft: Draft, numbers: Numbers | None, now: datetime) -> Iterator[Finding]:
    """Find who cannot be reached; with `numbers`, also who has no number in the secrets file."""
    for name, members in draft.file.groups.items():
        if not members:
            fix = "Add people or desk phones to the group, or delete it."
            where, message = f"group {name}", "the group has no members"
            yield draft.find("empty-group", ("groups", name), where, message, fix)
    rung = list(_rung(draft))
    yield from _contacts(draft, rung, numbers, now)
    for path, where, who, ring_s, schedule_name in rung:
        people = _people(draft.plan, who, schedule_name, now)
        if (
            not people
            and who not in draft.file.groups
            and draft.whole("people", "schedule", "groups")
        ):
            message = f"'{who}' rings nobody, because {_missing(who)}"
            fix = "Add what is missing, or ring somebody else."
            yield draft.find("nobody-to-ring", path, where, message, fix)
        mobile = next((one for one in people if _has_voicemail(draft.plan, one)), None)
        if ring_s > VOICEMAIL_S and mobile is not None:
            message = (
                f"it rings for {ring_s} seconds, but {mobile}'s voicemail may answer after "
                f"{VOICEMAIL_S} seconds"
            )
            fix = "Ring for 20 seconds, and try again in a later step."
            yield draft.find("ring-past-voicemail", path, where, message, fix)
    yield from _backups(draft, now)


def _rung(draft: Draft) -> Iterator[Rung]:
    """List everybody whom the file rings."""
    for name, escalation in draft.file.escalation.items():
        for number, step in enumerate(escalation.live):
            if step.try_ is not None:
                at = ("escalation", name, "live", number)
                where = f"escalation policy {name}, step {number + 1}"
                yield at, where, step.try_, step.ring, escalation.schedule or ""
    for path, where, do in draft.actions():
        if who := do.ring or do.transfer:
            yield path, where, who, do.for_, ""


def _people(plan: model.Plan, who: str, schedule_name: str, now: datetime) -> tuple[str, ...]:
    """Return all people and desk phones that a word such as "oncall" may ring at some time."""
    if who in {model.ONCALL, model.BACKUP}:
        name = schedule_name or next(iter(plan.schedules), "")
        return _of_schedule(plan, name, now) if name in plan.schedules else ()
    if who == model.OWN:
        return plan.physicians()
    if who == model.EVERYONE:
        return schedule.everyone(plan)
    if who in plan.groups:
        return plan.groups[who].members
    return (who,)


def _of_schedule(plan: model.Plan, name: str, now: datetime) -> tuple[str, ...]:
    table = plan.schedules[name]
    zone = plan.office.zone
    named = [person for layer in table.layers for person in turns.members(layer, zone, now)]
    named += [shift.person for shift in table.shifts]
    if table.backup in plan.people:
        named.append(table.backup)
    return tuple(dict.fromkeys(named))


def _missing(who: str) -> str:
    if who in {model.ONCALL, model.BACKUP}:
        return "the file has no schedule"
    return f"the file has no {'physicians' if who == model.OWN else 'people'}"


def _has_voicemail(plan: model.Plan, who: str) -> bool:
    person = plan.people.get(who)
    return (
        person is not None
        and person.role != "service"
        and any(contact.via in SECRETS for contact in person.contacts)
    )


def _contacts(
    draft: Draft, rung: list[Rung], numbers: Numbers | None, now: datetime
) -> Iterator[Finding]:
    """Find people whom a name, a group or a schedule rings, and who have no contact to ring."""
    plan = draft.plan
    used = {one for _, _, who, _, name in rung for one in _people(plan, who, name, now)}
    used |= {one for group in plan.groups.values() for one in group.members}
    used |= {one for name in plan.schedules for one in _of_schedule(plan, name, now)}
    for key, person in plan.people.items():
        if key not in used:
            continue
        held = SECRETS if numbers is None else numbers.get(key, frozenset())
        if any(one.via in held or one.via in plan.phones for one in person.contacts):
            continue
        if not person.contacts:
            message = f"{key} must be callable, but has no contact"
            fix = "Add a contact, or remove this person where they are used."
        else:
            message = f"{key} must be callable, but has no number in the secrets file"
            fix = f"Run 'officeline people mobile {key} NUMBER'."
        yield draft.find("no-contact", ("people", key), f"person {key}", message, fix)


def _backups(draft: Draft, now: datetime) -> Iterator[Finding]:
    """Find schedules of one person without a backup, if an escalation policy tries the backup."""
    plan = draft.plan
    steps = [
        step.who
        for escalation in plan.escalations.values()
        for step in escalation.live
        if isinstance(step, model.Try)
    ]
    if model.BACKUP not in steps or not draft.whole("schedule"):
        return
    for name, table in plan.schedules.items():
        people = _of_schedule(plan, name, now)
        if table.backup not in plan.schedules and len(people) == 1:
            message = f"{people[0]} is the only person in it, so there is no backup"
            fix = "Set 'backup' to a person or another schedule."
            yield draft.find("no-backup", ("schedule", name), f"schedule {name}", message, fix)
