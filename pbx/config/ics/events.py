"""One event of a calendar: its start, its length and how it recurs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property

from pbx.base.errors import OfficeLineError
from pbx.config.ics.clocks import Fixed, ZoneClock
from pbx.config.ics.lines import Component, Property
from pbx.config.ics.names import quoted
from pbx.config.ics.recurrence import RecurrenceRule, rule
from pbx.config.ics.times import NOTHING, TIME, YEARS, CalendarTime, Length, local_time
from routing.instants import DAY, MIDNIGHT

_DURATION = re.compile(
    r"([+-])?P(?:(\d{1,4})W)?(?:(\d{1,5})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,7})M)?(?:(\d{1,8})S)?)?"
)
_OF_THE_START = re.compile(r"(?i);?\b(BYHOUR|BYMINUTE|BYSECOND)=(\d+)(?=;|$)")
_OFTEN = re.compile(r"(?i)\b(?:SECONDLY|MINUTELY|HOURLY|BYHOUR|BYMINUTE|BYSECOND)\b")
_ZONE_ENDING = re.compile(r"([+-])(\d\d):?(\d\d)")


@dataclass(frozen=True)
class CalendarEvent:
    """The parts of a VEVENT that an import needs; `part` is the whole VEVENT."""

    part: Component
    uid: str
    start: CalendarTime
    length: Length
    instance: CalendarTime | None  # the RECURRENCE-ID
    rules: tuple[RecurrenceRule, ...]
    added: tuple[tuple[CalendarTime, Length | None], ...]  # RDATE; None: as long as the event
    left_out: tuple[CalendarTime, ...]  # EXDATE

    @property
    def age(self) -> tuple[int, str, str]:
        """Return a sort key that is greater for the newer of two versions."""
        sequence = self.part.text("SEQUENCE")
        number = int(sequence) if sequence.isdecimal() and len(sequence) < 10 else 0  # noqa: PLR2004
        stamps = (_stamp(self.part, name) for name in ("LAST-MODIFIED", "DTSTAMP"))
        return (number, *stamps)  # type: ignore[return-value]

    @property
    def is_canceled(self) -> bool:
        """Tell whether the event is canceled."""
        return self.part.text("STATUS").upper() in {"CANCELLED", "CANCELED"}

    @property
    def with_all_after(self) -> bool:
        """Tell whether it also replaces all later events of its series."""
        found = self.part.first("RECURRENCE-ID")
        return found is not None and found.parameters.get("RANGE", "").upper() == "THISANDFUTURE"


def called(part: Component) -> str:
    """Return an event's title and date, so that people can find it in their calendar."""
    start = part.first("DTSTART")
    day = None if start is None else TIME.match(start.value)
    when = f" on {day[1]}-{day[2]}-{day[3]}" if day is not None else ""
    return f"'{quoted(part.text('SUMMARY') or 'without a title')}'{when}"


def event(
    part: Component, uid: str, clock_of: Callable[[Property], ZoneClock | None]
) -> CalendarEvent:
    """Read a VEVENT; raise OfficeLineError if it is broken. `clock_of` finds a property's clock."""
    start = _only(part, "DTSTART")
    if start is None:
        raise OfficeLineError(
            f"The event {called(part)} has no start time; fix it in the calendar."
        )
    if part.all("EXRULE"):
        raise OfficeLineError(
            f"The event {called(part)} uses EXRULE, which is not supported; "
            "exclude single dates (EXDATE) instead."
        )
    reader = _Reader(part, clock_of)
    begins = reader.moment(start)
    reader = replace(reader, own=None if isinstance(begins.clock, Fixed) else begins.clock)
    instance = part.first("RECURRENCE-ID")
    # one instance of a series does not recur, even if its program copies the series' rule into it
    rules = () if instance is not None else tuple(reader.rules(begins))
    return CalendarEvent(
        part,
        uid,
        begins,
        reader.length(begins),
        None if instance is None else reader.moment(instance),
        rules,
        tuple(reader.added()),
        tuple(moment for one in part.all("EXDATE") for moment in reader.moments(one)),
    )


@dataclass(frozen=True)
class _Reader:
    """Reads the properties of one event."""

    part: Component
    clock_of: Callable[[Property], ZoneClock | None]
    own: ZoneClock | None = None  # the clock of the event's start, for times without a zone

    def moments(self, one: Property) -> Iterator[CalendarTime]:
        for text in one.value.split(","):
            if text.strip():
                yield self.moment(one, text.strip())

    def moment(self, one: Property, text: str | None = None) -> CalendarTime:
        """Read a date or a time; a zone on a date is ignored."""
        text = one.value if text is None else text
        found = TIME.fullmatch(text)
        local = None if found is None else local_time(found)
        if found is None or local is None:
            raise self.broken(one.name)
        if local.year not in YEARS:
            raise OfficeLineError(
                f"The event {called(self.part)} has a {one.name} in the year {local.year}; "
                "fix it in the calendar."
            )
        dated = one.parameters.get("VALUE", "").upper() == "DATE" or self.is_all_day
        midnight = not any(found.group(4, 5, 6)) or local.time() == MIDNIGHT
        if found[4] is None or (dated and midnight):
            return CalendarTime(local, None)
        return CalendarTime(local, self.clock(one, found[7]))

    def clock(self, one: Property, ending: str | None) -> ZoneClock:
        if ending == "Z":
            return Fixed()
        offset = None if ending is None else _ZONE_ENDING.fullmatch(ending)
        if offset is not None:
            east = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
            return Fixed(-east if offset[1] == "-" else east)
        if self.own is not None and "TZID" not in one.parameters:
            return self.own
        found = self.clock_of(one)
        if found is None:
            raise OfficeLineError(
                f"The event {called(self.part)} has the unknown time zone "
                f"'{quoted(one.parameters.get('TZID', ''))}'; use a zone such as "
                "America/New_York, or define this one with a VTIMEZONE."
            )
        return found

    @cached_property
    def is_all_day(self) -> bool:
        """Tell whether Outlook marks it as all-day; cached, as a series may exclude many days."""
        return self.part.text("X-MICROSOFT-CDO-ALLDAYEVENT").upper() == "TRUE"

    def broken(self, name: str) -> OfficeLineError:
        return OfficeLineError(
            f"Cannot read the {name} of the event {called(self.part)}; fix it in the calendar."
        )

    def length(self, begins: CalendarTime) -> Length:
        ends, duration = _only(self.part, "DTEND"), _only(self.part, "DURATION")
        if ends is not None:
            return self.until(begins, self.moment(ends))
        if duration is not None:
            return self.duration(duration.value)
        return Length(DAY if begins.clock is None else NOTHING, NOTHING)

    def until(self, begins: CalendarTime, ends: CalendarTime) -> Length:
        """Return the length from start to end; an end date equal to the start date is one day."""
        if (begins.clock is None) != (ends.clock is None):
            raise OfficeLineError(
                f"The event {called(self.part)} has only one time of day; in the calendar, give "
                "both its start and its end a time, or neither."
            )
        if begins.clock is None and begins.local == ends.local:
            return Length(DAY, NOTHING)
        alike = begins.clock == ends.clock
        shown = ends.local - begins.local if alike else NOTHING
        exact = NOTHING if alike else ends.instant(Fixed()) - begins.instant(Fixed())
        if shown + exact < NOTHING:
            raise self.backwards()
        return Length(shown, exact)

    def duration(self, text: str) -> Length:
        """Read a DURATION; days and weeks follow the clock, hours are exact (RFC 5545, 3.3.6)."""
        found = _DURATION.fullmatch(text.upper())
        if found is None or not any(found.group(2, 3, 4, 5, 6)):
            raise self.broken("DURATION")
        weeks, in_days, hours, minutes, seconds = (int(one or 0) for one in found.groups()[1:])
        if found[1] == "-":
            raise self.backwards()
        exact = timedelta(hours=hours, minutes=minutes, seconds=seconds)
        return Length(timedelta(weeks=weeks, days=in_days), exact)

    def backwards(self) -> OfficeLineError:
        return OfficeLineError(
            f"The event {called(self.part)} ends before it begins; fix it in the calendar."
        )

    def rules(self, begins: CalendarTime) -> Iterator[RecurrenceRule]:
        for one in self.part.all("RRULE"):
            own = {"BYHOUR": begins.local.hour, "BYMINUTE": begins.local.minute, "BYSECOND": 0}

            def without(found: re.Match[str], own: dict[str, int] = own) -> str:
                return "" if own[found[1].upper()] == int(found[2]) else found[0]

            try:
                yield rule(_OF_THE_START.sub(without, one.value))
            except ValueError as error:
                if not _OFTEN.search(one.value):
                    raise self.broken("RRULE") from error
                raise OfficeLineError(
                    f"The event {called(self.part)} has the recurrence '{quoted(one.value)}', "
                    "which is not supported; repeat it daily, weekly, monthly or yearly."
                ) from error

    def added(self) -> Iterator[tuple[CalendarTime, Length | None]]:
        """List the times that RDATE adds, with their length where RDATE gives one."""
        for one in self.part.all("RDATE"):
            for text in one.value.split(","):
                begin, slash, end = text.strip().partition("/")
                if not begin:
                    continue
                moment = self.moment(one, begin)
                if not slash:
                    yield moment, None
                elif end.upper().startswith(("P", "+P")):
                    yield moment, self.duration(end)
                else:
                    yield moment, self.until(moment, self.moment(one, end))


def _only(part: Component, name: str) -> Property | None:
    found = part.all(name)
    if len(found) > 1:
        raise OfficeLineError(
            f"The event {called(part)} has more than one {name}; fix it in the calendar."
        )
    return next(iter(found), None)


def _stamp(part: Component, name: str) -> str:
    """Return a property's time as text in UTC that sorts by time; "" without one."""
    return "".join(character for character in part.text(name) if character.isdigit())
