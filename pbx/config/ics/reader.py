"""Shifts out of a calendar that another program wrote: all of it is understood, or none is taken.

The file is foreign: its size, its rules and the time spent on it are bounded, and whatever the
libraries stumble over becomes one sentence.
"""

from __future__ import annotations

import contextlib
import re
import signal
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any, get_args
from zoneinfo import ZoneInfo

from pbx.base.errors import OfficeLineError
from pbx.config.ics.names import person_named, quoted, unknown
from pbx.config.ics.writer import PERSON, PLACE
from routing.instants import DAY, MIDNIGHT, at_local, instant
from routing.model import Place, Plan

# An event or a calendar of the library: its properties are untyped, and checked below.
Component = Any

SIZE_LIMIT = 1_000_000  # bytes
MOST = 2000  # events of a file, and shifts that come of them
LONGEST = 1830 * DAY  # of the span that is read: five years
LIMIT_S = 5.0  # for reading a file; one with 2000 events takes under one
YEARS = range(1970, 2200)
UTC_ZONE = ZoneInfo("UTC")

_UNFOLD = re.compile(r"\r?\n[ \t]")
_RULE = re.compile(r"^RRULE\b[^:\n]*:(.*)$", re.IGNORECASE | re.MULTILINE)
_TIMED = ("DTSTART", "DTEND", "RECURRENCE-ID", "EXDATE", "RDATE")
_OFTEN = re.compile(r"SECONDLY|MINUTELY|HOURLY|BYHOUR|BYMINUTE|BYSECOND|INTERVAL=0*(?:;|$)")


@dataclass(frozen=True)
class ImportedShift:
    """One person from `start` up to `end` (UTC)."""

    person: str
    start: datetime
    end: datetime
    place: Place = "oncall"


def read(
    content: str | bytes,
    plan: Plan,
    start: datetime,
    end: datetime,
    *,
    endless: bool = True,
    place: Place = "oncall",
) -> tuple[ImportedShift, ...]:
    """Read the shifts of a calendar within [start, end), in order; OfficeLineError if any is bad.

    Recurrences are followed within the span alone; those without an end of their own are refused
    unless `endless`. Times without a zone and whole days are the
    office's. An event's person is named by X-OFFICELINE-PERSON, its attendee or its summary. What
    has no X-OFFICELINE-PLACE is of `place`.
    """
    if not start < end <= start + LONGEST:
        raise OfficeLineError(
            "The span to import is backwards or over five years; name another with --from and --to."
        )
    text = _text(content)
    _refuse_rules(text, endless=endless)
    try:
        with _deadline(), warnings.catch_warnings(action="ignore"):
            calendar = _calendar(text)
            found = _occurrences(calendar, plan.office.zone, start, end)
    except OfficeLineError:
        raise
    except TimeoutError as error:
        raise OfficeLineError(
            "The calendar has a recurrence that comes to no end; export it again without it."
        ) from error
    except Exception as error:  # a parser that meets garbage may raise anything
        raise OfficeLineError(
            f"This is no calendar that can be read ({quoted(str(error))}); export it again as .ics."
        ) from error
    shifts = [
        ImportedShift(
            _person(event, plan), max(begins, start), min(ends, end), _place(event) or place
        )
        for begins, ends, event in found
    ]
    shifts.sort(key=lambda one: (one.start, one.end, one.person))
    _refuse_overlaps(shifts, plan)
    return tuple(shifts)


@contextlib.contextmanager
def _deadline() -> Iterator[None]:
    """Raise TimeoutError within, after `LIMIT_S`; only the main thread can be interrupted so.

    A rule that never matches, such as each 30 February, is followed to the year 9999 by dateutil.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def late(_number: int, _frame: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, LIMIT_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _text(content: str | bytes) -> str:
    data = content.encode(errors="replace") if isinstance(content, str) else content
    if len(data) > SIZE_LIMIT:
        raise OfficeLineError(
            f"The calendar is over {SIZE_LIMIT} bytes; export a shorter time of it."
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise OfficeLineError(
            "The calendar is no text in UTF-8; export it again as .ics."
        ) from error


def _refuse_rules(text: str, *, endless: bool) -> None:
    """Refuse, before anything follows them, rules that repeat within a day and too many events."""
    unfolded = _UNFOLD.sub("", text)
    if unfolded.upper().count("BEGIN:VEVENT") > MOST:
        raise OfficeLineError(f"The calendar has over {MOST} events; export a shorter time of it.")
    for rule in _RULE.findall(unfolded):
        if not endless and not re.search(r"(?i)\b(?:UNTIL|COUNT)=", rule):
            raise OfficeLineError(
                "The calendar has an event that repeats without an end; "
                "say with --to up to when its shifts are to be imported."
            )
        if _OFTEN.search(rule.upper().strip()):
            raise OfficeLineError(
                f"The recurrence '{quoted(rule)}' is none of shifts; "
                "repeat events daily, weekly, monthly or yearly."
            )
    if re.search(r"^EXRULE\b", unfolded, re.IGNORECASE | re.MULTILINE):
        raise OfficeLineError(
            "The calendar excludes times by EXRULE, which is not read; exclude days by EXDATE."
        )


def _calendar(text: str) -> Component:
    """Parse the file and refuse every event that is not whole."""
    from icalendar import Calendar

    calendar = Calendar.from_ical(text)
    if calendar.name != "VCALENDAR":
        raise OfficeLineError("The file holds no VCALENDAR; export the calendar again as .ics.")
    seen = set()
    for number, event in enumerate(calendar.walk("VEVENT")):
        _refuse_broken(event)
        if "UID" not in event:
            event["UID"] = f"event-{number}"  # else all without one would be taken for one
        recurrence = event.get("RECURRENCE-ID")
        key = (str(event["UID"]), None if recurrence is None else recurrence.dt)
        if key in seen:
            raise OfficeLineError(
                f"The event {_called(event)} is there twice with the same UID; remove one of them."
            )
        seen.add(key)
    return calendar


def _refuse_broken(event: Component) -> None:
    for name, _ in event.errors:
        raise OfficeLineError(
            f"The event {_called(event)} has a {name} that cannot be read; mend it in the calendar."
        )
    if "DTSTART" not in event:
        raise OfficeLineError(f"The event {_called(event)} has no start; mend it in the calendar.")
    for name in _TIMED:
        for value, zone in _times(event.get(name)):
            if zone and isinstance(value, datetime) and value.tzinfo is None:
                raise OfficeLineError(
                    f"The event {_called(event)} is in the unknown time zone '{quoted(zone)}'; "
                    "name one like America/New_York, or define it by a VTIMEZONE."
                )
            if value.year not in YEARS:
                raise OfficeLineError(
                    f"The event {_called(event)} is of the year {value.year}; mend its {name}."
                )
    _refuse_backwards(event)


def _refuse_backwards(event: Component) -> None:
    begins = event["DTSTART"].dt
    ends = event["DTEND"].dt if "DTEND" in event else begins
    alike = isinstance(begins, datetime) == isinstance(ends, datetime)
    duration = event["DURATION"].dt if "DURATION" in event else timedelta(0)
    if not alike or duration < timedelta(0) or _at(ends, UTC_ZONE) < _at(begins, UTC_ZONE):
        raise OfficeLineError(
            f"The event {_called(event)} ends before it begins; mend it in the calendar."
        )


def _times(value: Any) -> Iterator[tuple[date, str]]:
    """List the dates and times of a property, which may be many, with the zone each one names."""
    for one in value if isinstance(value, list) else [] if value is None else [value]:
        zone = str(one.params.get("TZID", ""))
        for each in getattr(one, "dts", [one]):
            for part in each.dt if isinstance(each.dt, tuple) else (each.dt,):
                if isinstance(part, date):
                    yield part, zone


def _occurrences(
    calendar: Component, zone: ZoneInfo, start: datetime, end: datetime
) -> list[tuple[datetime, datetime, Component]]:
    """Follow all recurrences within the span; cancelled events are none."""
    import recurring_ical_events

    query = recurring_ical_events.of(calendar)
    found = []
    # two days more, as times without a zone are compared as if they were UTC
    for event in query.between(start - 2 * DAY, end + 2 * DAY):
        begins, ends = _at(event["DTSTART"].dt, zone), _at(event["DTEND"].dt, zone)
        if str(event.get("STATUS", "")).upper() == "CANCELLED" or ends <= start or begins >= end:
            continue
        if ends <= begins:
            raise OfficeLineError(
                f"The event {_called(event)} lasts no time; give it an end in the calendar."
            )
        found.append((begins, ends, event))
    if len(found) > MOST:
        raise OfficeLineError(
            f"The calendar has over {MOST} shifts from {start:%Y-%m-%d} to {end:%Y-%m-%d}; "
            "name a shorter span with --from and --to."
        )
    if not found:
        raise OfficeLineError(
            f"The calendar has no event from {start:%Y-%m-%d} to {end:%Y-%m-%d}; "
            "name another span with --from and --to."
        )
    return found


def _at(value: date, zone: ZoneInfo) -> datetime:
    """Turn a date or a time of a calendar into an instant."""
    if not isinstance(value, datetime):
        return instant(value, MIDNIGHT, zone)
    return at_local(value, zone) if value.tzinfo is None else value.astimezone(UTC)


def _person(event: Component, plan: Plan) -> str:
    """Find the one person that an event names."""
    if PERSON in event:
        named = [str(event[PERSON])]
    else:
        attendees = event.get("ATTENDEE", [])
        attendees = attendees if isinstance(attendees, list) else [attendees]
        named = [str(one.params.get("CN", "")) for one in attendees]
        named.append(str(event.get("SUMMARY", "")))
    found = {person for text in named if (person := person_named(text, plan)) is not None}
    if len(found) > 1:
        raise OfficeLineError(
            f"The event {_called(event)} names {' and '.join(sorted(found))}; "
            "a shift has one person, so make two events of it."
        )
    for person in found:
        return person
    raise unknown(named[-1], plan)


def _place(event: Component) -> Place | None:
    """Return the place that an event of our own names."""
    if PLACE not in event:
        return None
    named = str(event[PLACE])
    for known in get_args(Place):
        if named == known:
            found: Place = known
            return found
    raise OfficeLineError(
        f"The event {_called(event)} has the place '{quoted(named)}'; "
        f"name one of {', '.join(get_args(Place))} in {PLACE}."
    )


def _refuse_overlaps(shifts: list[ImportedShift], plan: Plan) -> None:
    """Refuse two shifts of a place at once: the file has one of them, and the other is lost."""
    by_place = sorted(shifts, key=lambda one: one.place)
    for one, other in pairwise(by_place):
        alone = one.place == other.place != "beside"  # any number is beside
        if alone and other.start < one.end:
            local = other.start.astimezone(plan.office.zone)
            raise OfficeLineError(
                f"{one.person} and {other.person} are both on call at {local:%Y-%m-%d %H:%M}; "
                "shorten one of the two events."
            )


def _called(event: Component) -> str:
    """Name an event so that it can be found in its calendar."""
    broken = {name for name, _ in event.errors}
    day = None if "DTSTART" in broken else getattr(event.get("DTSTART"), "dt", None)
    when = f" of {day:%Y-%m-%d}" if isinstance(day, date) else ""
    return f"'{quoted(str(event.get('SUMMARY', 'without a summary')))}'{when}"
