"""Bar charts for inline SVG: positions in percent and text in pixels, to be readable on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, floor, log10

from pbx.reports.table import MINUTES_FROM, Cell, Chart, ReportTable, TimeCell, Unit, cell_text

TOP, FLOOR, BOTTOM = 20, 170, 192  # pixels: top of the highest bar, foot of the bars, labels
NARROW, WIDE = 7, 25  # how many labels fit on a phone and on paper

BAR = 0.72  # width of a bar, as a share of its space
FEW = 10  # show smaller values with a decimal
ROUND = (1, 2, 4, 6, 8, 10)  # half of each is a round number, too


@dataclass(frozen=True)
class Stroke:
    """A horizontal line, at a height in pixels."""

    kind: str
    y: float


@dataclass(frozen=True)
class Bar:
    """A bar, and its description."""

    kind: str
    x: str
    y: float
    width: str
    height: str
    title: str


@dataclass(frozen=True)
class Label:
    """A text in the drawing; hidden on a phone if `wide`."""

    x: str
    y: float
    anchor: str
    text: str
    wide: bool = False


@dataclass(frozen=True)
class Drawing:
    """A chart with positions; text is drawn last, so that no bar or line covers it."""

    title: str
    summary: str
    rules: list[Stroke]
    bars: list[Bar]
    dashed: Stroke | None
    texts: list[Label]


def drawings(table: ReportTable) -> list[Drawing]:
    """Return a table's charts with positions, without empty ones."""
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
    """Round up to a maximum that is easy to read, as is its half."""
    one = {"s": 60.0 if most >= MINUTES_FROM else 1.0, "%": 0.01}.get(unit, 1.0)
    size = most / one
    power = 10.0 ** floor(log10(size))
    steps = ROUND if power != 1 else ROUND[1:]  # there are no half calls
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
    """Yield as many labels as fit on paper; most of them are hidden on a phone."""
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
    """Yield the value above each bar, if there is room for all."""
    count = len(values)
    for number, value in enumerate(values):
        if count <= WIDE and value:
            x, y = _percent(number + 0.5, count), _y(value, most) - 4
            yield Label(x, y, "middle", _short(value, unit), wide=count > NARROW)


def _percent(places: float, count: int) -> str:
    return f"{places / count:.2%}"


def _whole(value: float) -> Cell:
    return int(value) if value == int(value) else round(value, 4)
