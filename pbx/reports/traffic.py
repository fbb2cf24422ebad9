"""Traffic over a span of days: how many called, when, and how long they waited.

A figure counts for the local day and hour in which its call began or its message was opened.
Whether the office was open comes from the plan that ran at that time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from operator import add
from typing import TYPE_CHECKING

from pbx.base.percentiles import Histogram, Spread, add_up, spread, within
from pbx.db.callers import Callers
from pbx.db.figures import Counts, measuring
from pbx.db.response_times import RESPONSES, Response, ResponseTimes, promises
from routing.follow_up import response_s
from routing.instants import DAY, MIDNIGHT, clock_hours, instant, local_day

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from routing.config_history import ConfigHistory
    from routing.model import Plan

# The norms that an office is compared with; docs/reports.md gives their sources.
ANSWER_S = 30
ABANDONED = 0.05

MOST_CALLERS = 10


@dataclass(frozen=True)
class OpenStretch:
    """A part of one local hour in which the office is either open or closed all the time."""

    start: datetime
    end: datetime
    day: date
    hour: int
    is_open: bool


@dataclass(frozen=True)
class AnswerTimes:
    """How `offered` calls in open hours were answered, and how many of them within the norm."""

    offered: int
    abandoned: int
    within: int
    waited: Spread

    @property
    def share(self) -> float | None:
        """Return the share of calls that a person answered in time; None without calls."""
        return share(self.within, self.offered)

    @property
    def lost(self) -> float | None:
        """Return the share of calls whose caller hung up; None without calls."""
        return share(self.abandoned, self.offered)


@dataclass(frozen=True)
class DayOfCalls:
    """One local day: all calls, and how those in open hours were answered."""

    day: date
    counts: Counts
    answers: AnswerTimes


@dataclass(frozen=True)
class Kept:
    """How a response time was kept: of `due` messages, `within` were in time."""

    due: int
    within: int
    pending: int
    never: int
    waited: Spread

    @property
    def share(self) -> float | None:
        """Return the share of messages that were in time; None if none was due."""
        return share(self.within, self.due)


@dataclass(frozen=True)
class Traffic:
    """The figures of the local days from `first` up to and excluding `last`.

    `hours` has 24 entries; `weekdays` has seven, from Monday, each with the number of such days.
    """

    first: date
    last: date
    total: Counts
    answers: AnswerTimes
    days: tuple[DayOfCalls, ...]
    hours: tuple[Counts, ...]
    weekdays: tuple[tuple[Counts, int], ...]
    opened: int
    spoken: int
    kept: dict[Response, Kept]
    callers: Callers
    response_s: int  # the plan's promised time to call back


def traffic(engine: Engine, past: ConfigHistory, first: date, last: date, now: datetime) -> Traffic:
    """Compute the figures of the local days [first, last)."""
    cuts = open_stretches(past, first, last)
    span = bounds(past.running, first, last)
    bins = [(cut.day - first).days if cut.is_open else -1 for cut in cuts]
    with measuring(engine) as figures:
        figures.cut(((one.start, one.end), bin_) for one, bin_ in zip(cuts, bins, strict=True))
        counted, waited = figures.counts(), figures.answers()
        callers = figures.callers(span, MOST_CALLERS)
    counts = [counted.get(place, Counts()) for place in range(len(cuts))]
    days = [first + number * DAY for number in range((last - first).days)]
    by_day = _sums(counts, [(cut.day - first).days for cut in cuts], len(days))
    in_open = _sums(counts, bins, len(days))
    today = local_day(now, past.running.office.zone)  # the future must not count in averages
    limit_s = response_s(past.running)
    reported = promises(engine, span, now - timedelta(seconds=limit_s))
    weekdays = _sums(by_day, [day.weekday() for day in days], 7)
    return Traffic(
        first,
        last,
        _total(counts),
        _answers(_total(in_open), add_up(waited.values())),
        tuple(
            DayOfCalls(day, by_day[number], _answers(in_open[number], waited.get(number, {})))
            for number, day in enumerate(days)
        ),
        tuple(_sums(counts, [cut.hour for cut in cuts], 24)),
        tuple(
            (one, sum(day.weekday() == number and day <= today for day in days))
            for number, one in enumerate(weekdays)
        ),
        reported.opened,
        reported.spoken,
        {act: kept_within(reported, act, limit_s) for act in RESPONSES},
        callers,
        limit_s,
    )


def bounds(plan: Plan, first: date, last: date) -> tuple[datetime, datetime]:
    """Return the times at which the local days [first, last) begin and end."""
    zone = plan.office.zone
    return instant(first, MIDNIGHT, zone), instant(last, MIDNIGHT, zone)


def open_stretches(past: ConfigHistory, first: date, last: date) -> list[OpenStretch]:
    """Split local days at each full hour and each change between open and closed.

    At a clock change, a repeated hour counts as one hour, and a skipped one does not exist.
    """
    zone = past.running.office.zone
    start, end = bounds(past.running, first, last)
    states = {one.start: one.state for one in past.hours(start, end)}
    strikes = set(clock_hours(zone, start, end))
    found: list[OpenStretch] = []
    local, state = start.astimezone(zone), states.get(start)
    for begins, ends in pairwise(sorted({*strikes, *states, end})):
        state = states.get(begins, state)
        if begins in strikes:
            local = begins.astimezone(zone)
        found.append(OpenStretch(begins, ends, local.date(), local.hour, state == "open"))
    return found


def kept_within(
    reported: ResponseTimes, act: Response, limit_s: int, person: str | None = None
) -> Kept:
    """Compare the waiting times for an act with the limit, for one person if given."""
    waited = reported.waited[act]
    if person is not None:
        mine = waited.by.get(person, {})
        return _kept(mine, 0, 0, limit_s)
    return _kept(add_up(waited.by.values()), waited.pending, waited.never, limit_s)


def share(part: int, whole: int) -> float | None:
    """Return part / whole to four decimals; None if `whole` is 0."""
    return round(part / whole, 4) if whole else None


def _kept(found: Histogram, pending: int, never: int, limit_s: int) -> Kept:
    done = sum(found.values())
    return Kept(done + never, within(found, limit_s), pending, never, spread(found))


def _answers(counts: Counts, found: Histogram) -> AnswerTimes:
    return AnswerTimes(counts.offered, counts.abandoned, within(found, ANSWER_S), spread(found))


def _total(counts: Sequence[Counts]) -> Counts:
    return _sums(counts, [0] * len(counts), 1)[0]


def _sums(counts: Iterable[Counts], places: Sequence[int], size: int) -> list[Counts]:
    """Sum up the counts by index; skip index -1."""
    found = [[0] * len(Counts._fields) for _ in range(size)]
    for one, place in zip(counts, places, strict=True):
        if place >= 0:
            found[place] = list(map(add, found[place], one))
    return [Counts(*one) for one in found]
