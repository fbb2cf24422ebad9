"""A simulation as one page that stands alone: a year's calendar and the load, light and dark."""

from __future__ import annotations

import calendar
from collections.abc import Iterator, Mapping
from datetime import date
from html import escape

from pbx.reports.frame import page
from routing.burden import Burden
from routing.model import Plan
from routing.simulate import Simulation

GOLDEN_ANGLE = 137.508  # degrees; neighbors in the list get colors that are far apart

_STYLE = """
:root { --tint: 82%; }
@media (prefers-color-scheme: dark) { :root { --tint: 30%; } }
@media print { :root { --tint: 82%; } }
body { max-width: 72rem; }
.year { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: 1.5rem;
  align-items: start; }
.month { border-collapse: collapse; width: 100%; table-layout: fixed; }
.month caption { text-align: left; font-weight: 600; padding-bottom: .3rem; }
.month th { color: var(--faint); font-weight: 400; font-size: .8rem; }
.month td { border: 1px solid var(--rule); text-align: center; padding: .1rem 0; font-size: .8rem;
  height: 2.3rem; background: var(--who, none); }
.month td small { display: block; font-size: .65rem; overflow: hidden; }
.month td.none { outline: 2px solid var(--bad); outline-offset: -2px; }
.month td.holiday { text-decoration: underline 2px; font-weight: 700; }
.load { border-collapse: collapse; margin: 1.5rem 0; }
.load th, .load td { padding: .3rem .9rem .3rem 0; text-align: right;
  border-bottom: 1px solid var(--rule); }
.load th:first-child, .load td:first-child { text-align: left; }
.swatch { display: inline-block; width: 1em; height: 1em; border-radius: 3px;
  vertical-align: -.15em; margin-right: .5em; background: var(--who); }
p { color: var(--faint); }
"""


def calendar_of(found: Simulation, plan: Plan, about: str) -> str:
    """Write the page; `about` is a sentence on the load that was assumed."""
    zone = plan.office.zone
    first, last = found.start.astimezone(zone).date(), found.end.astimezone(zone).date()
    colors = {person: _color(number) for number, person in enumerate(found.load)}
    months = "\n".join(_month(found, colors, *month) for month in _months(found))
    body = f"""{_load(found, colors, plan)}
<p>{escape(about)} {_ends(found.outcomes)}</p>
<p>Each day shows who is on call in the night that begins on it, 17:00 to 08:00. Holidays are
underlined; a red frame means that nobody is on call.</p>
<div class="year">
{months}
</div>"""
    return page(f"{plan.office.name}: on call from {first} to {last}", body, _STYLE)


def _color(number: int) -> str:
    return f"hsl({number * GOLDEN_ANGLE % 360:.0f} 60% var(--tint))"


def _load(found: Simulation, colors: Mapping[str, str], plan: Plan) -> str:
    heads = ("person", "nights", "weekends", "holidays", "hours", "interruptions", "at night")
    rows = "".join(
        f'<tr><td><span class="swatch" style="--who:{colors[person]}"></span>'
        f"{escape(plan.people[person].name if person in plan.people else person)}</td>"
        + "".join(f"<td>{value}</td>" for value in _values(burden))
        + "</tr>\n"
        for person, burden in found.load.items()
    )
    even = "".join(
        f"<td>{found.evenness[name]:.2f}</td>"
        for name in ("nights", "weekends", "holidays", "hours", "interruptions")
    )
    return (
        '<table class="load">\n<tr>'
        + "".join(f"<th>{head}</th>" for head in heads)
        + f"</tr>\n{rows}<tr><td>the most, by the mean</td>{even}<td></td></tr>\n</table>"
    )


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


def _month(found: Simulation, colors: Mapping[str, str], year: int, month: int) -> str:
    weeks = "\n".join(
        "<tr>" + "".join(_day(found, colors, day, month) for day in week) + "</tr>"
        for week in calendar.Calendar().monthdatescalendar(year, month)
    )
    heads = "".join(f"<th>{name}</th>" for name in ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"))
    caption = f"{calendar.month_name[month]} {year}"
    return f'<table class="month"><caption>{caption}</caption>\n<tr>{heads}</tr>\n{weeks}</table>'


def _day(found: Simulation, colors: Mapping[str, str], day: date, month: int) -> str:
    if day.month != month or day not in found.nights:
        return "<td></td>" if day.month != month else f"<td>{day.day}</td>"
    who = found.nights[day]
    kinds = [*(["none"] if not who else []), *(["holiday"] if day in found.holidays else [])]
    shades = [colors[one] for one in who]
    # two people on call share the cell
    shade = f"linear-gradient(135deg, {', '.join(shades)})" if len(shades) > 1 else "".join(shades)
    words = ", ".join(filter(None, (" and ".join(who) or "nobody", found.holidays.get(day))))
    classes = f' class="{" ".join(kinds)}"' if kinds else ""
    style = f' style="--who:{shade}"' if shade else ""
    return (
        f'<td{classes}{style} title="{day}: {escape(words)}">{day.day}'
        f"<small>{escape(' '.join(who) or '-')}</small></td>"
    )
