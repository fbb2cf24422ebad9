"""A simulation as one self-contained HTML page: a year's calendar and the load."""

from __future__ import annotations

import calendar
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from pbx.reports.frame import page
from routing.burden import Burden
from routing.model import Plan
from routing.simulate import Simulation
from routing.time_text import TimeText

GOLDEN_ANGLE = 137.508  # degrees; gives neighbors in the list very different colors

HEADS = ("person", "nights", "weekends", "holidays", "hours", "interruptions", "at night")


@dataclass(frozen=True)
class CalendarDay:
    """A cell of the calendar; without text it is outside the span."""

    number: int | str = ""
    kinds: str = ""
    shade: str = ""
    words: str = ""
    who: str = ""


def calendar_of(found: Simulation, plan: Plan, about: str) -> str:
    """Return the page; `about` is a sentence about the assumed load."""
    zone, times = plan.office.zone, plan.office.times
    first, last = found.start.astimezone(zone).date(), found.end.astimezone(zone).date()
    colors = {person: _color(number) for number, person in enumerate(found.load)}
    return page(
        "calendar.html",
        title=f"{plan.office.name}: on call from {times.days(first, last)}",
        night=f"{times.hour(17)} to {times.hour(8)}",
        about=f"{about} {_ends(found.outcomes)}",
        heads=HEADS,
        load=[
            {
                "name": plan.people[person].name if person in plan.people else person,
                "color": colors[person],
                "figures": _values(burden),
            }
            for person, burden in found.load.items()
        ],
        evenness=[f"{found.evenness[name]:.2f}" for name in HEADS[1:-1]],
        months=[_month(found, colors, times, *month) for month in _months(found)],
    )


def _color(number: int) -> str:
    return f"hsl({number * GOLDEN_ANGLE % 360:.0f} 60% var(--tint))"


def _values(burden: Burden) -> tuple[str, ...]:
    return (
        str(burden.nights),
        str(burden.weekends),
        str(burden.holidays),
        f"{burden.hours:.0f}",
        f"{burden.interruptions:.1f}",
        f"{burden.night_interruptions:.1f}",
    )


def _ends(outcomes: Mapping[str, float]) -> str:
    reported = (f"{calls:.0f} {name}" for name, calls in outcomes.items() if calls)
    return f"Expected calls: {', '.join(reported) or 'none'}."


def _months(found: Simulation) -> Iterator[tuple[int, int]]:
    yield from dict.fromkeys((day.year, day.month) for day in found.nights)


def _month(
    found: Simulation, colors: Mapping[str, str], times: TimeText, year: int, month: int
) -> dict[str, object]:
    weeks = calendar.Calendar().monthdatescalendar(year, month)
    return {
        "caption": f"{calendar.month_name[month]} {year}",
        "weeks": [[_day(found, colors, times, day, month) for day in week] for week in weeks],
    }


def _day(
    found: Simulation, colors: Mapping[str, str], times: TimeText, day: date, month: int
) -> CalendarDay:
    if day.month != month or day not in found.nights:
        return CalendarDay("" if day.month != month else day.day)
    who = found.nights[day]
    kinds = [*(["none"] if not who else []), *(["holiday"] if day in found.holidays else [])]
    shades = [colors[one] for one in who]
    # two people on call at once share the cell
    shade = f"linear-gradient(135deg, {', '.join(shades)})" if len(shades) > 1 else "".join(shades)
    words = ", ".join(filter(None, (" and ".join(who) or "nobody", found.holidays.get(day))))
    words = f"{times.day(day)}: {words}"
    return CalendarDay(day.day, " ".join(kinds), shade, words, " ".join(who) or "-")
