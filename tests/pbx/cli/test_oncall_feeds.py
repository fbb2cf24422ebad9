"""`officeline oncall import` of several feeds: none wipes another, and whose is what is said."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import time_machine
from typer.testing import CliRunner

from pbx.base.errors import OfficeLineError
from pbx.cli.oncall import oncall
from pbx.cli.shared.context import Context
from pbx.config.plan import parse

ROOT = Path(__file__).parents[3]
EXAMPLE = (ROOT / "config" / "office.toml").read_text(encoding="utf-8")
NOW = datetime(2026, 11, 28, 15, tzinfo=UTC)


@pytest.fixture
def place(tmp_path: Path) -> Context:
    """Make a place with the example's file."""
    (tmp_path / "office.toml").write_text(EXAMPLE, encoding="utf-8")
    return Context(tmp_path / "office.toml", tmp_path / "home")


def calendar(*days: tuple[int, str], name: str = "") -> str:
    """Write a calendar of whole days of December 2026, each with its title."""
    head = f"X-WR-CALNAME:{name}\n" if name else ""
    events = "".join(
        f"BEGIN:VEVENT\nUID:{day}-{title}\nDTSTART;VALUE=DATE:202612{day:02}\nSUMMARY:{title}\n"
        "END:VEVENT\n"
        for day, title in days
    )
    return f"BEGIN:VCALENDAR\nVERSION:2.0\n{head}{events}END:VCALENDAR\n"


def imported(place: Context, text: str, *options: str, name: str = "feed") -> str:
    """Import a calendar; return what is printed, or the sentence with which it is refused."""
    file = place.config.parent / f"{name}.ics"
    file.write_text(text.replace("\n", "\r\n"), encoding="utf-8")
    words = ["import", str(file), "--schedule", "doctors", *options]
    with time_machine.travel(NOW, tick=False):
        done = CliRunner().invoke(oncall.app, words, obj=place)
    if isinstance(done.exception, OfficeLineError):
        return str(done.exception)
    assert done.exit_code == 0, done.exception
    return done.stdout


def reported(place: Context) -> list[str]:
    """List the file's shifts of December, by their day."""
    plan = parse(place.config.read_text(encoding="utf-8"), place.config).plan
    shifts = sorted(plan.schedules["doctors"].shifts, key=lambda one: one.start)
    return [f"{one.start.day} {one.person}" for one in shifts]


@pytest.mark.parametrize("name", ["", "AMION", "QGenda"])
def test_a_feed_for_each_person(place: Context, name: str) -> None:
    """A program calls all of them alike, or nothing; that of lee leaves those of osei."""
    imported(place, calendar((7, "Lee"), (9, "Lee"), name=name))
    imported(place, calendar((8, "Osei"), (10, "Osei"), name=name))
    assert reported(place) == ["7 lee", "8 osei", "9 lee", "10 osei"]
    out = imported(place, calendar((7, "Lee"), (11, "Lee"), name=name))
    assert reported(place) == ["7 lee", "8 osei", "10 osei", "11 lee"]
    assert f"Feed '{name or 'feed'}', the shifts of Dr. Ana Lee:" in out
    assert "- Wed, Dec 9, 2026, 12:00 AM to Thu, Dec 10, 2026, 12:00 AM EST  Dr. Ana Lee\n" in out
    again = imported(place, calendar((7, "Lee"), (11, "Lee"), name=name))
    assert "nothing to change" in again


def test_calendars_without_a_name_have_their_files(place: Context) -> None:
    """Two of several people each do not wipe each other, and a second download is the same one."""
    imported(place, calendar((7, "Lee"), (8, "Osei")), name="nights")
    imported(place, calendar((14, "Lee"), (15, "Patel")), name="weekends")
    assert reported(place) == ["7 lee", "8 osei", "14 lee", "15 patel"]
    out = imported(place, calendar((7, "Lee"), (9, "Osei")), name="nights (1)")
    assert "Feed 'nights', all of it:" in out
    assert reported(place) == ["7 lee", "9 osei", "14 lee", "15 patel"]


def test_a_swap_holds_whichever_feed_comes_first(place: Context) -> None:
    """The newest import has the day; the other feed's, once it is imported, agrees."""
    imported(place, calendar((7, "Lee"), (8, "Lee")))
    imported(place, calendar((9, "Osei")))
    out = imported(place, calendar((7, "Lee"), (9, "Lee")))
    assert "- Wed, Dec 9, 2026, 12:00 AM to Thu, Dec 10, 2026, 12:00 AM EST  Dr. Kofi Osei\n" in out
    imported(place, calendar((8, "Osei")))
    assert reported(place) == ["7 lee", "8 osei", "9 lee"]


def test_two_calendars_with_names(place: Context) -> None:
    """Each replaces all of its own, whoever is in it now; a name may be given."""
    imported(place, calendar((7, "Lee"), (8, "Osei"), name="Weekdays"))
    imported(place, calendar((12, "Patel"), (13, "Lee"), name="Weekends"))
    imported(place, calendar((7, "Osei"), (9, "Lee"), name="Weekdays"))
    assert reported(place) == ["7 osei", "9 lee", "12 patel", "13 lee"]
    imported(place, calendar((10, "Lee")), "--feed", "Weekends")
    assert reported(place) == ["7 osei", "9 lee", "10 lee"]
    assert 'feed = "Weekends"' in place.config.read_text(encoding="utf-8")


def test_what_is_written_by_hand_stays(place: Context) -> None:
    """But where the calendar has somebody else, which is said."""
    by_hand = (
        '[[schedule.doctors.shifts]]  # asked for it\nperson = "lee"\n'
        'from = "2026-12-24"\nto = "2026-12-27"\n\n'
    ).replace('24"', '24 00:00"').replace('27"', '27 00:00"')  # fmt: skip
    text = EXAMPLE.replace("[escalation.urgent]", f"{by_hand}[escalation.urgent]")
    place.config.write_text(text, encoding="utf-8")
    imported(place, calendar((7, "Osei"), (8, "Patel")))
    assert "# asked for it" in place.config.read_text(encoding="utf-8")
    out = imported(place, calendar((25, "Osei"), (8, "Patel")))
    assert (
        "- Thu, Dec 24, 2026, 12:00 AM to Sun, Dec 27, 2026, 12:00 AM EST  Dr. Ana Lee, by hand\n"
        in out
    )
    assert reported(place) == ["8 patel", "24 lee", "25 osei", "26 lee"]


@pytest.mark.parametrize(
    ("title", "options", "person"),
    [
        ("Night call", ("--person", "Night call=lee"), "lee"),
        ("Night call", ("--person", "night  CALL=lee", "--person", "Day=osei"), "lee"),
        ("Rate = high", ("--person", "Rate = high=osei"), "osei"),
        ("Lee off", ("--person", "Lee off=osei"), "osei"),
    ],
)
def test_whose_a_title_is(
    place: Context, title: str, options: tuple[str, ...], person: str
) -> None:
    """As the importer says, title by title."""
    imported(place, calendar((7, title)), *options)
    assert reported(place) == [f"7 {person}"]


def test_titles_that_are_no_shifts(place: Context) -> None:
    """They are left out where the importer says so, and refused where not."""
    text = calendar((7, "Lee"), (8, "Vacation"), (9, "Lee - Vacation"))
    said = imported(place, text)
    assert "'Vacation' names nobody in the plan; the plan has lee, osei, patel." in said
    assert "The same goes for 'lee - vacation'." in said
    assert place.config.read_text(encoding="utf-8") == EXAMPLE
    imported(place, text, "--skip", "Vacation", "--skip", "lee - vacation")
    assert reported(place) == ["7 lee"]
    assert "--skip leaves out every event" in imported(place, calendar((7, "Off")), "--skip", "off")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--person", "Night call"), "'Night call' is not TITLE=PERSON"),
        (("--person", "=lee"), "'=lee' is not TITLE=PERSON"),
        (
            ("--person", "Night call=leigh"),
            "There is no person 'leigh' in the plan; there is lee",
        ),
        (("--feed", " "), "The calendar has no name"),
        (("--schedule", "nurses"), "There is no schedule 'nurses' in the plan"),
    ],
)
def test_what_is_refused(place: Context, options: tuple[str, ...], words: str) -> None:
    """With a sentence, and the file is unchanged."""
    assert words in imported(place, calendar((7, "Lee")), *options)
    assert place.config.read_text(encoding="utf-8") == EXAMPLE
