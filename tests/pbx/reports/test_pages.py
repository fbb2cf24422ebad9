"""Pages are templates: what they are filled in with is text, never HTML."""

from __future__ import annotations

import pytest
from jinja2 import UndefinedError

from pbx.reports import frame
from pbx.reports.page import report
from pbx.reports.table import Chart, ReportTable

HOSTILE = "<script>alert('a')</script>"


@pytest.mark.parametrize("cells", [((HOSTILE, 3), ("b", 4)), ((HOSTILE, HOSTILE), ("b", "no"))])
def test_what_a_value_says_is_not_run(cells: tuple[tuple[str, str | int], ...]) -> None:
    """Titles, sentences, headings, cells, bars and their labels are all escaped."""
    table = ReportTable(
        "x", HOSTILE, (("who", ""), ("figure", "")), cells, (Chart(HOSTILE, "figure"),), HOSTILE
    )
    page = report(HOSTILE, HOSTILE, [table])
    assert "<script" not in page
    assert page.count("&lt;script&gt;") >= 6


def test_a_value_that_is_missing_is_an_error() -> None:
    """A page that lacks something is not written with a hole in it."""
    with pytest.raises(UndefinedError):
        frame.page("report.html", title="A report")
