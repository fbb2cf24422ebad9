"""Whether a set of office hours is open, at an instant and over a time span.

In order of precedence: a short-notice change, an opening for the day, a closure, the season's
weekday hours, the weekday hours. An opening overrides every closure of its day; if two openings or
two seasons cover a day, the first one counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from itertools import pairwise

from routing.days import falls_on, moved
from routing.instants import DAY, MIDNIGHT, instant, local_day
from routing.model import (
    OFFICE,
    Closure,
    HoursState,
    Plan,
    Season,
    Window,
)

REACH = 60 * DAY  # how far `around` looks
SHORT_NOTICE = "changed at short notice"

Span = tuple[datetime, datetime]


@dataclass(frozen=True)
class Hours:
    """A time of one state, from `start` up to `end` (UTC); `because` may be empty."""

    start: datetime
    end: datetime
    state: HoursState
    because: str


def state_at(plan: Plan, now: datetime, office_hours: str = OFFICE) -> tuple[HoursState, str]:
    """Return open or closed at this aware instant, and a short reason."""
    state, because = _look(plan, office_hours, now.astimezone(UTC))
    if because:
        return state, because
    season = _day(plan, office_hours, local_day(now, plan.office.zone)).season
    of = f" of '{season.reason}'" if season is not None else ""
    return state, f"{plan.office.times.weekday(now)} is outside the hours{of}"


def state(plan: Plan, now: datetime, office_hours: str = OFFICE) -> HoursState:
    """Return open or closed at this aware instant, without the reason."""
    return _look(plan, office_hours, now.astimezone(UTC))[0]


def spans(
    plan: Plan, start: datetime, end: datetime, office_hours: str = OFFICE
) -> Iterator[Hours]:
    """Yield the states over [start, end) without a gap, each as long as it stays the same."""
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    edges = {edge for edge in _edges(plan, office_hours, start, end) if start < edge < end}
    current: Hours | None = None
    for begins, ends in pairwise(sorted({start, *edges, end}) if start < end else ()):
        state, because = _look(plan, office_hours, begins)
        if current is not None and (current.state, current.because) == (state, because):
            current = Hours(current.start, ends, state, because)
            continue
        if current is not None:
            yield current
        current = Hours(begins, ends, state, because)
    if current is not None:
        yield current


def around(
    plan: Plan, at: datetime, office_hours: str = OFFICE
) -> tuple[datetime | None, datetime | None]:
    """Return since when and until when (UTC) the state stays as at this aware instant.

    None means more than `REACH` away.
    """
    at = at.astimezone(UTC)
    state, _ = _look(plan, office_hours, at)
    before = [one.end for one in spans(plan, at - REACH, at, office_hours) if one.state != state]
    after = (one.start for one in spans(plan, at, at + REACH, office_hours) if one.state != state)
    return before[-1] if before else None, next(after, None)


def _look(plan: Plan, office_hours: str, at: datetime) -> tuple[HoursState, str]:
    """Return the state and its reason; both are constant between two edges."""
    changes = [
        change
        for change in plan.changes
        if change.office_hours in {None, office_hours} and change.start <= at < change.end
    ]
    if changes:
        last = max(changes, key=lambda change: change.id)
        return last.state, last.reason or SHORT_NOTICE
    today = local_day(at, plan.office.zone)
    days = (_day(plan, office_hours, today), _day(plan, office_hours, today - DAY))
    # yesterday's partial closure may last past midnight
    shut = next(
        (one for day in days for (begins, ends), one in day.partly if begins <= at < ends), None
    )
    for day in days:
        if shut is not None and not day.opened:
            continue
        for (begins, ends), label in day.periods:
            if begins <= at < ends:
                return "open", label
    closure = days[0].wholly or shut
    return "closed", closure.reason if closure is not None else ""


@dataclass(frozen=True)
class _Day:
    """The open periods of a local day, and the closures that shorten or remove them.

    An opening replaces the weekday's periods and cancels all closures.
    """

    opened: bool
    periods: tuple[tuple[Span, str], ...]
    wholly: Closure | None = None
    partly: tuple[tuple[Span, Closure], ...] = ()
    season: Season | None = None


def _day(plan: Plan, office_hours: str, day: date) -> _Day:
    """Return the periods and closures of a local day; cached for each plan."""
    key = (office_hours, day)
    found: _Day | None = plan.memo.get(key)
    if found is None:
        found = plan.memo[key] = _worked_out(plan, office_hours, day)
    return found


def _worked_out(plan: Plan, office_hours: str, day: date) -> _Day:
    for opening in plan.openings:
        if opening.office_hours == office_hours and falls_on(opening.when, day):
            return _Day(
                True, tuple((_span(day, span, plan), opening.reason) for span in opening.spans)
            )
    closures = [
        _named(one, day)
        for one in plan.closures
        if one.office_hours in {None, office_hours} and falls_on(one.when, day)
    ]
    wholly = next((one for one in closures if one.span is None), None)
    season = next(
        (
            one
            for one in plan.seasons
            if one.office_hours == office_hours and falls_on(one.when, day)
        ),
        None,
    )
    known = season or plan.office_hours.get(office_hours)
    of = f" ({season.reason})" if season is not None else ""
    return _Day(
        False,
        tuple(
            (
                _span(day, (period.start, period.end), plan),
                f"{_weekday(period, day, plan)}{of}",
            )
            for period in (known.periods if known is not None and wholly is None else ())
            if period.weekday == day.weekday()
        ),
        wholly,
        tuple((_span(day, one.span, plan), one) for one in closures if one.span is not None),
        season,
    )


def _named(closure: Closure, day: date) -> Closure:
    """Return the closure, marked as observed if the holiday itself falls on a weekend."""
    if not moved(closure.when, day):
        return closure
    return replace(closure, reason=f"{closure.reason} (observed)")


def _weekday(period: Window, day: date, plan: Plan) -> str:
    """Return the hours of a weekday as text for people."""
    times = plan.office.times
    start = times.weekday(datetime.combine(day, period.start))
    return f"{start} to {times.clock(period.end)}"


def _span(day: date, span: tuple[time, time], plan: Plan) -> Span:
    """Return local times of a day as instants; an end at or before the start is a day later."""
    zone = plan.office.zone
    start, end = span
    return instant(day, start, zone), instant(day + (end <= start) * DAY, end, zone)


def _edges(plan: Plan, office_hours: str, start: datetime, end: datetime) -> Iterator[datetime]:
    """Yield every instant at which the answer may change."""
    for change in plan.changes:
        yield from (change.start, change.end)
    zone = plan.office.zone
    day = local_day(start, zone) - DAY
    while (midnight := instant(day, MIDNIGHT, zone)) < end:
        yield midnight
        known = _day(plan, office_hours, day)
        for span, _ in (*known.periods, *known.partly):
            yield from span
        day += DAY
