"""A rota as an iCalendar file, which calendars can subscribe to; no number of anybody is in it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from routing.model import Plan
from routing.oncall import Duty, backups, turns

if TYPE_CHECKING:
    from icalendar import Event

PERSON = "X-OFFICELINE-PERSON"
PLACE = "X-OFFICELINE-PLACE"  # "beside" or "backup"; without it, who is on call first


def export(plan: Plan, rota: str, start: datetime, end: datetime) -> bytes:
    """Write each shift that touches [start, end) as an event, whole and in UTC.

    Who has the place of the backup has events of their own.

    The same shift has the same UID in each export, so that a calendar updates what it knows.
    """
    from icalendar import Calendar

    calendar = Calendar()
    calendar.add("prodid", "-//OfficeLine//On call//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", f"On call: {rota}, {plan.office.name}")
    for duty in (*turns(plan, rota, start, end), *backups(plan, rota, start, end)):
        calendar.add_component(_event(plan, duty))
    return bytes(calendar.to_ical())


def _event(plan: Plan, duty: Duty) -> Event:
    from icalendar import Event

    event = Event()
    begins = duty.start.astimezone(UTC)
    called = f"{duty.person}-{duty.place}" if duty.place == "backup" else duty.person
    event.add("uid", f"{begins:%Y%m%dT%H%M%SZ}-{called}-{duty.rota}@officeline")
    event.add("dtstamp", begins)  # no clock: the same plan gives the same file
    event.add("dtstart", begins)
    event.add("dtend", duty.end.astimezone(UTC))
    what = "Backup" if duty.place == "backup" else "On call"
    event.add("summary", f"{what}: {plan.people[duty.person].name}")
    event.add("categories", [duty.rota])
    event.add("transp", "TRANSPARENT")
    event.add(PERSON, duty.person)
    if duty.place != "oncall":
        event.add(PLACE, duty.place)
    return event
