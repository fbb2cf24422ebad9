"""A schedule as an iCalendar file, to which calendars can subscribe; it contains no number."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from routing.model import Plan
from routing.oncall import OnCallSpan, backups, turns

if TYPE_CHECKING:
    from icalendar import Event

PERSON = "X-OFFICELINE-PERSON"
PLACE = "X-OFFICELINE-PLACE"  # "beside" or "backup"; without it, who is on call first


@dataclass(frozen=True)
class Revision:
    """Which state of the schedule is exported: how many changes it had, and when the last was."""

    number: int
    at: datetime


def export(plan: Plan, schedule: str, start: datetime, end: datetime, revision: Revision) -> bytes:
    """Write each shift that touches [start, end) as an event, whole and in UTC.

    Who has the place of the backup has events of their own.

    The same shift has the same UID in each export, so that a calendar updates what it knows, and a
    higher SEQUENCE after each change of the schedule. No clock: the same state gives the same file.
    """
    from icalendar import Calendar

    calendar = Calendar()
    calendar.add("prodid", "-//OfficeLine//On call//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", f"On call: {schedule}, {plan.office.name}")
    for duty in (*turns(plan, schedule, start, end), *backups(plan, schedule, start, end)):
        if duty.person in plan.people:  # an override may outlive the one it names
            calendar.add_component(_event(plan, duty, revision))
    return bytes(calendar.to_ical())


def _event(plan: Plan, duty: OnCallSpan, revision: Revision) -> Event:
    from icalendar import Event

    event = Event()
    begins = duty.start.astimezone(UTC)
    called = f"{duty.person}-{duty.place}" if duty.place == "backup" else duty.person
    event.add("uid", f"{begins:%Y%m%dT%H%M%SZ}-{called}-{duty.schedule}@officeline")
    # without a METHOD, DTSTAMP is when the event was last revised (RFC 5545, 3.8.7.2)
    event.add("dtstamp", revision.at.astimezone(UTC).replace(microsecond=0))
    event.add("last-modified", revision.at.astimezone(UTC).replace(microsecond=0))
    event.add("sequence", revision.number)
    event.add("dtstart", begins)
    event.add("dtend", duty.end.astimezone(UTC))
    what = "Backup" if duty.place == "backup" else "On call"
    event.add("summary", f"{what}: {plan.people[duty.person].name}")
    event.add("categories", [duty.schedule])
    event.add("transp", "TRANSPARENT")
    event.add(PERSON, duty.person)
    if duty.place != "oncall":
        event.add(PLACE, duty.place)
    return event
