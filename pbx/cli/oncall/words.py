"""Text and arguments that the commands of `officeline oncall` share."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime
from difflib import get_close_matches

from pbx.base import when
from pbx.base.errors import OfficeLineError
from pbx.base.phone_numbers import mask_within
from routing.instants import DAY, MIDNIGHT, instant, local_day
from routing.model import Override, Plan
from routing.schedule import holiday
from routing.time_text import TimeText

TWO_WEEKS = 14 * DAY

OVERRIDE = "override:"


def person_named(plan: Plan, person: str) -> str:
    """Return a person's name; only the id if an override names a person who was removed."""
    known = plan.people.get(person)
    return person if known is None else known.name


def people_named(plan: Plan, people: Collection[str]) -> str:
    """Return the names of several people as text, or "nobody"."""
    return " and ".join(person_named(plan, person) for person in people) or "nobody"


def reported(plan: Plan, source: str) -> str:
    """Return text that names the source of an answer; empty for the rotation."""
    if not source.startswith(OVERRIDE):
        return "" if source == "rotation" else ", by an explicit shift"
    number = source.removeprefix(OVERRIDE)
    reason = next((one.reason for one in plan.overrides if str(one.id) == number), "")
    return f", by override {number}" + (
        f" ({mask_within(reason, plan.office.country)})" if reason else ""
    )


def for_whom(plan: Plan, person: str | None) -> str:
    """Return text for whom a person covers; empty for nobody."""
    return "" if person is None else f", for {person_named(plan, person)}, who is away"


def on_holiday(plan: Plan, schedule: str, at: datetime) -> str:
    """Return text with the holiday because of which somebody is on call; empty on other days."""
    found = holiday(plan, schedule, at)
    return "" if found is None else f", on {found}"


def times_of(plan: Plan, start: datetime, end: datetime) -> str:
    """Return a span of time as text."""
    return f"from {plan.office.times.span(start, end)}"


def override_sentence(plan: Plan, change: Override) -> str:
    """Return a sentence that says what an override does."""
    person = "" if change.person is None else person_named(plan, change.person)
    out = "whoever is" if change.instead_of is None else person_named(plan, change.instead_of)
    does = {
        "add": f"{person} is also on call",
        "remove": f"{out} is not on call",
        "replace": f"{person} is on call instead of {out}",
        "backup": f"{person} steps in as the backup",
    }[change.kind]
    why = mask_within(change.reason, plan.office.country)
    return (
        f"Override {change.id}: {does} for '{change.schedule}' "
        f"{times_of(plan, change.start, change.end)} ({why})."
    )


def the_person(plan: Plan, person: str) -> str:
    """Return a person's id; OfficeLineError with the near match if there is no such person."""
    return _known(person, plan.people, "There is no person", "nobody at all")


def the_schedule(plan: Plan, schedule: str | None) -> str:
    """Return the given schedule, or the only one; OfficeLineError if that is not clear."""
    if schedule is not None:
        return _known(schedule, plan.schedules, "There is no schedule", "no schedule at all")
    if len(plan.schedules) == 1:
        return next(iter(plan.schedules))
    names = ", ".join(plan.schedules) or "none in the plan"
    raise OfficeLineError(f"There are several schedules; choose one with --schedule: {names}.")


def span_of(
    start: str, end: str | None, times: TimeText, *, whole_days: bool = False
) -> tuple[datetime, datetime]:
    """Return a span of whole minutes; OfficeLineError if it is backwards or too long.

    Without an end, it is two weeks. With `whole_days`, an end without a time includes that day.
    """
    zone = times.zone
    now = datetime.now(zone)
    begins = to_minute(when.parse_time(start, zone, now))
    if end is None:
        local = begins.astimezone(zone)
        return begins, instant(local.date() + TWO_WEEKS, local.time(), zone)
    ends = to_minute(when.parse_time(end, zone, now, after=begins))
    if whole_days and ends >= begins and _is_day(end, ends.astimezone(zone)):
        ends = instant(local_day(ends, zone) + DAY, MIDNIGHT, zone)
    bounded(begins, ends, times)
    return begins, ends


def to_minute(at: datetime) -> datetime:
    """Round down to the minute, because schedules change on the minute."""
    return at.replace(second=0, microsecond=0)


def bounded(start: datetime, end: datetime, times: TimeText) -> None:
    """Raise OfficeLineError if a span ends before it begins, or is over five years."""
    if end <= start:
        raise OfficeLineError(
            f"The time ends ({times.moment(end)}) before it begins ({times.moment(start)}); "
            "give a later end."
        )
    if (end - start).days > 5 * 366:
        raise OfficeLineError("The time span is over five years; give an earlier end.")


def _is_day(text: str, local: datetime) -> bool:
    """Tell whether a text gives a day without a time."""
    has_clock = re.search(r"\d:\d|\d ?[ap]\.?m|midnight|now|^\+|^in ", text.lower())
    return local.time() == MIDNIGHT and has_clock is None


def _known(name: str, names: Collection[str], lacking: str, none: str) -> str:
    if name in names:
        return name
    near = get_close_matches(name.lower(), names, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"there is {', '.join(names) or none}."
    raise OfficeLineError(f"{lacking} '{name[:40]}' in the plan; {hint}")
