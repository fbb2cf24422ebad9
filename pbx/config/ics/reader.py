"""Shifts out of a calendar that another program wrote: all of it is understood, or none is taken.

The file is foreign: its size, its rules and the work spent on it are bounded, and whatever is wrong
becomes one sentence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import get_args

from pbx.base.errors import OfficeLineError
from pbx.config.ics import clocks, lines, series
from pbx.config.ics.clocks import Named, ZoneClock
from pbx.config.ics.events import CalendarEvent, called, event
from pbx.config.ics.lines import Component, Property
from pbx.config.ics.names import quoted
from pbx.config.ics.recurrence import Work, WorkError
from pbx.config.ics.series import Occurrence, Reading, Span
from pbx.config.ics.sift import may_matter
from pbx.config.ics.whose import Whose
from pbx.config.ics.writer import PLACE
from routing.instants import DAY
from routing.model import Place, Plan

SIZE_LIMIT = lines.SIZE_LIMIT
MOST = 2000  # events of a file that may be in the span, and shifts that come of them
LONGEST = 1830 * DAY  # of the span that is read: five years
WORK = 300_000  # days that recurrences look at; a real file's take some ten thousand
_REFUSED = {
    "CANCEL": "cancels events",
    "REPLY": "answers an invitation",
    "COUNTER": "proposes other times",
    "DECLINECOUNTER": "declines other times",
    "REFRESH": "asks for a newer calendar",
}


@dataclass(frozen=True)
class ImportedShift:
    """One person from `start` up to `end` (UTC)."""

    person: str
    start: datetime
    end: datetime
    place: Place = "oncall"


@dataclass(frozen=True)
class CalendarShifts:
    """What a calendar holds: its own name, if it has one, and its shifts."""

    name: str
    shifts: tuple[ImportedShift, ...]


def read(
    content: str | bytes,
    plan: Plan,
    start: datetime,
    end: datetime,
    *,
    endless: bool = True,
    whose: Whose | None = None,
    place: Place = "oncall",
) -> CalendarShifts:
    """Read the shifts of a calendar within [start, end), in order; OfficeLineError if any is bad.

    Recurrences are followed within the span alone; those without an end of their own are refused
    unless `endless`. Times without a zone are of the calendar's, else the office's; whole days are
    the office's. `whose` says whom an event is about. What has no X-OFFICELINE-PLACE is of `place`.
    """
    if not start < end <= start + LONGEST:
        raise OfficeLineError(
            "The span to import is backwards or over five years; name another with --from and --to."
        )
    found = lines.calendars(content)
    for one in found:
        _refuse_method(one)
    reading = Reading(Named(plan.office.zone), Span(start, end), Work(WORK))
    try:
        events = list(_events(found, reading))
        if not endless:
            _refuse_endless(events)
        all_of_it = list(series.event_occurrences(events, reading))
    except WorkError as error:
        raise OfficeLineError(
            "The calendar's recurrences go on for too long to be followed; "
            "end old ones, or export a shorter time of it."
        ) from error
    taking_place = [one for one in all_of_it if not one.event.is_canceled]
    _refuse_count(found, all_of_it, taking_place, plan.office.times.span(*reading.span))
    shifts = list(_shifts(taking_place, reading.span, whose or Whose(plan), place))
    name = found[0].text("X-WR-CALNAME") or found[0].text("NAME")
    return CalendarShifts(quoted(name), _merged(shifts, plan))


def _refuse_method(calendar: Component) -> None:
    method = calendar.text("METHOD").upper()
    if method in _REFUSED:
        raise OfficeLineError(
            f"The file {_REFUSED[method]} (METHOD:{method}) and is no schedule; "
            "export the calendar itself as .ics."
        )
    scale = calendar.text("CALSCALE").upper() or "GREGORIAN"
    if scale != "GREGORIAN":
        raise OfficeLineError(
            f"The calendar counts its days as '{quoted(scale)}', which is not read; "
            "export it in the Gregorian calendar."
        )


def _events(calendars: list[Component], reading: Reading) -> Iterator[CalendarEvent]:
    """Read the events that may be in the span; what is long past is not looked at."""
    parts = [(one, part) for one in calendars for part in one.within("VEVENT")]
    uids = Counter(part.text("UID") for _, part in parts)
    relevant = [
        (number, one, part)
        for number, (one, part) in enumerate(parts)
        if may_matter(part, reading.span, alone=uids[part.text("UID")] == 1)
    ]
    if len(relevant) > MOST:
        raise OfficeLineError(f"The calendar has over {MOST} events; export a shorter time of it.")
    known: dict[tuple[int, str], ZoneClock | None] = {}
    for number, one, part in relevant:
        # without a UID, each is one of its own
        uid = part.text("UID") or f"event-{number}"
        yield event(part, uid, partial(_clock, one, known, reading))


def _clock(
    calendar: Component,
    known: dict[tuple[int, str], ZoneClock | None],
    reading: Reading,
    found: Property,
) -> ZoneClock | None:
    """Find the clock of a time: of the zone it names, else the calendar's, else the office's."""
    name = found.parameters.get("TZID", "")
    own = name or calendar.text("X-WR-TIMEZONE")
    if not own:
        return reading.office
    key = (id(calendar), own)
    if key not in known:
        known[key] = clocks.named(own, list(calendar.within("VTIMEZONE")), reading.work)
    if not name and known[key] is None:
        raise OfficeLineError(
            f"The calendar is in the unknown time zone '{quoted(own)}' (X-WR-TIMEZONE); "
            "name one like America/New_York in the program that wrote it."
        )
    return known[key]


def _refuse_endless(events: list[CalendarEvent]) -> None:
    for one in events:
        if not one.is_canceled and any(rule.is_endless for rule in one.rules):
            raise OfficeLineError(
                f"The event {called(one.part)} repeats without an end; "
                "say with --to up to when its shifts are to be imported."
            )


def _refuse_count(
    calendars: list[Component], found: list[Occurrence], left: list[Occurrence], times: str
) -> None:
    """Refuse what is too much, and nothing at all, with the reason why there is nothing."""
    if len(left) > MOST:
        raise OfficeLineError(
            f"The calendar has over {MOST} shifts from {times}; "
            "name a shorter span with --from and --to."
        )
    if left:
        return
    if found:
        raise OfficeLineError(
            f"All events of the calendar from {times} are canceled; nothing is imported."
        )
    kinds = {part.name for one in calendars for part in one.parts} - {"VTIMEZONE"}
    if kinds and "VEVENT" not in kinds:
        raise OfficeLineError(
            f"The calendar has no events, only {quoted(', '.join(sorted(kinds)))}, which does not "
            "say who is on call; export the events, too."
        )
    raise OfficeLineError(
        f"The calendar has no event from {times}; name another span with --from and --to."
    )


def _shifts(
    found: list[Occurrence], span: Span, whose: Whose, place: Place
) -> Iterator[ImportedShift]:
    """Say of each occurrence whose it is, cut to the span."""
    wanted = [one for one in found if not whose.is_left_out(one.event.part)]
    if not wanted:
        raise OfficeLineError("Every event of the calendar is left out by --skip; name fewer.")
    whose.refuse_unknown([one.event.part for one in wanted])
    for one in wanted:
        part = one.event.part
        if one.end <= one.start:
            raise OfficeLineError(
                f"The event {called(part)} lasts no time; give it an end in the calendar."
            )
        times = max(one.start, span.start), min(one.end, span.end)
        yield ImportedShift(whose.person(part), *times, _place(part) or place)


def _place(part: Component) -> Place | None:
    """Return the place that an event of our own names."""
    named = part.text(PLACE)
    for known in get_args(Place):
        if named == known:
            found: Place = known
            return found
    if named:
        raise OfficeLineError(
            f"The event {called(part)} has the place '{quoted(named)}'; "
            f"name one of {', '.join(get_args(Place))} in {PLACE}."
        )
    return None


def _merged(shifts: list[ImportedShift], plan: Plan) -> tuple[ImportedShift, ...]:
    """Put shifts in order; refuse two people who have one place at once, as one would be lost.

    The same person twice at once is there once. Any number is beside.
    """
    merged: list[ImportedShift] = []
    for one in sorted(shifts, key=lambda each: (each.place, each.start, each.end, each.person)):
        meeting = [known for known in merged if known.place == one.place and one.start < known.end]
        same = next((known for known in meeting if known.person == one.person), None)
        if same is not None:
            merged[merged.index(same)] = replace(same, end=max(same.end, one.end))
            continue
        if meeting and one.place != "beside":
            raise _both(meeting[0], one, plan)
        merged.append(one)
    return tuple(sorted(merged, key=lambda one: (one.start, one.end, one.person)))


def _both(one: ImportedShift, other: ImportedShift, plan: Plan) -> OfficeLineError:
    return OfficeLineError(
        f"{one.person} and {other.person} are both on call at "
        f"{plan.office.times.moment(other.start)}; "
        "shorten one of the two events, or import backups from a calendar of their own "
        "with --place backup."
    )
