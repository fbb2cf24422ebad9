"""Bars for inline SVG: places in percent and letters in pixels, so that a phone reads them, too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, floor, log10

from pbx.reports.table import MINUTES_FROM, Cell, Chart, ReportTable, TimeCell, Unit, cell_text

TOP, FLOOR, BOTTOM = 20, 170, 192  # pixels: the highest bar's top, its foot, the labels
NARROW, WIDE = 7, 25  # labels and values that fit on a phone and on a sheet

BAR = 0.72  # of a bar's place
FEW = 10  # what is less is worth a decimal
ROUND = (1, 2, 4, 6, 8, 10)  # their halves are round, too


@dataclass(frozen=True)
class Stroke:
    """A line across the drawing, at a height in pixels."""

    kind: str
    y: float


@dataclass(frozen=True)
class Bar:
    """A bar, and what it says of itself."""

    kind: str
    x: str
    y: float
    width: str
    height: str
    title: str


@dataclass(frozen=True)
class Label:
    """A word in the drawing; a `wide` one is hidden on a phone."""

    x: str
    y: float
    anchor: str
    text: str
    wide: bool = False


@dataclass(frozen=True)
class Drawing:
    """A chart, laid out; the words come last, so that no bar or line crosses one."""

    title: str
    summary: str
    rules: list[Stroke]
    bars: list[Bar]
    dashed: Stroke | None
    texts: list[Label]


def drawings(table: ReportTable) -> list[Drawing]:
    """Lay the charts of a table out; those with nothing to draw are left out."""
    return [found for one in table.charts if (found := _drawing(table, one)) is not None]


def _drawing(table: ReportTable, one: Chart) -> Drawing | None:
    unit, cells = table.column(one.column)
    values = [float(cell) if isinstance(cell, int | float) else None for cell in cells]
    known = [value for value in values if value is not None]
    if not any(known):
        return None
    line = one.mean if one.norm is None else one.norm
    most = _rounded(max(*known, 0 if line is None else line * 1.1), unit)
    named = [row[0] for row in table.rows]
    labels = [cell_text(cell, "") for cell in named]
    heights = (most, most / 2, 0.0)
    title, dashed = one.title, None
    if line is not None:
        dashed = Stroke("mean" if one.norm is None else "norm", _y(line, most))
        title += (
            f"; dashed: {'the mean, ' if one.norm is None else ''}{cell_text(_whole(line), unit)}"
        )
    axis = [Label("-6", _y(value, most) + 4, "end", _short(value, unit)) for value in heights]
    return Drawing(
        title,
        f"{title}. The highest of {len(known)} bars is {cell_text(_whole(max(known)), unit)}, at "
        f"{labels[values.index(max(known))]}. The table below has all figures.",
        [Stroke("rule", _y(value, most)) for value in heights],
        list(_bars(labels, values, most, unit, one)),
        dashed,
        [*axis, *_labels(named), *_values(values, most, unit)],
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


def _short(value: float, unit: Unit) -> str:
    if unit == "%":
        return f"{value:.0%}"
    return (
        f"{value:.1f}"
        if unit == "" and value < FEW and value % 1
        else cell_text(round(value), unit)
    )


def _labels(named: list[Cell]) -> Iterator[Label]:
    """Write as many labels as a sheet has room for, and hide most of these on a phone."""
    step = ceil(len(named) / WIDE)
    rare = step * ceil(len(named) / step / NARROW)
    for number, cell in enumerate(named):
        if number % step == 0:
            x = _percent(number + 0.5, len(named))
            text = cell.mark if isinstance(cell, TimeCell) else cell_text(cell, "")
            yield Label(x, BOTTOM, "middle", text, wide=number % rare != 0)


def _bars(
    labels: list[str], values: list[float | None], most: float, unit: Unit, one: Chart
) -> Iterator[Bar]:
    count = len(values)
    for number, (label, value) in enumerate(zip(labels, values, strict=True)):
        if value is None:
            continue
        y = _y(value, most)
        yield Bar(
            "bar" if one.norm is None or value <= one.norm else "over",
            _percent(number + (1 - BAR) / 2, count),
            y,
            _percent(BAR, count),
            f"{FLOOR - y:.1f}",
            f"{label}: {cell_text(_whole(value), unit)}",
        )


def _values(values: list[float | None], most: float, unit: Unit) -> Iterator[Label]:
    """Write the value above each bar where there is room for all of them."""
    count = len(values)
    for number, value in enumerate(values):
        if count <= WIDE and value:
            x, y = _percent(number + 0.5, count), _y(value, most) - 4
            yield Label(x, y, "middle", _short(value, unit), wide=count > NARROW)


def _percent(places: float, count: int) -> str:
    return f"{places / count:.2%}"


def _whole(value: float) -> Cell:
    return int(value) if value == int(value) else round(value, 4)
