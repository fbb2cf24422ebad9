"""Hours that overlap, days that are over, and schedules with gaps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import combinations
from typing import TYPE_CHECKING

from pbx.config.findings.away import all_there
from pbx.config.findings.draft import Draft
from pbx.config.findings.finding import Finding
from pbx.config.findings.lines import Path
from routing import day_spans, schedule, spans, turn_texts
from routing.instants import local_day
from routing.model import MonthDay

if TYPE_CHECKING:
    from pbx.config.schema_days import DaysTable
    from routing.model import Window

AHEAD = timedelta(days=90)  # how far ahead schedules are checked for gaps
DAY_MINUTES, WEEK_MINUTES = 1440, 10080

HANDOFFS = {"week": (int, "mon 08:00"), "month": (MonthDay, "1st 08:00")}

Entry = tuple[Path, str, int]  # its place, its text, and the minutes of the week that it covers


def find(draft: Draft, now: datetime) -> Iterator[Finding]:
    """Find mistakes in hours, closures and schedules, as of this aware instant."""
    for table, name in (
        ("hours", ""),
        *(("office_hours", name) for name in draft.file.office_hours),
    ):
        at: Path = (table, name) if name else (table,)
        hours = draft.file.office_hours[name] if name else draft.file.hours
        where = f"office hours {name}" if name else "hours"
        yield from _overlaps(draft, _entries(at, hours), where)
        for days, texts in hours.items():
            yield from _swapped(draft, (*at, days), texts, where)
    for number, opening in enumerate(draft.file.openings):
        at = ("openings", number, "hours")
        daily: list[Entry] = [
            ((*at, place), text, minutes_of_week(spans.weekly_windows(f"mon {text}")))
            for place, text in enumerate(opening.hours)
        ]
        yield from _overlaps(draft, daily, f"opening '{opening.reason}'")
        yield from _swapped(draft, at, opening.hours, f"opening '{opening.reason}'")
    for number, closure in enumerate(draft.file.closures):
        if closure.between is not None:
            at = ("closures", number, "between")
            yield from _swapped(draft, at, [closure.between], f"closure '{closure.title}'")
    for number, season in enumerate(draft.file.seasons):
        at, where = ("seasons", number, "hours"), f"season '{season.reason}'"
        yield from _overlaps(draft, _entries(at, season.hours), where)
        for days, texts in season.hours.items():
            yield from _swapped(draft, (*at, days), texts, where)
    yield from _past(draft, local_day(now, draft.plan.office.zone))
    yield from _shifts(draft)
    yield from _handoffs(draft)
    if draft.whole("schedule", "office"):
        yield from _gaps(draft, now)


def minutes_of_week(windows: Sequence[Window]) -> int:
    """Return the minutes of a week that windows cover, as the bits of a number."""
    covered = 0
    for window in windows:
        start = window.weekday * DAY_MINUTES + window.start.hour * 60 + window.start.minute
        end = window.until * DAY_MINUTES + window.end.hour * 60 + window.end.minute
        length = (end - start) % WEEK_MINUTES or WEEK_MINUTES
        bits = ((1 << length) - 1) << start
        covered |= bits & ((1 << WEEK_MINUTES) - 1) | bits >> WEEK_MINUTES
    return covered


def _entries(at: Path, hours: dict[str, list[str]]) -> list[Entry]:
    return [
        (
            (*at, days, number),
            f"{days} {text}",
            minutes_of_week(spans.weekly_windows(f"{days} {text}")),
        )
        for days, texts in hours.items()
        for number, text in enumerate(texts)
    ]


def _overlaps(draft: Draft, entries: list[Entry], where: str) -> Iterator[Finding]:
    for (_, first, one), (path, second, other) in combinations(entries, 2):
        if one & other:
            message = f"'{second}' overlaps '{first}'"
            fix = "Let one begin where the other ends, or merge them."
            yield draft.find("overlapping-periods", path, where, message, fix)


def _swapped(draft: Draft, at: Path, texts: list[str], where: str) -> Iterator[Finding]:
    """Find hours over midnight that were probably meant as daytime hours."""
    for number, text in enumerate(texts):
        for start, end in day_spans.read_spans(text):
            if meant := day_spans.probably(start, end):
                message = f"'{text}' goes through the night; you probably mean '{meant}'"
                fix = (
                    f"Write '{meant}'. If you mean the night, write two periods: "
                    f"'{start:%H:%M}-24:00' and '00:00-{end:%H:%M}'."
                )
                yield draft.find("swapped-hours", (*at, number), where, message, fix)


def _past(draft: Draft, today: date) -> Iterator[Finding]:
    tables: tuple[tuple[str, Sequence[DaysTable]], ...] = (
        ("closures", draft.file.closures),
        ("openings", draft.file.openings),
        ("seasons", draft.file.seasons),
    )
    for table, entries in tables:
        for number, entry in enumerate(entries):
            last = entry.on or entry.to
            if last is not None and last < today:
                yield draft.find(
                    "closure-past",
                    (table, number),
                    f"{table.removesuffix('s')} '{entry.reason}'",
                    f"{draft.times.day(last)} is over",
                    "Delete it, or write the next date. With 'every' it repeats each year.",
                )


def _shifts(draft: Draft) -> Iterator[Finding]:
    for name, table in draft.file.schedule.items():
        for (_, one), (number, other) in combinations(enumerate(table.shifts), 2):
            read = spans.local_datetime
            if one.place != other.place or one.place == "beside":
                continue
            if read(one.from_) < read(other.to) and read(other.from_) < read(one.to):
                yield draft.find(
                    "overlapping-periods",
                    ("schedule", name, "shifts", number),
                    f"schedule {name}",
                    f"the shift of {other.person} from {other.from_} overlaps that of {one.person}",
                    "Let one begin where the other ends. Until then, the first one applies.",
                )


def _handoffs(draft: Draft) -> Iterator[Finding]:
    for name, table in draft.file.schedule.items():
        own = table.rotation is not None  # the table's own rotation is the lowest layer
        for number, layer in enumerate(table.stack(), start=-own):
            if layer.handoff is None:
                continue
            day, _ = turn_texts.read_turn_handoff(layer.handoff)
            unit = layer.every.split()[1].removesuffix("s")
            wanted, written = HANDOFFS.get(unit, (type(None), "08:00"))
            if isinstance(day, wanted):
                continue
            at: Path = ("schedule", name) if number < 0 else ("schedule", name, "layers", number)
            message = (
                f"turns by {unit}s need a day of handoff; without it, the day of 'since' "
                f"({layer.since}) is used"
                if day is None
                else f"the day in '{layer.handoff}' has no effect on turns of {layer.every}"
            )
            fix = f"Write it as '{written}'."
            yield draft.find("handoff-day", (*at, "handoff"), f"schedule {name}", message, fix)


def _gaps(draft: Draft, now: datetime) -> Iterator[Finding]:
    times = draft.times
    for name in draft.plan.schedules:
        gaps = list(schedule.coverage_gaps_of(all_there(draft.plan), name, now, now + AHEAD))
        if gaps:
            more = f" (and at {len(gaps) - 1} other times)" if len(gaps) > 1 else ""
            yield draft.find(
                "schedule-gap",
                ("schedule", name),
                f"schedule {name}",
                f"nobody is on call from {times.span(gaps[0].start, gaps[0].end)}"
                f"{more} in the next {AHEAD.days} days",
                "Add a shift, or let a layer cover that time.",
            )
