"""Which events of a calendar may be in a span; years of past events are skipped unread."""

from __future__ import annotations

import re
from datetime import date

from pbx.config.ics.lines import Component
from pbx.config.ics.series import Span
from routing.instants import DAY

_DATE = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?:T|$)")
_UNTIL = re.compile(r"(?i)\bUNTIL=(\d{4}-?\d\d-?\d\d(?:T|$|(?=;)))")
_MARGIN = 3 * DAY  # covers time zones and rounding


def may_matter(part: Component, span: Span, *, alone: bool) -> bool:
    """Tell whether a VEVENT may be in a span; in doubt, it may.

    If it shares its UID (not `alone`), it may replace an instance at any other time.
    """
    if not alone or part.all("RECURRENCE-ID") or part.all("RDATE"):
        return True
    begins, ends = _date(part.text("DTSTART")), _date(part.text("DTEND"))
    if begins is None:
        return True
    if begins > span.end.date() + _MARGIN:
        return False
    last = begins if "DURATION" not in _names(part) else None
    last = ends or last
    if last is None or last >= span.start.date() - _MARGIN:
        return True
    length = last - begins
    untils = [_until(one.value) for one in part.all("RRULE")]
    return any(one is None or one + length >= span.start.date() - _MARGIN for one in untils)


def _names(part: Component) -> set[str]:
    return {line.partition(":")[0].partition(";")[0].upper() for line in part.lines}


def _until(rule: str) -> date | None:
    found = _UNTIL.search(rule)
    return None if found is None else _date(found[1])


def _date(text: str) -> date | None:
    found = _DATE.match(text)
    if found is None:
        return None
    try:
        return date(*(int(one) for one in found.groups()))
    except ValueError:
        return None
