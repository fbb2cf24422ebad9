"""A report as one page that stands alone: each chart with the table of its figures behind it."""

from __future__ import annotations

from collections.abc import Iterable

from pbx.reports.charts import drawings
from pbx.reports.frame import page
from pbx.reports.table import ReportTable, cell_text


def report(title: str, about: str, tables: Iterable[ReportTable]) -> str:
    """Write the page; `about` is a sentence on the span."""
    sections = [(one, drawings(one)) for one in tables]
    return page("report.html", title=title, about=about, sections=sections, reported=cell_text)
