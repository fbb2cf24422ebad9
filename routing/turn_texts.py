"""Parses when a layer applies and hands over: "first weekend", "every other fri".

`routing.spans` parses texts about every week.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, time
from itertools import pairwise

from routing import clocks, spans
from routing.instants import DAY
from routing.model import MonthDay, Window

NTH = {
    "first": 1, "1st": 1, "second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4,
    "last": -1,
}  # fmt: skip
EVERY = {"other": 2, "second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4}
WORKDAYS = tuple(range(5))
LAST_DATE = 31

_OF_MONTH = r"(?: (?:of|in) (?:the|each|every|a) month)?"
_NTH_WORD = "|".join(NTH)
_MONTHLY = re.compile(
    rf"(?:the )?((?:{_NTH_WORD})(?:(?:, | and |, and | & )(?:{_NTH_WORD}))*) (.+?){_OF_MONTH}"
)
_ALTERNATE = re.compile(rf"every ({'|'.join(EVERY)}) (?:week )?(.+)")
_WEEKEND = re.compile(r"weekends?\b")
_HANDOFF = re.compile(
    rf"(?:(?:day )?(\d{{1,2}})(?:st|nd|rd|th)?|(?:the )?({_NTH_WORD}) ([a-z]+)){_OF_MONTH}"
    rf",? (?:at )?({clocks.CLOCK})",
    re.ASCII,
)
_BARE = re.compile(r"\d{1,2}(?::\d\d)? ?(?:am|pm)?")


def turn_windows(text: str) -> tuple[Window, ...]:
    """Parse windows of every week, of some weeks of a month, or of every 2nd, 3rd or 4th week.

    "first weekend", "second and fourth sat 08:00-20:00", "every other fri 17:00-mon 08:00". Windows
    of every nth week have no `origin` yet; see `counted_from`. Raises ValueError with an example of
    a valid text.
    """
    words = clocks.normal(text)
    monthly, alternate = _MONTHLY.fullmatch(words), _ALTERNATE.fullmatch(words)
    if monthly is None and alternate is None:
        return spans.weekly_windows(text)
    try:
        if alternate is not None:
            found = read_weekly_turns(alternate[2])
            return tuple(replace(one, weeks=EVERY[alternate[1]]) for one in found)
        assert monthly is not None  # noqa: S101  # one of the two matched
        nth = tuple(NTH[word] for word in re.findall(_NTH_WORD, monthly[1]))
        found = read_weekly_turns(monthly[2])
    except ValueError as error:
        raise ValueError(
            f"'{text}' is not a window such as 'first weekend', 'second fri 17:00-mon 08:00' or "
            f"'every other weekend' ({error})"
        ) from error
    if len(found) > 1:
        raise ValueError(
            f"'{text}' may be counted by each of its days; write it as one span, such as "
            "'first fri 17:00-mon 08:00', or each day on its own"
        )
    return tuple(replace(one, nth=nth) for one in found)


def read_weekly_turns(words: str) -> tuple[Window, ...]:
    """Parse windows of every week; consecutive whole days become one window."""
    words = _WEEKEND.sub("sat-sun", words)
    found = spans.weekly_windows(words)
    midnight = time(0)
    if all((one.start, one.end) == (midnight, midnight) for one in found) and all(
        one.until == other.weekday for one, other in pairwise(found)
    ):
        return (replace(found[0], until=found[-1].until),)
    return found


def counted_from(found: tuple[Window, ...], first: date) -> tuple[Window, ...]:
    """Return windows of every nth week counted from the first one on or after this day.

    The windows must come from one text, because all are counted together with the first.
    """
    if not found or found[0].weeks == 1:
        return found
    begin = first + (found[0].weekday - first.weekday()) % 7 * DAY
    return tuple(
        replace(one, origin=begin + (one.weekday - begin.weekday()) % 7 * DAY) for one in found
    )


def read_turn_handoff(text: str) -> tuple[int | MonthDay | None, time]:
    """Parse "mon 08:00", "8am", "15th 08:00", "last day 17:00" or "first mon 8am".

    Returns a weekday, a day of the month or None, and the time of day.
    """
    words = clocks.normal(text)
    match = None if _BARE.fullmatch(words) else _HANDOFF.fullmatch(words)
    if match is None:
        return spans.read_handoff(text)
    try:
        return _month_day(match), clocks.time_of_day(match[4])
    except ValueError as error:
        raise ValueError(
            f"'{text}' is not a handoff such as '1st 08:00', 'last day 17:00' or 'first mon "
            f"08:00': {error}"
        ) from error


def _month_day(match: re.Match[str]) -> MonthDay:
    if match[1]:
        if not 1 <= int(match[1]) <= LAST_DATE:
            raise ValueError(f"a month has no day {match[1]}")
        return MonthDay(int(match[1]))
    nth, word = NTH[match[2]], match[3]
    if word == "day":
        return MonthDay(nth)
    if word in {"weekday", "workday"}:
        return MonthDay(nth, WORKDAYS)
    weekday = clocks.weekday(word)
    if weekday is None:
        raise ValueError(f"'{word}' is not a weekday")
    return MonthDay(nth, (weekday,))
