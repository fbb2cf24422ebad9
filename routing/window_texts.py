"""Parses when a layer applies: by the week, on holidays, or by date.

"fri 17:00-mon 08:00 extended by holidays", "holidays 08:00-08:00", "day before holidays 5pm-8am",
"2026-12-24 17:00 - 2026-12-26 08:00", "Dec 24 5pm - Dec 26 8am", "Thanksgiving".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from types import MappingProxyType

from routing import clocks, day_names, day_spans, turn_texts
from routing.clocks import CLOCK
from routing.model import (
    Dates,
    Days,
    DayWindow,
    ExtendedWindow,
    Holiday,
    LayerWindow,
    Monthly,
    Window,
    YearlyRange,
)

Lists = Mapping[str, tuple[Holiday, ...]]  # the office's holidays by list; "" names all of them

_HOLIDAYS = r"(?:the )?(?:([a-z][a-z0-9_-]{0,30}) )?holidays?"
_OF_HOLIDAYS = re.compile(_HOLIDAYS)
_EXTENDED = re.compile(rf"(.+?),? extended by {_HOLIDAYS}")
_BESIDE = re.compile(r"(?:the )?(day|\d{1,2} days) (before|after) (.+)")
_BEGIN = re.compile(rf"(?<![\w:/-])(?:from )?{CLOCK}{day_spans.TO}(?={CLOCK})", re.ASCII)
_THROUGH = re.compile(
    rf"(?:from )?(.+?),? (?:at )?({CLOCK}){day_spans.TO}(.+?),? (?:at )?({CLOCK})", re.ASCII
)
_DATES = re.compile(r"(.+?)(?: to | through | until | - )(.+)")
_WHOLE = (time(0), time(0))


def read_windows(text: str, holidays: Lists = MappingProxyType({})) -> tuple[LayerWindow, ...]:
    """Parse a layer's windows; a list that is not among the `holidays` has none.

    Raises ValueError with an example of a valid text, or with the two meanings of an ambiguous one.
    """
    words = clocks.normal(text)
    if found := _EXTENDED.fullmatch(words):
        try:
            weekly = turn_texts.read_weekly_turns(found[1])
        except ValueError:
            weekly = turn_texts.turn_windows(found[1])
        return tuple(ExtendedWindow(one, holidays.get(found[2] or "", ())) for one in weekly)
    if asked := lists(words):
        return tuple(_of_holidays(words, text, holidays.get(asked[0], ())))
    try:
        weekly = turn_texts.turn_windows(text)
    except ValueError as error:
        return _dated(text, words, error)
    try:
        _by_date(words)
    except ValueError:
        return weekly
    raise ValueError(f"'{text}' may be times of the day or a date; write the month as a word")


def _dated(text: str, words: str, error: ValueError) -> tuple[DayWindow, ...]:
    """Parse a text that is not a weekly window; `error` says why it is not."""
    try:
        return tuple(_by_date(words))
    except day_spans.BackwardsError as wrong:
        raise day_spans.BackwardsError(f"'{text}' is backwards: {wrong}") from wrong
    except clocks.UnknownError:
        raise ValueError(
            f"{error}; nor is it a date such as '2026-12-24 17:00 - 2026-12-26 08:00', "
            "'Dec 24 5pm - Dec 26 8am' or 'holidays 08:00-08:00'"
        ) from error
    except ValueError as wrong:
        raise ValueError(f"'{text}' is not a window: {wrong}") from wrong


def lists(text: str) -> tuple[str, ...]:
    """Return the holiday lists that a window uses; "" means all holidays."""
    words = clocks.normal(text)
    found = _EXTENDED.fullmatch(words)
    if found is not None:
        return (found[2] or "",)
    days, _ = _parted(words)
    beside = _BESIDE.fullmatch(days)
    found = _OF_HOLIDAYS.fullmatch(beside[3] if beside else days)
    return (found[1] or "",) if found else ()


def holiday_list(text: str) -> str:
    """Return the list named in "holidays" or "major holidays"; "" means all holidays."""
    found = _OF_HOLIDAYS.fullmatch(clocks.normal(text).removeprefix("every "))
    if found is None:
        raise ValueError(f"'{text}' is not a list such as 'holidays' or 'major holidays'")
    return found[1] or ""


def _of_holidays(words: str, text: str, holidays: tuple[Holiday, ...]) -> Iterator[DayWindow]:
    """Yield the windows of each holiday, or of the day before or after it."""
    days, times = _parted(words)
    beside = _BESIDE.fullmatch(days)
    shift = 0
    if beside:
        count = 1 if beside[1] == "day" else int(beside[1].split()[0])
        shift = count if beside[2] == "after" else -count
    try:
        spans = day_spans.read_spans(times) if times else (_WHOLE,)
    except ValueError as error:
        raise ValueError(
            f"'{text}' is not a window such as 'holidays 08:00-08:00' ({error})"
        ) from error
    for holiday in holidays:
        yield from (
            DayWindow(holiday.when, start, end, shift=shift, name=holiday.name)
            for start, end in spans
        )


def _by_date(words: str) -> list[DayWindow]:
    """Parse dates and yearly days with their times; UnknownError if the text is neither."""
    if found := _THROUGH.fullmatch(words):
        first, last = _one_day(found[1]), _one_day(found[3])
        if first is not None and last is not None:
            return [_through(first, found[2], last, found[4])]
    for at in (len(words), *(one.start() for one in _BEGIN.finditer(words))):
        days, times = words[:at].strip(" ,:"), words[at:]
        if days and (when := _dates(days)) is not None:
            spans = day_spans.read_spans(times) if times else (_WHOLE,)
            return [DayWindow(when, start, end, name=_name(days)) for start, end in spans]
    raise clocks.UnknownError(words)


def _name(days: str) -> str:
    """Return the name of a day that has one, such as Thanksgiving."""
    return days.title().replace("'S", "'s") if days in day_names.NAMED else ""


def _through(first: Dates, start: str, last: Dates, end: str) -> DayWindow:
    if end in {clocks.MIDNIGHT, "00:00", "0:00", "12am"} or start == clocks.MIDNIGHT:
        raise ValueError(
            "midnight may be the start or the end of that day; write 24:00 for its end"
        )
    begins = clocks.time_of_day(start)
    ends = time(0) if end == "24:00" else clocks.time_of_day(end)
    if isinstance(first, Days) and isinstance(last, Days):
        whole = datetime.combine(first.first, begins), datetime.combine(last.first, ends)
        if last.first < first.first or (end != "24:00" and whole[1] <= whole[0]):
            raise day_spans.BackwardsError(
                f"it ends ({last.first} {end}) before it begins ({first.first} {start})"
            )
        return DayWindow(Days(first.first, last.first), begins, ends, through=True)
    others = (Days, Monthly, YearlyRange)
    if isinstance(first, others) or isinstance(last, others):
        raise ValueError("write both ends with their year, or neither")  # noqa: TRY004  # a text
    if first == last and end != "24:00" and ends <= begins:
        raise day_spans.BackwardsError(f"it ends ({end}) before it begins ({start})")
    return DayWindow(YearlyRange(first, last), begins, ends, through=True)


def _dates(days: str) -> Dates | None:
    """Parse a date, a range of dates, or yearly days; None if the text is none of these."""
    one = _one_day(days)
    if one is not None:
        return one
    if (
        (found := _DATES.fullmatch(days))
        and (first := _date(found[1]))
        and (last := _date(found[2]))
    ):
        if last < first:
            raise day_spans.BackwardsError(f"it ends ({last}) before it begins ({first})")
        return Days(first, last)
    try:
        when = day_names.yearly(days)
    except ValueError:
        return None
    return None if isinstance(when, Monthly) else when


def _one_day(words: str) -> Dates | None:
    if (day := _date(words)) is not None:
        return Days(day, day)
    try:
        when = day_names.yearly(words)
    except ValueError:
        return None
    return None if isinstance(when, Monthly | YearlyRange) else when


def _date(words: str) -> date | None:
    try:
        return clocks.read_date(words)
    except ValueError:
        return None


def _parted(words: str) -> tuple[str, str]:
    """Split a text into days and the times after them; either may be empty."""
    found = _BEGIN.search(words)
    at = found.start() if found else len(words)
    return words[:at].strip(" ,:"), words[at:]


def read_holiday(text: str) -> Dates:
    """Parse a holiday: a yearly day, a date or a range of dates."""
    when = _dates(clocks.normal(text))
    if when is None:
        day_names.yearly(text)  # raises an error with an example
        raise ValueError(f"'{text}' is a day of each month, not a holiday")
    return when


def weeks_counted_from(text: str, first: date, holidays: Lists) -> tuple[LayerWindow, ...]:
    """Parse a layer's windows, counting every nth week from the day the layer begins on."""
    found = read_windows(text, holidays)
    weekly = tuple(one for one in found if isinstance(one, Window))
    if weekly:
        return turn_texts.counted_from(weekly, first)
    longer = tuple(one for one in found if isinstance(one, ExtendedWindow))
    counted = turn_texts.counted_from(tuple(one.window for one in longer), first)
    return (
        tuple(
            ExtendedWindow(*pair)
            for pair in zip(counted, (one.holidays for one in longer), strict=True)
        )
        or found
    )
