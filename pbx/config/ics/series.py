"""When events take place: the newest version of each, with its recurrences and exceptions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple

from pbx.base.errors import OfficeLineError
from pbx.config.ics.clocks import Fixed, Named, ZoneClock
from pbx.config.ics.events import CalendarEvent, called
from pbx.config.ics.names import quoted
from pbx.config.ics.recurrence import RecurrenceRule, Work, days
from pbx.config.ics.times import CalendarTime, Length, rounded, until_of
from routing.instants import DAY

SECOND = timedelta(seconds=1)
# Identifies one instance of a series: an instant (UTC), or the date of a whole day
Key = datetime | date


class Span(NamedTuple):
    """A start (inclusive) and an end (exclusive), in UTC."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Occurrence:
    """One time at which an event takes place (UTC)."""

    start: datetime
    end: datetime
    event: CalendarEvent


@dataclass(frozen=True)
class Reading:
    """How to read a calendar: the office's clock, the span, and the limit of work."""

    office: Named
    span: Span
    work: Work


def event_occurrences(events: Iterable[CalendarEvent], reading: Reading) -> Iterator[Occurrence]:
    """List all occurrences within a span, canceled ones too, unsorted."""
    series: dict[str, list[CalendarEvent]] = defaultdict(list)
    for event in events:
        series[event.uid].append(event)
    for one in series.values():
        yield from _series(one, reading)


def _series(events: list[CalendarEvent], reading: Reading) -> Iterator[Occurrence]:
    """List the occurrences of the events that share a UID."""
    masters = [event for event in events if event.instance is None]
    master = _newest(masters) if masters else None
    dated = (master or events[0]).start.clock is None
    instances: dict[Key, list[CalendarEvent]] = defaultdict(list)
    for event in events:
        if event.instance is not None:
            instances[_key(event.instance, dated, reading)].append(event)
    changed = {key: _newest(versions) for key, versions in instances.items()}
    for event in changed.values():
        yield from _within(event, event.start, event.length, reading)
    if master is not None:
        yield from _recurring(master, changed, reading)


def _newest(versions: list[CalendarEvent]) -> CalendarEvent:
    """Return the newest version; raise OfficeLineError for two equally new ones that differ."""
    newest = max(versions, key=lambda event: event.age)
    for event in versions:
        if event.age == newest.age and event.part != newest.part:
            raise OfficeLineError(
                f"The calendar has the event {called(event.part)} twice with the same UID, and "
                "neither has a higher SEQUENCE; remove one of them."
            )
    return newest


def _recurring(
    master: CalendarEvent, changed: dict[Key, CalendarEvent], reading: Reading
) -> Iterator[Occurrence]:
    """List the occurrences of a series, except those that an event of their own replaces."""
    dated = master.start.clock is None
    left_out = {_key(moment, dated, reading) for moment in master.left_out}
    later = sorted(
        (event for event in changed.values() if event.with_all_after),
        key=lambda event: _at(event.instance or event.start, reading.office),
    )
    for moment, length in _starts(master, reading):
        names = {_key(moment, dated, reading), moment.local.date()}
        if names & left_out or names & changed.keys():
            continue
        holds, begins = master, moment
        for event in later:
            instance = event.instance or event.start
            if _at(instance, reading.office) < _at(moment, reading.office):
                shifted = moment.local + (event.start.local - instance.local)
                holds, begins = event, CalendarTime(shifted, event.start.clock)
        own = length if holds is master else holds.length
        yield from _within(holds, begins, own, reading)


def _starts(master: CalendarEvent, reading: Reading) -> Iterator[tuple[CalendarTime, Length]]:
    """List each start of a series near the span, without duplicates."""
    start, length = master.start, master.length
    found: dict[datetime, Length] = {}
    for rule in master.rules:
        for day in _days(rule, master, reading):
            found[datetime.combine(day, start.local.time())] = length
    if not master.rules:
        found[start.local] = length
    moments = [(CalendarTime(local, start.clock), length) for local, length in found.items()]
    known = {_at(moment, reading.office) for moment, _ in moments}
    for moment, own in master.added:
        if _at(moment, reading.office) not in known:
            moments.append((moment, own or length))
    yield from moments


def _days(rule: RecurrenceRule, master: CalendarEvent, reading: Reading) -> Iterator[date]:
    """List the days of a rule from before the span to its end, or to the rule's UNTIL."""
    start, length = master.start, master.length
    last, until = (reading.span.end + 2 * DAY).date(), None
    if rule.until is not None:
        bound = until_of(rule.until, start, reading.office)
        if bound is None:
            raise OfficeLineError(
                f"The event {called(master.part)} repeats until '{quoted(rule.until)}', which is "
                "not a date; fix it in the calendar."
            )
        last, until = min(last, bound[0]), bound[1]
    earliest = (reading.span.start - length.shown - length.exact - 2 * DAY).date()
    first = start.local.date()
    if first > last:
        return
    for day in days(rule, first, last, earliest, reading.work):
        at = CalendarTime(datetime.combine(day, start.local.time()), start.clock)
        if until is None or _at(at, reading.office) <= until:
            yield day


def _within(
    event: CalendarEvent, begins: CalendarTime, length: Length, reading: Reading
) -> Iterator[Occurrence]:
    """Return an occurrence if any part of it is within the span."""
    shown = begins.local + length.shown
    # far from the span, the time zone makes no difference
    if not reading.span.start - 2 * DAY - length.exact < _plain(shown) or not (
        _plain(begins.local) < reading.span.end + 2 * DAY
    ):
        return
    reading.work.spend(1)
    start = _at(begins, reading.office)
    end = rounded(
        _at(CalendarTime(shown, begins.clock), reading.office) + length.exact, reading.office
    )
    if start < reading.span.end and max(end, start + SECOND) > reading.span.start:
        yield Occurrence(start, end, event)


def _plain(local: datetime) -> datetime:
    return Fixed().instant(local)


def _at(moment: CalendarTime, office: ZoneClock) -> datetime:
    return moment.instant(office)


def _key(moment: CalendarTime, dated: bool, reading: Reading) -> Key:  # noqa: FBT001
    """Return an instance's key: the date if it is a whole day, or else the instant."""
    if moment.clock is None:
        return moment.local.date()
    if dated and isinstance(moment.clock, Fixed):
        return moment.instant(reading.office).astimezone(reading.office.zone).date()
    return moment.local.date() if dated else moment.instant(reading.office)
