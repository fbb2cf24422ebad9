"""One event of a calendar: its times, how long it is, how it recurs, as programs write them."""

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
    """What of a VEVENT is needed; `parts` gives more of it by its names."""

    part: Component
    uid: str
    start: CalendarTime
    length: Length
    instance: CalendarTime | None  # the RECURRENCE-ID
    rules: tuple[RecurrenceRule, ...]
    added: tuple[tuple[CalendarTime, Length | None], ...]  # RDATE; None is as long as the event
    left_out: tuple[CalendarTime, ...]  # EXDATE

    @property
    def age(self) -> tuple[int, str, str]:
        """Return what is greater for the newer of two versions."""
        sequence = self.part.text("SEQUENCE")
        number = int(sequence) if sequence.isdecimal() and len(sequence) < 10 else 0  # noqa: PLR2004
        stamps = (_stamp(self.part, name) for name in ("LAST-MODIFIED", "DTSTAMP"))
        return (number, *stamps)  # type: ignore[return-value]

    @property
    def is_canceled(self) -> bool:
        """Tell whether it does not take place."""
        return self.part.text("STATUS").upper() in {"CANCELLED", "CANCELED"}

    @property
    def with_all_after(self) -> bool:
        """Tell whether it stands for all later ones of its series, too."""
        found = self.part.first("RECURRENCE-ID")
        return found is not None and found.parameters.get("RANGE", "").upper() == "THISANDFUTURE"


def called(part: Component) -> str:
    """Name an event so that it can be found in its calendar."""
    start = part.first("DTSTART")
    day = None if start is None else TIME.match(start.value)
    when = f" of {day[1]}-{day[2]}-{day[3]}" if day is not None else ""
    return f"'{quoted(part.text('SUMMARY') or 'without a title')}'{when}"


def event(
    part: Component, uid: str, clock_of: Callable[[Property], ZoneClock | None]
) -> CalendarEvent:
    """Read a VEVENT; OfficeLineError for what is broken. `clock_of` finds a property's clock."""
    start = _only(part, "DTSTART")
    if start is None:
        raise OfficeLineError(f"The event {called(part)} has no start; fix it in the calendar.")
    if part.all("EXRULE"):
        raise OfficeLineError(
            f"The event {called(part)} excludes times by EXRULE, which is not read; "
            "exclude days by EXDATE."
        )
    reader = _Reader(part, clock_of)
    begins = reader.moment(start)
    reader = replace(reader, own=None if isinstance(begins.clock, Fixed) else begins.clock)
    instance = part.first("RECURRENCE-ID")
    # an instance of a series is one, even if its program copies the rule of the series into it
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
    own: ZoneClock | None = None  # of the event's start: for times that name no zone

    def moments(self, one: Property) -> Iterator[CalendarTime]:
        for text in one.value.split(","):
            if text.strip():
                yield self.moment(one, text.strip())

    def moment(self, one: Property, text: str | None = None) -> CalendarTime:
        """Read a date or time; a date is one whatever zone it names."""
        text = one.value if text is None else text
        found = TIME.fullmatch(text)
        local = None if found is None else local_time(found)
        if found is None or local is None:
            raise self.broken(one.name)
        if local.year not in YEARS:
            raise OfficeLineError(
                f"The event {called(self.part)} is of the year {local.year}; fix its {one.name}."
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
                f"The event {called(self.part)} is in the unknown time zone "
                f"'{quoted(one.parameters.get('TZID', ''))}'; name one like America/New_York, "
                "or define it by a VTIMEZONE."
            )
        return found

    @cached_property
    def is_all_day(self) -> bool:
        """Tell what Outlook says of it; once, as a series may leave out many days."""
        return self.part.text("X-MICROSOFT-CDO-ALLDAYEVENT").upper() == "TRUE"

    def broken(self, name: str) -> OfficeLineError:
        return OfficeLineError(
            f"The event {called(self.part)} has a {name} that cannot be read; "
            "fix it in the calendar."
        )

    def length(self, begins: CalendarTime) -> Length:
        ends, duration = _only(self.part, "DTEND"), _only(self.part, "DURATION")
        if ends is not None:
            return self.until(begins, self.moment(ends))
        if duration is not None:
            return self.duration(duration.value)
        return Length(DAY if begins.clock is None else NOTHING, NOTHING)

    def until(self, begins: CalendarTime, ends: CalendarTime) -> Length:
        """Measure from a start to an end; a day that ends on its own date is that day."""
        if (begins.clock is None) != (ends.clock is None):
            raise OfficeLineError(
                f"The event {called(self.part)} has a date at one end and a time at the other; "
                "give it two dates or two times in the calendar."
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
        """Days and weeks are what the clock shows; hours are exact (RFC 5545, 3.3.6)."""
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
                    f"The recurrence '{quoted(one.value)}' of the event {called(self.part)} is "
                    "none of shifts; repeat events daily, weekly, monthly or yearly."
                ) from error

    def added(self) -> Iterator[tuple[CalendarTime, Length | None]]:
        """List what RDATE adds, which may be periods with an end of their own."""
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
    """Return a time in UTC so that texts compare as times do."""
    return "".join(character for character in part.text(name) if character.isdigit())
