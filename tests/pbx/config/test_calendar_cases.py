"""Calendars as real programs write them, each with what is right: the week of 7 December 2026."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pbx.base.errors import OfficeLineError
from pbx.config import plan as plan_files
from pbx.config.ics.reader import read
from pbx.config.ics.whose import Whose

ROOT = Path(__file__).parents[3]
PLAN = plan_files.load(ROOT / "config" / "office.toml").plan
FOLDER = Path(__file__).parent / "calendars"
START = datetime(2026, 11, 28, 5, tzinfo=UTC)
END = START + timedelta(days=365)
WEEK = "lee 12-07 08:00 12-14 08:00"
NIGHT = "lee 12-07 17:00 12-08 08:00"
NIGHTS = f"{NIGHT}, lee 12-21 17:00 12-22 08:00"  # but for the 14th
CASES = {
    "g01-google-single-no-to": WEEK,
    "g02-google-single-to": WEEK,
    "g03-google-weekly-exdate-override": f"{NIGHT}, lee 12-22 17:00 12-23 08:00, "
    "lee 12-28 17:00 12-29 08:00, lee 01-04 17:00 01-05 08:00",
    "g04-google-override-other-person": f"{NIGHT}, osei 12-14 17:00 12-15 08:00, "
    "lee 12-21 17:00 12-22 08:00",
    "g05-all-day-week": "lee 12-07 00:00 12-14 00:00",
    "g06-all-day-1": "lee 12-07 00:00 12-08 00:00",
    "g07-floating": WEEK,
    "g08-x-wr-timezone-floating": "lee 12-07 09:00 12-14 09:00",
    "g10-status-canceled": "osei 12-14 08:00 12-21 08:00",
    "g11-canceled-instance": NIGHTS,
    "google-tz-single": WEEK,
    "o01-windows-zone": WEEK,
    "o02-windows-zone-no-vtz": WEEK,
    "o03-quoted-utc-name": WEEK,
    "o04-customized": WEEK,
    "o05-tzone-utc": WEEK,
    "o06-tzone-utc-unquoted": WEEK,
    "o07-outlook-exdate-midnight": f"{NIGHT}, lee 12-14 17:00 12-15 08:00, "
    "lee 12-21 17:00 12-22 08:00",
    "o08-exdate-value-date": NIGHTS,
    "o09-exdate-utc": NIGHTS,
    "o12-utf16": WEEK,
    "o13-utf8-bom": WEEK,
    "o15-folded-in-character": WEEK,
    "o16-exchange-wholeday-moved": "lee 12-08 00:00 12-09 00:00, lee 12-16 00:00 12-17 00:00, "
    "lee 12-22 00:00 12-23 00:00",
    "o17-vtimezone-byhour": WEEK,
    "o18-vtimezone-out-of-date": "lee 07-01 08:00 07-08 08:00",
    "v01-amion-personal": ", ".join(
        f"lee 12-{day:02} 00:00 12-{day + 1:02} 00:00" for day in range(7, 14)
    ),
    "v02-amion-call-title": "lee 12-07 00:00 12-08 00:00",
    "v03-pagerduty": WEEK,
    "v04-grafana": WEEK,
    "v05-last-first": WEEK,
    "v06-initial": WEEK,
    "v07-suffix-credential": WEEK,
    "v08-role-suffix": WEEK,
    "v09-on-call-suffix": WEEK,
}
# Who is invited is on call only if the import is told so.
INVITED = {"o10-outlook-attendees": WEEK, "o11-attendee-cn": WEEK}
REFUSED = {
    "g09-method-cancel": "The file cancels events (METHOD:CANCEL) and is not a schedule",
    "o14-latin1": "is not UTF-8 text (see line 10); open it in a text editor, save it with the "
    "encoding UTF-8, and import that file.",
    "o10-outlook-attendees": "It invites lee, but an invitation puts nobody on call; if it should, "
    'add --attendees or --person "Call week=lee".',
    "o11-attendee-cn": '--attendees or --person "Call week=lee".',
}


def shifts(name: str, *, attendees: bool = False) -> str:
    """Read a case as somebody does who gives no end, on the office's clock."""
    whose = Whose(PLAN, attendees=attendees)
    content = (FOLDER / f"{name}.ics").read_bytes()
    zone = PLAN.office.zone
    return ", ".join(
        f"{one.person} {one.start.astimezone(zone):%m-%d %H:%M} {one.end.astimezone(zone):%m-%d %H:%M}"  # noqa: E501
        for one in read(content, PLAN, START, END, endless=False, whose=whose).shifts
    )


@pytest.mark.parametrize(("name", "right"), CASES.items())
def test_what_programs_write(name: str, right: str) -> None:
    """Each file means what its program shows."""
    assert shifts(name) == right


@pytest.mark.parametrize(("name", "right"), INVITED.items())
def test_who_is_invited_if_reported_so(name: str, right: str) -> None:
    """With --attendees, and never without it."""
    assert shifts(name, attendees=True) == right


@pytest.mark.parametrize(("name", "words"), REFUSED.items())
def test_what_is_refused(name: str, words: str) -> None:
    """With a true sentence, and what to do."""
    with pytest.raises(OfficeLineError) as caught:
        shifts(name)
    assert words in str(caught.value)


def test_every_file_has_its_answer() -> None:
    """No case is forgotten."""
    files = {one.stem for one in FOLDER.glob("*.ics")}
    assert files == CASES.keys() | INVITED.keys() | REFUSED.keys()
