"""A schedule as an iCalendar file that calendars can subscribe to; it has no phone numbers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from routing.model import Plan
from routing.oncall import OnCallSpan, backups, turns

if TYPE_CHECKING:
    from icalendar import Event

PERSON = "X-OFFICELINE-PERSON"
PLACE = "X-OFFICELINE-PLACE"  # "beside" or "backup"; absent for the person on call


@dataclass(frozen=True)
class Revision:
    """The state of the exported schedule: its number of changes, and the time of the last one."""

    number: int
    at: datetime


def export(plan: Plan, schedule: str, start: datetime, end: datetime, revision: Revision) -> bytes:
    """Return a calendar with each shift that overlaps [start, end) as an event, uncut, in UTC.

    Backups have separate events.

    A shift has the same UID in every export and a higher SEQUENCE after each change, so that
    calendars update it. The current time is not used: the same state gives the same file.
    """
    from icalendar import Calendar

    calendar = Calendar()
    calendar.add("prodid", "-//OfficeLine//On call//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", f"On call: {schedule}, {plan.office.name}")
    for duty in (*turns(plan, schedule, start, end), *backups(plan, schedule, start, end)):
        if duty.person in plan.people:  # an override may name a person who was removed since
            calendar.add_component(_event(plan, duty, revision))
    return bytes(calendar.to_ical())


def _event(plan: Plan, duty: OnCallSpan, revision: Revision) -> Event:
    from icalendar import Event

    event = Event()
    begins = duty.start.astimezone(UTC)
    called = f"{duty.person}-{duty.place}" if duty.place == "backup" else duty.person
    event.add("uid", f"{begins:%Y%m%dT%H%M%SZ}-{called}-{duty.schedule}@officeline")
    # without a METHOD, DTSTAMP means the last revision of the event (RFC 5545, 3.8.7.2)
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
