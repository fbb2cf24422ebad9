"""Read shifts from another program's calendar: either all of it is understood, or none is used.

The file is untrusted: its size, its rules and the work spent on it are limited, and any mistake in
it is reported in one sentence.
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
MOST = 2000  # events of one file within the span, and shifts made from them
LONGEST = 1830 * DAY  # longest span that is read: five years
WORK = 300_000  # days that recurrences may check; a real file needs about ten thousand
_REFUSED = {
    "CANCEL": "cancels events",
    "REPLY": "answers an invitation",
    "COUNTER": "proposes other times",
    "DECLINECOUNTER": "declines other times",
    "REFRESH": "asks for a newer calendar",
}


@dataclass(frozen=True)
class ImportedShift:
    """One person on call from `start` to `end` (UTC, exclusive)."""

    person: str
    start: datetime
    end: datetime
    place: Place = "oncall"


@dataclass(frozen=True)
class CalendarShifts:
    """A calendar's name, if it has one, and its shifts."""

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
    """Return a calendar's shifts within [start, end), in order; OfficeLineError if any is bad.

    Recurrences are followed only within the span; those without an end are refused unless
    `endless`. Times without a zone are in the calendar's zone, or else the office's; whole days
    are in the office's. `whose` finds the person of an event. An event without
    X-OFFICELINE-PLACE gets `place`.
    """
    if not start < end <= start + LONGEST:
        raise OfficeLineError(
            "The dates to import are in the wrong order or over five years apart; change --from "
            "and --to."
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
            "The calendar's repeating events are too long to process; "
            "end the old ones, or export a shorter date range."
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
            f"The file {_REFUSED[method]} (METHOD:{method}) and is not a schedule; "
            "export the calendar itself as .ics."
        )
    scale = calendar.text("CALSCALE").upper() or "GREGORIAN"
    if scale != "GREGORIAN":
        raise OfficeLineError(
            f"The calendar uses the calendar system '{quoted(scale)}', which is not supported; "
            "export it with Gregorian dates."
        )


def _events(calendars: list[Component], reading: Reading) -> Iterator[CalendarEvent]:
    """Read the events that may be in the span; skip those that are long past."""
    parts = [(one, part) for one in calendars for part in one.within("VEVENT")]
    uids = Counter(part.text("UID") for _, part in parts)
    relevant = [
        (number, one, part)
        for number, (one, part) in enumerate(parts)
        if may_matter(part, reading.span, alone=uids[part.text("UID")] == 1)
    ]
    if len(relevant) > MOST:
        raise OfficeLineError(f"The calendar has over {MOST} events; export a shorter date range.")
    known: dict[tuple[int, str], ZoneClock | None] = {}
    for number, one, part in relevant:
        # without a UID, each event is separate
        uid = part.text("UID") or f"event-{number}"
        yield event(part, uid, partial(_clock, one, known, reading))


def _clock(
    calendar: Component,
    known: dict[tuple[int, str], ZoneClock | None],
    reading: Reading,
    found: Property,
) -> ZoneClock | None:
    """Return the clock of a time: of its own zone, or the calendar's, or else the office's."""
    name = found.parameters.get("TZID", "")
    own = name or calendar.text("X-WR-TIMEZONE")
    if not own:
        return reading.office
    key = (id(calendar), own)
    if key not in known:
        known[key] = clocks.named(own, list(calendar.within("VTIMEZONE")), reading.work)
    if not name and known[key] is None:
        raise OfficeLineError(
            f"The calendar has the unknown time zone '{quoted(own)}' (X-WR-TIMEZONE); "
            "set it to a zone such as America/New_York in the program that exported it."
        )
    return known[key]


def _refuse_endless(events: list[CalendarEvent]) -> None:
    for one in events:
        if not one.is_canceled and any(rule.is_endless for rule in one.rules):
            raise OfficeLineError(
                f"The event {called(one.part)} repeats without an end; "
                "set the end of the import with --to."
            )


def _refuse_count(
    calendars: list[Component], found: list[Occurrence], left: list[Occurrence], times: str
) -> None:
    """Raise OfficeLineError if there are too many shifts, or none, and say why there are none."""
    if len(left) > MOST:
        raise OfficeLineError(
            f"The calendar has over {MOST} shifts from {times}; "
            "choose a shorter span with --from and --to."
        )
    if left:
        return
    if found:
        raise OfficeLineError(
            f"All events in the calendar from {times} are canceled; nothing was imported."
        )
    kinds = {part.name for one in calendars for part in one.parts} - {"VTIMEZONE"}
    if kinds and "VEVENT" not in kinds:
        raise OfficeLineError(
            f"The calendar has no events, only {quoted(', '.join(sorted(kinds)))}, which does not "
            "show who is on call; export the events too."
        )
    raise OfficeLineError(
        f"The calendar has no event from {times}; choose another span with --from and --to."
    )


def _shifts(
    found: list[Occurrence], span: Span, whose: Whose, place: Place
) -> Iterator[ImportedShift]:
    """Return a shift for each occurrence, cut to the span, with the person it is for."""
    wanted = [one for one in found if not whose.is_left_out(one.event.part)]
    if not wanted:
        raise OfficeLineError("--skip leaves out every event of the calendar; skip fewer titles.")
    whose.refuse_unknown([one.event.part for one in wanted])
    for one in wanted:
        part = one.event.part
        if one.end <= one.start:
            raise OfficeLineError(
                f"The event {called(part)} has no duration; give it an end in the calendar."
            )
        times = max(one.start, span.start), min(one.end, span.end)
        yield ImportedShift(whose.person(part), *times, _place(part) or place)


def _place(part: Component) -> Place | None:
    """Return the place that an event of our own export names, or None."""
    named = part.text(PLACE)
    for known in get_args(Place):
        if named == known:
            found: Place = known
            return found
    if named:
        raise OfficeLineError(
            f"The event {called(part)} has the unknown place '{quoted(named)}'; "
            f"set {PLACE} to one of {', '.join(get_args(Place))}."
        )
    return None


def _merged(shifts: list[ImportedShift], plan: Plan) -> tuple[ImportedShift, ...]:
    """Sort shifts; refuse two people in one place at the same time, as one would be lost.

    A person who is there twice at once counts once. The place "beside" takes any number of people.
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
        "shorten one of the two events, or import backups from a separate calendar "
        "with --place backup."
    )
