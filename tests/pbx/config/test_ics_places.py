"""Calendars of schedules in which two are on call, or the backup has turns of their own."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pbx.base.errors import OfficeLineError
from pbx.config import plan as plan_files
from pbx.config import shifts_file
from pbx.config.ics.reader import read
from pbx.config.ics.writer import Revision, export
from routing.model import Override, Plan
from routing.oncall import duties
from routing.schedule import on_call, shifts
from tests.support.offices import with_places

ROOT = Path(__file__).parents[3]
NAME = Path("office.toml")
TEXT = with_places((ROOT / "config" / "office.toml").read_text(), ("2026-12-01", "2026-12-03"))
REVISION = Revision(3, datetime(2026, 2, 1, 12, 30, tzinfo=UTC))
START, END = datetime(2026, 11, 23, 13, tzinfo=UTC), datetime(2026, 12, 14, 13, tzinfo=UTC)
BARE = """BEGIN:VCALENDAR
PRODID:-//x//x//EN
VERSION:2.0
BEGIN:VEVENT
UID:1
DTSTART:20261124T220000Z
DTEND:20261125T130000Z
SUMMARY:Dr. Wei Chen
PLACEEND:VEVENT
END:VCALENDAR
"""


def plan_of(text: str) -> Plan:
    """Make a plan of a file's text."""
    return plan_files.parse(text, NAME).plan


PLAN = plan_of(TEXT)


def test_our_own_export_comes_back() -> None:
    """Written as shifts it says the same at every instant, who is beside and the backup too."""
    found = read(export(PLAN, "doctors", START, END, REVISION), PLAN, START, END).shifts
    assert {one.place for one in found} == {"oncall", "beside", "backup"}
    edit = shifts_file.edit(TEXT, NAME, "doctors", found, (START, END))
    after = plan_of(edit.text)
    for one in shifts(PLAN, "doctors", START, END):
        answer = on_call(after, "doctors", one.start)
        assert (answer.people, answer.backup) == (one.on_call.people, one.on_call.backup)
    again = export(after, "doctors", START, END, REVISION)
    assert shifts_file.edit(
        edit.text, NAME, "doctors", read(again, after, START, END).shifts, (START, END)
    ) == shifts_file.Edit(edit.text, (), ())


def test_three_at_once_come_back() -> None:
    """Somebody added by hand beside two who are on call is a shift beside, too."""
    extra = Override(1, "doctors", "add", "lee", None, START, START + timedelta(hours=5))
    plan = replace(PLAN, overrides=(extra,))
    found = read(export(plan, "doctors", START, END, REVISION), plan, START, END).shifts
    after = plan_of(shifts_file.edit(TEXT, NAME, "doctors", found, (START, END)).text)
    assert set(on_call(after, "doctors", START).people) == set(
        on_call(plan, "doctors", START).people
    )


def test_events_of_a_backup_are_reported_apart() -> None:
    """Whoever subscribes sees which of their weeks is the backup's; no two events share a UID."""
    text = export(PLAN, "doctors", START, END, REVISION).decode()
    assert "SUMMARY:Backup: Dr. Mira Patel" in text
    uids = [line for line in text.splitlines() if line.startswith("UID:")]
    assert len(set(uids)) == len(uids)


def test_a_calendar_of_residents_leaves_the_attendings() -> None:
    """The events of one place take the place of shifts of that place alone."""
    bare = BARE.replace("PLACE", "")
    first = read(bare, PLAN, START, END).shifts
    text = shifts_file.edit(TEXT, NAME, "doctors", first, (START, END)).text
    beside = read(bare, PLAN, START, END, place="beside").shifts
    assert [one.place for one in beside] == ["beside"]
    both = shifts_file.edit(text, NAME, "doctors", beside, (START, END))
    assert both.removed == ()
    assert [one.place for one in plan_of(both.text).schedules["doctors"].shifts] == [
        "oncall",
        "beside",
    ]
    rows = duties(plan_of(both.text), "doctors", START, END)
    assert ("chen", "shift", "oncall") in {(one.person, one.source, one.place) for one in rows}


def test_a_place_that_there_is_not() -> None:
    """It is refused, with those that there are."""
    with pytest.raises(OfficeLineError) as caught:
        read(BARE.replace("PLACE", "X-OFFICELINE-PLACE:second\n"), PLAN, START, END)
    assert str(caught.value) == (
        "The event 'Dr. Wei Chen' on 2026-11-24 has the unknown place 'second'; "
        "set X-OFFICELINE-PLACE to one of oncall, beside, backup."
    )
