"""Turns of months, of some weekends, and of people who come and go, through every command."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import time_machine
from typer.testing import CliRunner, Result

from cli import app
from tests.support.offices import EXAMPLE

NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2026, 11, 24, 19, 30, tzinfo=NEW_YORK)  # a Tuesday evening
SCHEDULE = """[schedule.doctors]
rotation = ["lee", "osei", "patel", "chen"]
since = "2026-01-01"
handoff = "1st 08:00"
every = "1 month"
joins = { chen = "2026-12-01" }
leaves = { osei = "2027-02-01" }

[[schedule.doctors.layers]]
rotation = ["lee", "osei", "patel"]
since = "2026-01-05"
handoff = "17:00"
every = "1 day"
only = ["mon-thu 17:00-08:00"]

[[schedule.doctors.layers]]
rotation = ["patel", "lee"]
since = "2026-01-02"
handoff = "fri 17:00"
only = ["first fri 17:00-mon 08:00"]

[[schedule.doctors.layers]]
rotation = ["osei"]
since = "2026-11-20"
until = "2027-02-01"
handoff = "fri 17:00"
only = ["every other fri 17:00-mon 08:00"]

"""
CHEN = '[people.chen]\nname = "Dr. Wei Chen"\nrole = "physician"\n\n'
OFFICE = re.sub(
    r"\[schedule\.doctors\].*?(?=\[escalation)", SCHEDULE, EXAMPLE, flags=re.DOTALL
).replace("[people.lee]", f"{CHEN}[people.lee]", 1)


@pytest.fixture(autouse=True)
def _tuesday() -> Iterator[None]:
    """Stop the clock."""
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Make a place with such an office and no home yet."""
    (tmp_path / "office.toml").write_text(OFFICE)
    return tmp_path


def run(place: Path, *words: str, code: int = 0) -> Result:
    """Run a command that ends with this exit code."""
    options = ["--config", str(place / "office.toml"), "--home", str(place / "home")]
    done = CliRunner().invoke(app, [*options, *words])
    assert done.exit_code == code, (done.output, done.exception)
    return done


def listed(place: Path, start: str, end: str) -> list[tuple[str, str, str]]:
    """List who is on call, with the local times."""
    rows = json.loads(run(place, "oncall", "list", "--from", start, "--to", end, "--json").stdout)
    found = []
    for row in rows["shifts"]:
        begin, until = (
            f"{datetime.fromisoformat(row[key]).astimezone(NEW_YORK):%a %m-%d %H:%M}"
            for key in ("start", "end")
        )
        found.append((begin, until, row["person"]))
    return found


def test_check_finds_nothing_and_nobody_is_missing(place: Path) -> None:
    """It may go live, and has no gap in a year."""
    assert "no problems found" in run(place, "check", str(place / "office.toml")).output
    run(place, "oncall", "gaps", "--days", "400")


def test_the_list_goes_around_where_each_layer_holds(place: Path) -> None:
    """A week of December: nights, days of the month's physician, and the first weekend."""
    assert listed(place, "2026-11-30 17:00", "2026-12-07 17:00") == [
        ("Mon 11-30 17:00", "Tue 12-01 08:00", "patel"),
        ("Tue 12-01 08:00", "Tue 12-01 17:00", "patel"),
        ("Tue 12-01 17:00", "Wed 12-02 08:00", "lee"),
        ("Wed 12-02 08:00", "Wed 12-02 17:00", "patel"),
        ("Wed 12-02 17:00", "Thu 12-03 08:00", "osei"),
        ("Thu 12-03 08:00", "Thu 12-03 17:00", "patel"),
        ("Thu 12-03 17:00", "Fri 12-04 08:00", "patel"),
        ("Fri 12-04 08:00", "Fri 12-04 17:00", "patel"),
        ("Fri 12-04 17:00", "Mon 12-07 08:00", "osei"),  # every other weekend, above the first
        ("Mon 12-07 08:00", "Mon 12-07 17:00", "patel"),
    ]


def test_explain_tells_who_is_rung_by_it(place: Path) -> None:
    """The first weekend of February is by turns again: the layer above it ended."""
    reported = run(place, "explain", "--did", "+12125550101", "--at", "2027-02-06 02:10").output
    assert "On call for doctors: Dr. Ana Lee." in reported
    reported = run(place, "explain", "--did", "+12125550101", "--at", "2026-12-05 02:10").output
    assert "On call for doctors: Dr. Kofi Osei." in reported


def test_a_year_is_proven_and_added_up(place: Path) -> None:
    """Both over both jumps; who left has nothing after it, and nobody a minute of a gap."""
    assert "It holds" in run(place, "prove").output
    reported = run(place, "simulate", "--from", "2027-02-02", "--to", "2028-02-02").output
    assert "Nobody is on call for 0 minutes" in reported
    rows = {words[0]: words for words in (row.split() for row in reported.splitlines()) if words}
    assert set(rows) > {"lee", "osei", "patel", "chen"}


def test_the_months_go_on_past_who_joins_and_leaves(place: Path) -> None:
    """Chen has January, after Patel as in the list; March would be Osei's, who left."""
    tuesdays = ("2026-11-10", "2026-12-08", "2027-01-12", "2027-02-09", "2027-03-09", "2027-04-13")
    whose = [listed(place, f"{day} 12:00", f"{day} 12:30")[0][2] for day in tuesdays]
    assert whose == ["osei", "patel", "chen", "lee", "patel", "chen"]


def test_what_is_exported_is_imported_as_it_was(place: Path) -> None:
    """Five months of all these turns, as another program would read them."""
    before = listed(place, "2026-11-25", "2027-05-01")
    file = str(place / "doctors.ics")
    run(place, "oncall", "export", "--from", "2026-11-25", "--to", "2027-05-01", "--out", file)
    words = ["--schedule", "doctors", "--from", "2026-11-25", "--to", "2027-05-01"]
    run(place, "oncall", "import", file, *words)
    assert listed(place, "2026-11-25", "2027-05-01") == before
    assert "no problems found" in run(place, "check", str(place / "office.toml")).output


def test_a_change_is_shown_and_goes_live(place: Path) -> None:
    """Who leaves later keeps what is before it."""
    run(place, "apply")
    before = listed(place, "2026-12-01", "2027-02-01")
    later = OFFICE.replace('leaves = { osei = "2027-02-01" }', 'leaves = { osei = "2027-06-01" }')
    (place / "office.toml").write_text(later)
    shown = run(place, "diff").output
    assert '-leaves = { osei = "2027-02-01" }' in shown
    assert '+leaves = { osei = "2027-06-01" }' in shown
    run(place, "apply")
    assert listed(place, "2026-12-01", "2027-02-01") == before


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            'until = "2027-02-01"',
            'until = "2026-11-20"',
            "the layer ends (2026-11-20) before it begins (2026-11-20)",
        ),
        (
            'joins = { chen = "2026-12-01" }',
            'joins = { wei = "2026-12-01" }',
            "this file has no 'wei' (it has chen, lee, osei, patel)",
        ),
        (
            'only = ["first fri 17:00-mon 08:00"]',
            'only = ["sixth fri 17:00-mon 08:00"]',
            "'sixth fri 17:00-mon 08:00' is not a window such as",
        ),
        ('handoff = "1st 08:00"', 'handoff = "32nd 08:00"', "a month has no day 32"),
        ('every = "1 month"', 'every = "1 moon"', "'1 moon' is not a valid length"),
    ],
)
def test_what_is_refused_changes_nothing(place: Path, old: str, new: str, sentence: str) -> None:
    """`check` exits with 1, `apply` is refused, and the plan before goes on."""
    run(place, "apply")
    before = run(place, "history").output
    now = run(place, "oncall", "now").stdout
    assert old in OFFICE
    (place / "office.toml").write_text(OFFICE.replace(old, new, 1))
    assert sentence in run(place, "check", str(place / "office.toml"), code=1).output
    refused = run(place, "apply", code=1)
    assert sentence in str(refused.exception)
    assert run(place, "history").output == before
    assert run(place, "oncall", "now").stdout == now
