"""A calendar whose shifts repeat for ever is refused, unless somebody says where it is cut."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import time_machine
from typer.testing import CliRunner

from pbx.base.errors import OfficeLineError
from pbx.cli.oncall import oncall
from pbx.cli.shared.context import Context

EXAMPLE = (Path(__file__).parents[3] / "config" / "office.toml").read_text(encoding="utf-8")
CALENDAR = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//EN
BEGIN:VEVENT
UID:1
DTSTAMP:20260101T000000Z
DTSTART:20300107T130000Z
DTEND:20300107T140000Z
RRULE:FREQ=WEEKLY{end}
SUMMARY:lee
END:VEVENT
END:VCALENDAR
"""


@pytest.fixture
def place(tmp_path: Path) -> Context:
    """Make a place with the example's file."""
    (tmp_path / "office.toml").write_text(EXAMPLE, encoding="utf-8")
    return Context(tmp_path / "office.toml", tmp_path / "home")


@pytest.mark.parametrize(
    ("end", "span", "fits"),
    [
        ("", (), False),
        ("", ("--to", "2030-02-01"), True),
        (";UNTIL=20300131T000000Z", (), True),
        (";COUNT=3", (), True),
    ],
)
def test_an_endless_recurrence(
    *, place: Context, tmp_path: Path, end: str, span: tuple[str, ...], fits: bool
) -> None:
    """Refused with the way out, and nothing is half-imported."""
    file = tmp_path / "oncall.ics"
    file.write_text(CALENDAR.format(end=end).replace("\n", "\r\n"), encoding="utf-8")
    words = ["import", str(file), "--schedule", "doctors", *span]
    with time_machine.travel(datetime(2030, 1, 1, tzinfo=UTC), tick=False):
        done = CliRunner().invoke(oncall.app, words, obj=place)
    if fits:
        assert done.exit_code == 0, done.exception
        assert "shifts" in done.stdout
        return
    assert isinstance(done.exception, OfficeLineError)
    assert "repeats without an end" in str(done.exception)
    assert "--to" in str(done.exception)
    assert place.config.read_text(encoding="utf-8") == EXAMPLE
