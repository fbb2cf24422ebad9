"""Days of each year and month as an office writes them: "July 4 observed", "first monday"."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

from routing import clocks
from routing.clocks import MONTHS, WEEKDAYS
from routing.model import Dates, DayOfYear, Days, Easter, Monthly, Yearly, YearlyRange
from routing.model import YearlyWeekday as OfMonth

NTH = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}
LONGEST_SHIFT = 60  # how many days before or after a named day a file may refer to
# Names that people in the US use for days of the year. Being listed here closes nothing.
NAMED: dict[str, DayOfYear] = {
    "new years day": Yearly(1, 1),
    "martin luther king jr day": OfMonth(1, 0, 3),
    "martin luther king day": OfMonth(1, 0, 3),
    "mlk day": OfMonth(1, 0, 3),
    "presidents day": OfMonth(2, 0, 3),
    "washingtons birthday": OfMonth(2, 0, 3),
    "good friday": Easter(-2),
    "easter": Easter(),
    "easter sunday": Easter(),
    "easter monday": Easter(1),
    "memorial day": OfMonth(5, 0, -1),
    "juneteenth": Yearly(6, 19),
    "independence day": Yearly(7, 4),
    "labor day": OfMonth(9, 0, 1),
    "columbus day": OfMonth(10, 0, 2),
    "indigenous peoples day": OfMonth(10, 0, 2),
    "veterans day": Yearly(11, 11),
    "thanksgiving": OfMonth(11, 3, 4),
    "thanksgiving day": OfMonth(11, 3, 4),
    "black friday": OfMonth(11, 3, 4, 1),
    "christmas eve": Yearly(12, 24),
    "christmas": Yearly(12, 25),
    "christmas day": Yearly(12, 25),
    "new years eve": Yearly(12, 31),
}

_ORDINAL = r"(?:first|second|third|fourth|last|1st|2nd|3rd|4th)"
_NTH = re.compile(rf"({_ORDINAL}) ([a-z]+\.?) (?:of|in) ([a-z]+\.?)")
_MONTHLY = r"(?: (?:of|in) (?:each|every|the|a) month| each month| every month| monthly)"
_NTH_MONTHLY = re.compile(rf"({_ORDINAL}(?:(?:, | and |, and | & ){_ORDINAL})*) (.+?){_MONTHLY}?")
_DATE_MONTHLY = re.compile(rf"(\d\d?)(?:st|nd|rd|th){_MONTHLY}")
_RANGE = re.compile(r"(.+?)(?: to | through | until | - )(.+)")
_SLASH_RANGE = re.compile(r"(\d\d?/\d\d?)-(\d\d?/\d\d?)")
_MONTH_RANGE = re.compile(r"([a-z]+\.? )(\d\d?)-(\d\d?)")
_SHIFTED = re.compile(r"(?:(\d{1,2}) days?|(?:the )?day) (before|after) (.+)")
_OBSERVED = re.compile(r"(.+?),? \(?observed\)?")


def yearly(text: str) -> DayOfYear | Monthly | YearlyRange:
    """Parse a day that recurs each year or month, or a range that recurs each year.

    "12-25", "July 4 observed", "last mon of may", "good friday", "day after thanksgiving", "first
    monday of each month", "12-24 to 01-01". Raises ValueError with an example of a valid text.
    """
    words = clocks.normal(text).removeprefix("every ").removeprefix("each ").removeprefix("the ")
    try:
        return _monthly(words) or _range(words) or _day(words)
    except ValueError as error:
        raise ValueError(
            f"'{text}' is not a day such as '12-25', 'July 4 observed', 'last mon of may', "
            f"'day after thanksgiving', 'first mon of each month' or '12-24 to 01-01'{_why(error)}"
        ) from error


def _why(error: ValueError) -> str:
    """Return a more helpful text than Python's own message, where there is one."""
    return f" ({error})" if isinstance(error, _SaidError) else ""


class _SaidError(ValueError):
    """A day is invalid; the message is written for the person who typed it."""


def _monthly(words: str) -> Monthly | None:
    if (found := _DATE_MONTHLY.fullmatch(words)) and 1 <= int(found[1]) <= 31:  # noqa: PLR2004  # days
        return Monthly(None, (int(found[1]),))
    if not (found := _NTH_MONTHLY.fullmatch(words)):
        return None
    weekday = None if found[2] == "day" else clocks.weekday(found[2])
    if weekday is None and found[2] != "day":
        return None
    if weekday is None and not re.search(_MONTHLY, words):
        return None  # "last day" alone may be a year's
    return Monthly(weekday, tuple(_number(one) for one in re.findall(_ORDINAL, found[1])))


def _number(word: str) -> int:
    return NTH.get(word) or int(word[0])


def _range(words: str) -> YearlyRange | None:
    if found := _MONTH_RANGE.fullmatch(words):
        return YearlyRange(_day(found[1] + found[2]), _day(found[1] + found[3]))
    found = _SLASH_RANGE.fullmatch(words) or _RANGE.fullmatch(words)
    if not found:
        return None
    ends = [_day(one.removeprefix("the ")) for one in found.groups()]
    if any(isinstance(one, Yearly) and one.observed for one in ends):
        raise _SaidError("the ends of a range are the days themselves: leave 'observed' out")
    return YearlyRange(*ends)


def _day(words: str) -> DayOfYear:
    if found := _OBSERVED.fullmatch(words):
        day = _day(found[1])
        if not isinstance(day, Yearly):
            raise _SaidError("it is the same weekday each year: leave 'observed' out")
        return replace(day, observed=True)
    if found := _SHIFTED.fullmatch(words):
        return _shifted(int(found[1] or 1), found[2], _day(found[3].removeprefix("the ")))
    if named := NAMED.get(re.sub(r"[.'\u2019]", "", words)):
        return named
    if found := _NTH.fullmatch(words):
        weekday, month = clocks.weekday(found[2]), clocks.month(found[3].rstrip("."))
        if weekday is not None and month is not None:
            return OfMonth(month, weekday, _number(found[1]))
    if known := clocks.month_and_day(words):
        return _of_a_leap_year(date(2024, *known))
    return _of_a_leap_year(date.fromisoformat(f"2024-{words}"))


def _shifted(count: int, side: str, day: DayOfYear) -> DayOfYear:
    if isinstance(day, Yearly) and day.observed:
        raise _SaidError("days are counted from the day itself: write 'observed' at the end")
    shift = day.shift + (count if side == "after" else -count)
    if abs(shift) > LONGEST_SHIFT:
        raise _SaidError(f"{LONGEST_SHIFT} days are counted at most")
    return replace(day, shift=shift)


def _of_a_leap_year(day: date) -> Yearly:
    return Yearly(day.month, day.day)


def days_text(when: Dates) -> str:
    """Return the days in the notation of office.toml."""
    match when:
        case Days(first=first, last=last):
            return f"{first}" if first == last else f"{first} to {last}"
        case YearlyRange(first=begins, last=ends):
            return f"{_day_text(begins)} to {_day_text(ends)}"
        case Monthly(weekday=None, nth=(number, *_)) if number > 0:
            return f"{number}{_ending(number)} of each month"
        case Monthly(weekday=weekday, nth=nth):
            named = "day" if weekday is None else WEEKDAYS[weekday]
            return f"{' and '.join(_word(one) for one in nth)} {named} of each month"
        case _:
            return _day_text(when)


def _day_text(when: DayOfYear) -> str:
    match when:
        case Easter(shift=shift):
            return {-2: "good friday", 1: "easter monday"}.get(shift) or _counted(shift, "easter")
        case Yearly(month=month, day=day, shift=shift, observed=observed):
            return _counted(shift, f"{month:02}-{day:02}") + " observed" * observed
        case OfMonth(month=month, weekday=weekday, nth=number, shift=shift):
            words = f"{_word(number)} {WEEKDAYS[weekday]} of {MONTHS[month - 1]}"
            return _counted(shift, words)


def _word(number: int) -> str:
    return next(word for word, known in NTH.items() if known == number)


def _ending(number: int) -> str:
    teens = 10 < number % 100 < 20  # noqa: PLR2004  # eleventh to nineteenth
    return "th" if teens else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


def _counted(shift: int, day: str) -> str:
    if not shift:
        return day
    count = f"{abs(shift)} days" if abs(shift) > 1 else "day"
    return f"{count} {'after' if shift > 0 else 'before'} {day}"
