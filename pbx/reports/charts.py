"""Bars as inline SVG: places in percent and letters in pixels, so that a phone reads them, too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from math import ceil, floor, log10

from pbx.reports.table import MINUTES_FROM, Cell, Chart, Table, Unit, reported

TOP, FLOOR, BOTTOM = 20, 170, 192  # pixels: the highest bar's top, its foot, the labels
NARROW, WIDE = 7, 25  # labels and values that fit on a phone and on a sheet
_YEAR = re.compile(r"^\d{4}-(?=\d\d-\d\d$)")  # a day's label has no room for it

BAR = 0.72  # of a bar's place
FEW = 10  # what is less is worth a decimal
ROUND = (1, 2, 4, 6, 8, 10)  # their halves are round, too

STYLE = """
figure { margin: 1rem 0; break-inside: avoid; }
figcaption { font-weight: 600; margin-bottom: .3rem; }
svg { display: block; overflow: visible; height: 196px; margin-left: 3.4rem;
  width: calc(100% - 3.4rem); }
svg text { font-size: 11px; fill: var(--faint); paint-order: stroke; stroke: var(--paper);
  stroke-width: 3px; }
svg .bar { fill: var(--bar); }
svg .over { fill: var(--norm); }
svg .rule { stroke: var(--rule); }
svg .norm { stroke: var(--norm); stroke-width: 1.5; stroke-dasharray: 6 4; }
svg .mean { stroke: var(--ink); stroke-dasharray: 6 4; }
@media (max-width: 600px) { svg .wide { display: none; } }
"""


def chart(table: Table, one: Chart) -> str:
    """Draw one chart of a table; nothing where there is nothing to draw."""
    unit, cells = table.column(one.column)
    values = [float(cell) if isinstance(cell, int | float) else None for cell in cells]
    known = [value for value in values if value is not None]
    if not any(known):
        return ""
    line = one.mean if one.norm is None else one.norm
    most = _rounded(max(*known, 0 if line is None else line * 1.1), unit)
    labels = [str(row[0]) for row in table.rows]
    drawn = [*_axis(most, unit), *_labels(labels), *_bars(labels, values, most, unit, one)]
    if line is not None:
        y = _y(line, most)
        kind = "mean" if one.norm is None else "norm"
        drawn.append(f'<line class="{kind}" x1="0" x2="100%" y1="{y}" y2="{y}"/>')
    drawn.sort(key=lambda part: part.startswith("<text"))  # no bar or line crosses a word
    title = one.title
    if line is not None:
        title += (
            f"; dashed: {'the mean, ' if one.norm is None else ''}{reported(_whole(line), unit)}"
        )
    summary = (
        f"{title}. The highest of {len(known)} bars is {reported(_whole(max(known)), unit)}, at "
        f"{labels[values.index(max(known))]}. All figures stand in the table that follows."
    )
    return (
        f"<figure><figcaption>{escape(title)}</figcaption>\n"
        f'<svg role="img" aria-label="{escape(summary)}">{"".join(drawn)}</svg></figure>'
    )


def _y(value: float, most: float) -> float:
    return round(FLOOR - (FLOOR - TOP) * value / most, 1)


def _rounded(most: float, unit: Unit) -> float:
    """Round up to a top that people read easily, and whose half they do, too."""
    one = {"s": 60.0 if most >= MINUTES_FROM else 1.0, "%": 0.01}.get(unit, 1.0)
    size = most / one
    power = 10.0 ** floor(log10(size))
    steps = ROUND if power != 1 else ROUND[1:]  # half a call is none
    return power * one * next(step for step in steps if step * power >= size - 1e-9)


def _axis(most: float, unit: Unit) -> Iterator[str]:
    for value in (most, most / 2, 0.0):
        y = _y(value, most)
        yield f'<line class="rule" x1="0" x2="100%" y1="{y}" y2="{y}"/>'
        yield f'<text x="-6" y="{y + 4}" text-anchor="end">{_short(value, unit)}</text>'


def _short(value: float, unit: Unit) -> str:
    if unit == "%":
        return f"{value:.0%}"
    return (
        f"{value:.1f}" if unit == "" and value < FEW and value % 1 else reported(round(value), unit)
    )


def _labels(labels: list[str]) -> Iterator[str]:
    """Write as many labels as a sheet has room for, and hide most of these on a phone."""
    step = ceil(len(labels) / WIDE)
    rare = step * ceil(len(labels) / step / NARROW)
    for number, label in enumerate(labels):
        if number % step == 0:
            hidden = "" if number % rare == 0 else ' class="wide"'
            short = _YEAR.sub("", label)
            x = _percent(number + 0.5, len(labels))
            yield f'<text{hidden} x="{x}" y="{BOTTOM}" text-anchor="middle">{escape(short)}</text>'


def _bars(
    labels: list[str], values: list[float | None], most: float, unit: Unit, one: Chart
) -> Iterator[str]:
    count = len(values)
    for number, (label, value) in enumerate(zip(labels, values, strict=True)):
        if value is None:
            continue
        y = _y(value, most)
        kind = "bar" if one.norm is None or value <= one.norm else "over"
        yield (
            f'<rect class="{kind}" x="{_percent(number + (1 - BAR) / 2, count)}" y="{y}" '
            f'width="{_percent(BAR, count)}" height="{FLOOR - y:.1f}">'
            f"<title>{escape(label)}: {reported(_whole(value), unit)}</title></rect>"
        )
        if count <= WIDE and value:
            hidden = "" if count <= NARROW else ' class="wide"'
            x = _percent(number + 0.5, count)
            words = _short(value, unit)
            yield f'<text{hidden} x="{x}" y="{y - 4}" text-anchor="middle">{words}</text>'


def _percent(places: float, count: int) -> str:
    return f"{places / count:.2%}"


def _whole(value: float) -> Cell:
    return int(value) if value == int(value) else round(value, 4)
