"""How people see dates and times: in the form of the office, and what is shown can be typed."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner, Result

import cli
from pbx.base import when
from pbx.config.plan import parse
from routing.time_text import TimeText
from tests.support.offices import EXAMPLE

HEAD = "[office]\n"
SPAN = ("--from", "2026-11-01", "--to", "2026-12-01")
TWELVE = r"[A-Z][a-z]{2}, [A-Z][a-z]{2} \d{1,2}, 2026, \d{1,2}:\d\d [AP]M"
TWENTY_FOUR = r"[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} 2026, \d\d:\d\d"


def office(folder: Path, country: str = "US") -> Path:
    """Write the example as an office of this country."""
    folder.mkdir(exist_ok=True)
    (folder / "office.toml").write_text(EXAMPLE.replace(HEAD, f'{HEAD}country = "{country}"\n', 1))
    return folder


def officeline(place: Path, *words: str) -> Result:
    """Give a command."""
    where = ["--config", str(place / "office.toml"), "--home", str(place / "home")]
    return CliRunner().invoke(cli.app, [*where, *words])


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        ("2026-11-28 00:00", "Sat, Nov 28, 2026, 12:00 AM EST"),
        ("2026-11-28 12:00", "Sat, Nov 28, 2026, 12:00 PM EST"),
        ("2026-07-04 12:30", "Sat, Jul 4, 2026, 12:30 PM EDT"),
        ("2026-11-01 01:30", "Sun, Nov 1, 2026, 1:30 AM EDT"),
        ("2026-11-01 01:30 EST", "Sun, Nov 1, 2026, 1:30 AM EST"),
        ("2026-03-08 02:30", "Sun, Mar 8, 2026, 3:00 AM EDT"),
    ],
)
def test_an_office_of_the_united_states(tmp_path: Path, at: str, shown: str) -> None:
    """Midnight, noon, summer, and the two nights on which the clock is set."""
    said = officeline(office(tmp_path), "oncall", "now", "--at", at)
    assert (said.exit_code, said.stdout.splitlines()[0]) == (0, shown)
    again = officeline(tmp_path, "oncall", "now", "--at", shown)
    assert again.stdout == said.stdout


COMMANDS = (
    ("oncall", "now", "--at", "2026-11-28 02:10"),
    ("oncall", "list", *SPAN),
    ("hours", "now", "--at", "2026-11-28 02:10"),
    ("prove", "--from", "2026-11-01", "--to", "2026-11-08"),
    ("explain", "--did", "+12125550100", "--at", "2026-11-28 02:10", "--press", "1"),
)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_an_office_elsewhere_has_the_day_first(tmp_path: Path, words: tuple[str, ...]) -> None:
    """And twenty-four hours, while one of the United States has neither."""
    here, there = office(tmp_path / "us"), office(tmp_path / "gb", "GB")
    ours, theirs = (officeline(place, *words).stdout for place in (here, there))
    assert re.search(TWELVE, ours)
    assert not re.search(TWENTY_FOUR, ours)
    assert re.search(TWENTY_FOUR, theirs)
    assert not re.search(rf"{TWELVE}|\d [AP]M\b", theirs)


@pytest.mark.parametrize("words", COMMANDS[:4], ids=" ".join)
def test_json_has_iso_times_in_every_office(tmp_path: Path, words: tuple[str, ...]) -> None:
    """What tools read is the same, whatever people read."""
    here, there = office(tmp_path / "us"), office(tmp_path / "gb", "GB")
    ours, theirs = (
        json.loads(officeline(place, *words, "--json").stdout) for place in (here, there)
    )
    times = re.findall(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d-0[45]:00", json.dumps(ours))
    assert times
    assert times == re.findall(r"\d{4}-\d\d-\d\dT[^\"]*", json.dumps(theirs))


@pytest.mark.parametrize("country", ["US", "GB"])
def test_a_shift_that_is_listed_can_be_typed(tmp_path: Path, country: str) -> None:
    """Both ends of each row of `oncall list`, over the night on which the clock is set back."""
    place = office(tmp_path, country)
    known = json.loads(officeline(place, "oncall", "list", *SPAN, "--json").stdout)["shifts"]
    rows = officeline(place, "oncall", "list", *SPAN).stdout.splitlines()
    assert len(rows) == len(known) > 3
    zone, now = ZoneInfo("America/New_York"), datetime(2026, 11, 1, tzinfo=UTC)
    columns = set()
    for row, shift in zip(rows, known, strict=True):
        start, end = re.fullmatch(r"doctors +(.*?) to (.*?)  +\S.*", row).groups()  # type: ignore[union-attr]
        columns.add(row.index("Dr. "))
        begins = when.parse_time(start, zone, now)
        assert begins.isoformat() == shift["start"]
        assert when.parse_time(end, zone, now, after=begins).isoformat() == shift["end"]
    assert len(columns) == 1  # names stand below each other


def test_a_day_of_a_gap_in_the_file_is_reported_in_the_form_of_the_office(tmp_path: Path) -> None:
    """A finding, too, is for people."""
    text = EXAMPLE.replace(HEAD, f'{HEAD}country = "GB"\n', 1)
    text += '\n[[closures]]\non = "2026-01-01"\nreason = "New Year"\n'
    for country, shown in (("US", "Thu, Jan 1, 2026 is over"), ("GB", "Thu, 1 Jan 2026 is over")):
        (tmp_path / "office.toml").write_text(text.replace('"GB"', f'"{country}"'))
        assert shown in " ".join(officeline(tmp_path, "check").stdout.split())


def test_country_and_zone_of_the_file_decide(tmp_path: Path) -> None:
    """An office in Berlin, on its own clock."""
    text = (office(tmp_path, "DE") / "office.toml").read_text()
    text = text.replace("America/New_York", "Europe/Berlin")
    plan = parse(text, Path("office.toml")).plan
    assert plan.office.times == TimeText(plan.office.zone, month_first=False)
    night = datetime(2026, 11, 28, 7, 10, tzinfo=UTC)
    assert plan.office.times.moment(night) == "Sat, 28 Nov 2026, 08:10 CET"
