"""A report as one page that stands alone: each chart with the table of its figures behind it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from pbx.reports import charts
from pbx.reports.frame import page
from pbx.reports.table import Cell, Columns, Table, reported

_STYLE = f"""{charts.STYLE}
body {{ max-width: 64rem; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; }}
th, td {{ text-align: right; padding: .25rem 0 .25rem 1rem; border-bottom: 1px solid var(--rule);
  vertical-align: top; white-space: nowrap; }}
th:first-child, td:first-child {{ text-align: left; padding-left: 0; white-space: normal;
  min-width: 6.5rem; }}
tbody th {{ color: var(--ink); }}
.word {{ text-align: left; }}
summary {{ cursor: pointer; color: var(--faint); padding: .3rem 0; }}
@media (max-width: 600px) {{ th, td {{ padding-left: .6rem; font-size: .85rem; }} }}
@media print {{ th, td {{ padding-left: .6rem; }}
  summary {{ display: none; }} h2 {{ break-after: avoid; }}
  details::details-content {{ display: block; content-visibility: visible; height: auto; }} }}
"""


def report(title: str, about: str, tables: Iterable[Table]) -> str:
    """Write the page; `about` is a sentence on the span."""
    body = "\n".join(_section(one) for one in tables)
    return page(title, f'<p class="faint">{escape(about)}</p>\n{body}', _STYLE)


def _section(one: Table) -> str:
    drawn = "".join(charts.chart(one, each) for each in one.charts)
    about = f"<p>{escape(one.about)}</p>" if one.about else ""
    figures = _table(one) if one.rows else "<p>Nothing.</p>"
    if drawn:
        figures = f"<details><summary>Figures</summary>{figures}</details>"
    return f"<section><h2>{escape(one.title)}</h2>\n{about}{drawn}{figures}</section>"


def _table(one: Table) -> str:
    wordy = {place for row in one.rows for place, cell in enumerate(row) if isinstance(cell, str)}
    left = [' class="word"' if place in wordy else "" for place in range(len(one.columns))]
    heads = "".join(
        f'<th scope="col"{kind}>{escape(name)}</th>'
        for (name, _), kind in zip(one.columns, left, strict=True)
    )
    rows = "".join(f"<tr>{''.join(_cells(row, one.columns, left))}</tr>\n" for row in one.rows)
    label = escape(one.title)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{label}"><table>'
        f"<thead><tr>{heads}</tr></thead>\n<tbody>{rows}</tbody></table></div>"
    )


def _cells(row: tuple[Cell, ...], columns: Columns, left: list[str]) -> Iterator[str]:
    yield f'<th scope="row">{escape(reported(row[0], ""))}</th>'
    for cell, (_, unit), kind in zip(row[1:], columns[1:], left[1:], strict=True):
        marked = ' class="word bad"' if cell == "no" else kind
        yield f"<td{marked}>{escape(reported(cell, unit))}</td>"
