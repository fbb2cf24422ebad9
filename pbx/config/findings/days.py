"""Openings and seasons whose hours may not be what was meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import combinations
from typing import TYPE_CHECKING

from pbx.config.findings.draft import Draft
from pbx.config.findings.finding import Finding
from pbx.config.findings.lines import Path
from routing import spans, window_texts
from routing.days import runs
from routing.instants import DAY, local_day
from routing.model import OFFICE, Days, DayWindow

if TYPE_CHECKING:
    from routing.model import Dates, Opening, Season, Window
    from routing.time_text import TimeText

AHEAD = timedelta(days=2 * 366)  # how far ahead days are checked
SHOWN = 3  # dates that a sentence shows


def find(draft: Draft, now: datetime) -> Iterator[Finding]:
    """Find mistakes in openings and seasons, as of this aware instant."""
    today = local_day(now, draft.plan.office.zone)
    for number, opening in enumerate(draft.plan.openings):
        dates = _dates(opening.when, today)
        yield from _voided(draft, number, opening, dates)
        yield from _mixed(draft, number, opening, dates)
    for number, season in enumerate(draft.plan.seasons):
        if not draft.touched(("seasons", number)):
            yield from _unsaid(draft, number, season)
    yield from _overlapping(draft, today)
    yield from _over(draft, today)


def _voided(
    draft: Draft, number: int, opening: Opening, dates: frozenset[date]
) -> Iterator[Finding]:
    """Find closures that an opening overrides."""
    for closure in draft.plan.closures:
        if closure.office_hours not in {None, opening.office_hours}:
            continue
        voided = {day for day in dates if any(runs(closure.when, day, day))}
        if voided:
            yield draft.find(
                "closure-overridden",
                ("openings", number),
                f"opening '{opening.reason}'",
                f"the office is open on {_shown(voided, draft.times)} despite the closure "
                f"'{closure.reason}', because openings override closures",
                "Keep it if you want the office open. Otherwise write these hours as "
                "[[seasons]], which closures override.",
            )


def _mixed(
    draft: Draft, number: int, opening: Opening, dates: frozenset[date]
) -> Iterator[Finding]:
    """Find openings over several days that also open a normally closed weekday."""
    usual = _weekdays(_periods(draft, opening.office_hours))
    if not any(end > begin for begin, end in _runs(opening.when, dates)) or not usual:
        return
    closed = {day for day in dates if day.weekday() not in usual}
    if closed and closed != dates:
        yield draft.find(
            "opening-weekend",
            ("openings", number),
            f"opening '{opening.reason}'",
            f"the office is normally closed on {_named(closed)}, but this opening has the same "
            f"hours on each of its days and would open it on {_shown(closed, draft.times)}",
            "Write it as [[seasons]] with hours by weekday. To open one weekend, name its days.",
        )


def _unsaid(draft: Draft, number: int, season: Season) -> Iterator[Finding]:
    """Find normally open weekdays that a season does not mention."""
    said = {day for text in draft.file.seasons[number].hours for day in spans.weekdays(text)}
    missing = _weekdays(_periods(draft, season.office_hours)) - said
    if missing:
        days = spans.weekdays_text(tuple(sorted(missing)))
        yield draft.find(
            "season-weekday",
            ("seasons", number, "hours"),
            f"season '{season.reason}'",
            f"it does not mention {days}, when {_owner(season.office_hours)} normally open",
            f'Add its hours of {days}, or write {_key(days)} = "closed".',
        )


def _overlapping(draft: Draft, today: date) -> Iterator[Finding]:
    """Find two seasons of the same office hours that share a day."""
    seasons = [
        (number, one, _dates(one.when, today)) for number, one in enumerate(draft.plan.seasons)
    ]
    for (_, first, ours), (number, second, theirs) in combinations(seasons, 2):
        if first.office_hours == second.office_hours and ours & theirs:
            yield draft.find(
                "overlapping-periods",
                ("seasons", number),
                f"season '{second.reason}'",
                f"it overlaps the season '{first.reason}', whose hours apply, on "
                f"{_shown(ours & theirs, draft.times)}",
                "Let one season begin on the day after the other ends.",
            )


def _over(draft: Draft, today: date) -> Iterator[Finding]:
    """Find holidays and dates of layers that are over."""
    fix = "Delete it, or write it without a year to repeat it every year."
    for name, value in draft.file.holidays.items():
        for holiday, text in ({name: value} if isinstance(value, str) else value).items():
            path: Path = (
                ("holidays", name) if isinstance(value, str) else ("holidays", name, holiday)
            )
            if last := _last((window_texts.read_holiday(text),), today):
                where = f"holiday '{holiday}'"
                message = f"{draft.times.day(last)} is over"
                yield draft.find("closure-past", path, where, message, fix)
    for name, schedule in draft.file.schedule.items():
        own = schedule.rotation is not None
        for number, layer in enumerate(schedule.stack(), start=-own):
            at: Path = ("schedule", name) if number < 0 else ("schedule", name, "layers", number)
            for place, text in enumerate(layer.only):
                whens = [
                    one.when
                    for one in window_texts.read_windows(text)
                    if isinstance(one, DayWindow)
                ]
                if last := _last(whens, today):
                    where, message = f"schedule {name}, only", f"{draft.times.day(last)} is over"
                    yield draft.find("closure-past", (*at, "only", place), where, message, fix)


def _last(whens: Sequence[Dates], today: date) -> date | None:
    """Return the last of some dates if all of them are over."""
    lasts = [one.last for one in whens if isinstance(one, Days)]
    return max(lasts) if lasts and len(lasts) == len(whens) and max(lasts) < today else None


def _dates(when: Dates, today: date) -> frozenset[date]:
    """List the coming days, up to AHEAD; a season that is over has none."""
    return frozenset(
        begin + step * DAY
        for begin, end in runs(when, today, today + AHEAD)
        for step in range((min(end, today + AHEAD) - begin).days + 1)
        if begin + step * DAY >= today
    )


def _runs(when: Dates, dates: frozenset[date]) -> Iterator[tuple[date, date]]:
    return runs(when, min(dates), max(dates)) if dates else iter(())


def _periods(draft: Draft, office_hours: str) -> tuple[Window, ...]:
    known = draft.plan.office_hours.get(office_hours)  # an unknown name is a separate finding
    return known.periods if known is not None else ()


def _weekdays(periods: Iterable[Window]) -> set[int]:
    return {one.weekday for one in periods}


def _shown(days: Iterable[date], times: TimeText) -> str:
    """Name the first days, and say how many more there are."""
    found = sorted(days)
    names = [times.day(day) for day in found[:SHOWN]]
    more = [f"{len(found) - SHOWN} more days"] if len(found) > SHOWN else []
    *first, last = names + more
    if len(first) < 2:  # noqa: PLR2004  # a date has commas of its own
        return " and ".join(names + more)
    return f"{'; '.join(first)}; and {last}"


def _named(days: Iterable[date]) -> str:
    """Name the weekdays of some days."""
    found = sorted({day.weekday() for day in days})
    return spans.weekdays_text(tuple(found)).replace("-", " to ")


def _owner(office_hours: str) -> str:
    return "the office is" if office_hours == OFFICE else f"the office hours '{office_hours}' are"


def _key(days: str) -> str:
    return f'"{days}"' if "," in days else days
