"""A report as one self-contained HTML page: each chart, followed by its table."""

from __future__ import annotations

from collections.abc import Iterable

from pbx.reports.charts import drawings
from pbx.reports.frame import page
from pbx.reports.table import ReportTable, cell_text


def report(title: str, about: str, tables: Iterable[ReportTable]) -> str:
    """Return the page; `about` is a sentence about the span."""
    sections = [(one, drawings(one)) for one in tables]
    return page("report.html", title=title, about=about, sections=sections, reported=cell_text)
