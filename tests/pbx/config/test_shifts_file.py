"""Shifts written into office.toml: what is replaced, what stays, and what cannot be written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pbx.base import files
from pbx.base.errors import ConfigError, OfficeLineError
from pbx.config import shifts_file
from pbx.config.ics.reader import ImportedShift
from pbx.config.plan import parse
from routing.schedule import on_call

ROOT = Path(__file__).parents[3]
EXAMPLE = (ROOT / "config" / "office.toml").read_text()
NAME = Path("office.toml")
BEFORE = """# the holidays
[[schedule.doctors.shifts]]            # asked for it
person = "lee"
from = "2026-12-24 08:00"
to = "2026-12-27 08:00"

[[schedule.doctors.shifts]]
person = "osei"
from = "2026-12-31 08:00"
to = "2027-01-01 08:00"

"""
WITH_SHIFTS = EXAMPLE.replace("[escalation.urgent]", f"{BEFORE}[escalation.urgent]")
INLINE = EXAMPLE.replace(
    'backup = "next"',
    'backup = "next"\n'
    'shifts = [{ person = "lee", from = "2026-12-24 08:00", to = "2026-12-27 08:00" }]',
)


def day(number: int, hour: int = 8) -> datetime:
    """Return a time of December 2026 in New York, in UTC."""
    return datetime(2026, 12, number, hour + 5, tzinfo=UTC)


def reported(text: str) -> list[tuple[str, str, str]]:
    """List a file's shifts, by their start."""
    shifts = parse(text, NAME).plan.schedules["doctors"].shifts
    return sorted((f"{one.start:%d %H}", f"{one.end:%d %H}", one.person) for one in shifts)


@pytest.mark.parametrize(
    ("imported", "span", "expected"),
    [
        pytest.param(
            [("patel", 25, 26)], (25, 26),
            [("24 08", "25 08", "lee"), ("25 08", "26 08", "patel"), ("26 08", "27 08", "lee"),
             ("31 08", "01 08", "osei")],
            id="cut on both sides",
        ),
        pytest.param(
            [("lee", 25, 27)], (25, 28),
            [("24 08", "27 08", "lee"), ("31 08", "01 08", "osei")],
            id="what goes on is one again",
        ),
        pytest.param(
            [("patel", 28, 29)], (20, 30),
            [("24 08", "27 08", "lee"), ("28 08", "29 08", "patel"), ("31 08", "01 08", "osei")],
            id="what is written by hand stays",
        ),
        pytest.param(
            [("lee", 28, 29), ("lee", 29, 30)], (28, 30),
            [("24 08", "27 08", "lee"), ("28 08", "29 08", "lee"), ("29 08", "30 08", "lee"),
             ("31 08", "01 08", "osei")],
            id="two of a calendar stay two",
        ),
        pytest.param(
            [("lee", 25, 26), ("lee", 26, 27)], (25, 28),
            [("24 08", "27 08", "lee"), ("31 08", "01 08", "osei")],
            id="but for those that the file has already",
        ),
    ],
)  # fmt: skip
def test_the_span_is_the_calendars(
    imported: list[tuple[str, int, int]],
    span: tuple[int, int],
    expected: list[tuple[str, str, str]],
) -> None:
    """And the rest of the time is the file's; done twice, it changes nothing more."""
    shifts = [ImportedShift(person, day(start), day(end)) for person, start, end in imported]
    bounds = (day(span[0]), day(span[1]))
    edit = shifts_file.edit(WITH_SHIFTS, NAME, "doctors", shifts, bounds)
    assert reported(edit.text) == expected
    assert 'from = "2026-12-31 08:00"' in edit.text
    again = shifts_file.edit(edit.text, NAME, "doctors", shifts, bounds)
    assert again == shifts_file.Edit(edit.text, (), ())


def test_what_is_outside_keeps_its_comments() -> None:
    """Nothing but the shifts of the span is touched."""
    shift = ImportedShift("patel", day(31, 9), day(31, 10))
    edit = shifts_file.edit(WITH_SHIFTS, NAME, "doctors", [shift], (day(28), day(30)))
    assert "# the holidays\n[[schedule.doctors.shifts]]            # asked for it" in edit.text
    assert edit.removed == ()


def test_shifts_in_one_line_stay_in_one_line() -> None:
    """However the file has them, they are edited."""
    shift = ImportedShift("patel", day(28), day(29))
    edit = shifts_file.edit(INLINE, NAME, "doctors", [shift], (day(28), day(30)))
    assert reported(edit.text) == [("24 08", "27 08", "lee"), ("28 08", "29 08", "patel")]
    assert "[[schedule.doctors.shifts]]" not in edit.text


SCHEDULE = EXAMPLE[EXAMPLE.index("[schedule.doctors]") : EXAMPLE.index("[escalation.urgent]")]
DOTTED = """[schedule]
doctors.rotation = ["lee", "osei", "patel"]
doctors.since = "2026-01-05"
doctors.handoff = "mon 08:00"

"""


@pytest.mark.parametrize(
    "text",
    [
        WITH_SHIFTS + BEFORE.replace("-12-", "-10-"),  # tables of one list in two places
        EXAMPLE.replace(SCHEDULE, DOTTED),
        EXAMPLE.replace(SCHEDULE, DOTTED.replace("schedule]\ndoctors.", "schedule]\ndoctors = { ")
                        .replace("\ndoctors.", ", ").replace("\n\n", " }\n\n")),
    ],
    ids=["two places", "dotted", "in one line"],
)  # fmt: skip
def test_a_layout_that_cannot_be_edited_is_refused(text: str) -> None:
    """What would be written is read first: no other plan comes of it, and no broken file."""
    parse(text, NAME)
    shift = ImportedShift("patel", day(28), day(29))
    with pytest.raises(
        OfficeLineError, match=r"because of their layout\. Write them as \[\[schedule"
    ):
        shifts_file.edit(text, NAME, "doctors", [shift], (day(28), day(30)))


def test_seconds_fall_away() -> None:
    """The file has whole minutes; a shift of less than one is none."""
    second = timedelta(seconds=1)
    shifts = [
        ImportedShift("patel", day(28) + 59 * second, day(29) + second),
        ImportedShift("lee", day(29) + second, day(29) + 2 * second),
    ]
    edit = shifts_file.edit(EXAMPLE, NAME, "doctors", shifts, (day(28), day(30)))
    assert reported(edit.text) == [("28 08", "29 08", "patel")]


def test_a_time_that_the_clock_shows_twice() -> None:
    """The file says which of the two is meant, and reads it so again."""
    twice = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    hour, minute = timedelta(hours=1), timedelta(minutes=1)
    span = (twice - 9 * hour, twice + 9 * hour)
    for begins, words in ((twice, "01:30"), (twice + hour, "01:30 standard")):
        shift = [ImportedShift("patel", begins, begins + 5 * hour)]
        edit = shifts_file.edit(EXAMPLE, NAME, "doctors", shift, span)
        assert f'from = "2026-11-01 {words}"' in edit.text
        plan = parse(edit.text, NAME).plan
        assert on_call(plan, "doctors", begins).source == "shift"
        assert on_call(plan, "doctors", begins - minute).source == "rotation"
        again = shifts_file.edit(edit.text, NAME, "doctors", shift, span)
        assert again == shifts_file.Edit(edit.text, (), ())
    both = [
        ImportedShift("patel", twice, twice + hour),
        ImportedShift("lee", twice + hour, twice + 2 * hour),
    ]
    plan = parse(shifts_file.edit(edit.text, NAME, "doctors", both, span).text, NAME).plan
    names = [on_call(plan, "doctors", at).people for at in (twice, twice + hour, twice + 2 * hour)]
    assert names[:2] == [("patel",), ("lee",)]
    assert len(plan.schedules["doctors"].shifts) == 2


def test_the_file_is_replaced_as_a_whole_through_a_link(tmp_path: Path) -> None:
    """The link stays one, the mode stays, and no part is left behind."""
    real = tmp_path / "real" / "office.toml"
    real.parent.mkdir()
    real.write_text("old")
    real.chmod(0o640)
    link = tmp_path / "office.toml"
    link.symlink_to(real)
    files.save_config(link, "new\r\n")
    assert link.is_symlink()
    assert real.read_bytes() == b"new\r\n"
    assert real.stat().st_mode & 0o777 == 0o640
    assert list(real.parent.iterdir()) == [real]


def test_a_file_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    """It is as it was."""
    with pytest.raises(
        ConfigError, match=r"cannot be written \(No such file.*; it was left unchanged"
    ):
        files.save_config(tmp_path / "gone" / "office.toml", "new")
