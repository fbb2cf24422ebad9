"""`officeline hours`, as an administrator and as a script meet it."""

from __future__ import annotations

import json
import re
import tomllib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import typer
from typer.testing import CliRunner, Result

from pbx.base.errors import ConfigError, OfficeLineError
from pbx.cli.hours import hours
from pbx.cli.shared.context import Context
from pbx.config import suggest

ROOT = Path(__file__).parents[3]
EXAMPLE = (ROOT / "config/office.toml").read_text(encoding="utf-8")
LAB = '\n[office_hours.lab]\nsat = ["08:00-12:00"]\n'
NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Write the example practice's file, with a lab."""
    path = tmp_path / "office.toml"
    path.write_text(EXAMPLE + LAB, encoding="utf-8")
    return path


def officeline(config: Path, *words: str) -> Result:
    """Run `officeline hours ...`; errors for people are in `exception`."""
    root = typer.Typer()

    @root.callback()
    def options(context: typer.Context) -> None:
        context.obj = Context(config, config.parent / "home")

    root.add_typer(hours.app, name="hours")
    return CliRunner().invoke(root, ["hours", *words])


def printed(result: Result) -> str:
    """Return what a command that did its work printed."""
    assert (result.exit_code, result.stderr) == (0, ""), result.exception
    return result.stdout


def document(result: Result) -> Any:
    """Read the one JSON document on stdout."""
    return json.loads(printed(result))


def complaint(result: Result) -> str:
    """Return the sentence that the one entrance prints before it exits with 2."""
    assert isinstance(result.exception, OfficeLineError)
    assert result.stdout == ""
    sentence = str(result.exception)
    assert re.fullmatch(r"[^\n]+; [^\n]+\.", sentence)
    return sentence


def test_now_tells_each_schedule_why_since_and_until(config: Path) -> None:
    """One document: the instant and the state of all office hours, in the office's zone."""
    assert document(officeline(config, "now", "--at", "2026-12-25 10:00", "--json")) == {
        "at": "2026-12-25T10:00:00-05:00",
        "office_hours": [
            {
                "office_hours": "office",
                "state": "closed",
                "because": "Christmas Day",
                "since": "2026-12-24T17:00:00-05:00",
                "until": "2026-12-28T08:30:00-05:00",
            },
            {
                "office_hours": "lab",
                "state": "closed",
                "because": "Christmas Day",
                "since": "2026-12-19T12:00:00-05:00",
                "until": "2026-12-26T08:00:00-05:00",
            },
        ],
    }


def test_now_is_a_sentence_for_people(config: Path) -> None:
    """Over a change of the clocks, each time has the zone that holds then."""
    text = printed(
        officeline(config, "now", "--at", "2026-10-31 11:00", "--office-hours", "office")
    )
    assert text == (
        "office is closed: Saturday 11:00 AM is outside the hours "
        "(since Fri, Oct 30, 2026, 12:00 PM EDT, until Mon, Nov 2, 2026, 8:30 AM EST).\n"
    )


def test_now_without_a_time_is_now(config: Path) -> None:
    """The instant is that of the command, and what it says holds around it."""
    before = datetime.now(NEW_YORK).replace(microsecond=0)
    found = document(officeline(config, "now", "--json"))
    assert before <= datetime.fromisoformat(found["at"]) <= datetime.now(NEW_YORK)
    for row in found["office_hours"]:
        assert row["since"] <= found["at"] < row["until"]


def test_now_says_when_nothing_ever_changes(config: Path) -> None:
    """A set of office hours without hours has no times to tell."""
    config.write_text(EXAMPLE + "\n[office_hours.lab]\n", encoding="utf-8")
    assert printed(officeline(config, "now", "--at", "2026-06-06", "--office-hours", "lab")) == (
        "lab is closed: Saturday 12:00 AM is outside the hours "
        "(for more than 60 days, for at least 60 days more).\n"
    )
    (row,) = document(officeline(config, "now", "--office-hours", "lab", "--json"))["office_hours"]
    assert (row["since"], row["until"]) == (None, None)


@pytest.mark.parametrize(
    "words",
    [
        ("now", "--at", "soon"),
        ("now", "--at", "9999-12-31"),
        ("now", "--at", "0001-01-02"),
        ("now", "--office-hours", "pharmacy"),
        ("suggest", "--year", "2001"),
        ("suggest", "--subdivision", "ZZ"),
        ("suggest", "--yearly", "--year", "2027"),
    ],
)
def test_bad_input_is_one_sentence(config: Path, words: tuple[str, ...]) -> None:
    """What is wrong and what to do; nothing on stdout, and the file is unchanged."""
    assert words[-1] in complaint(officeline(config, *words))
    assert config.read_text(encoding="utf-8") == EXAMPLE + LAB


def test_suggestions_are_tables_that_the_file_lacks(config: Path) -> None:
    """What is printed can be pasted; what the file closes or opens for is left out."""
    config.write_text(
        EXAMPLE
        + '\n[[closures]]\nevery = "fourth thu of nov"\nreason = "Thanksgiving"\n'
        + '\n[[closures]]\non = "2099-07-03"\nbetween = "12:00-17:00"\nreason = "half a day"\n'
        + '\n[[openings]]\non = "2099-09-07"\nhours = ["09:00-12:00"]\nreason = "flu shots"\n',
        encoding="utf-8",
    )
    tables = tomllib.loads(printed(officeline(config, "suggest", "--year", "2099")))["closures"]
    days = {table["on"]: table["reason"] for table in tables}
    assert days["2099-12-25"] == "Christmas Day"
    assert days["2099-07-03"] == "Independence Day (observed)"  # closed in part only
    assert not {"2099-11-26", "2099-09-07"} & days.keys()
    found = document(officeline(config, "suggest", "--year", "2099", "--json"))
    assert found == {"closures": tables, "written": False}


def test_suggestions_are_of_the_days_to_come(config: Path) -> None:
    """Without a year: from today to the end of the next year, in order."""
    today = datetime.now(NEW_YORK).date()
    days = [one["on"] for one in document(officeline(config, "suggest", "--json"))["closures"]]
    assert days == sorted(days)
    assert days[0] >= today.isoformat()
    assert days[0] <= (today + timedelta(days=60)).isoformat()
    assert days[-1] == max(days) > f"{today.year + 1}-12"


def test_write_keeps_the_rest_and_is_done_once(config: Path) -> None:
    """The new tables stand behind the closures that were there; a second run changes nothing."""
    config.chmod(0o640)
    found = document(officeline(config, "suggest", "--year", "2099", "--write", "--json"))
    assert found["written"]
    text = config.read_text(encoding="utf-8")
    old = tomllib.loads(EXAMPLE + LAB)
    assert tomllib.loads(text) == {**old, "closures": [*old["closures"], *found["closures"]]}
    before, behind = EXAMPLE.split('reason = "Christmas Day"\n')
    assert text.startswith(before)
    assert text.endswith(behind + LAB)
    assert config.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in config.parent.iterdir() if path.is_file()] == ["office.toml"]
    again = printed(officeline(config, "suggest", "--year", "2099", "--write"))
    assert again == f"{config} already covers every coming public holiday.\n"
    assert config.read_text(encoding="utf-8") == text
    closed = officeline(config, "now", "--at", "2099-07-03 10:00", "--office-hours", "office")
    assert "closed: Independence Day (observed)" in printed(closed)


def test_write_follows_a_link_and_says_so(config: Path) -> None:
    """A file that is linked to stays linked to, and the sentence names how many were added."""
    link = config.with_name("link.toml")
    link.symlink_to(config)
    text = printed(officeline(link, "suggest", "--year", "2099", "--write"))
    assert re.search(rf"These \d+ closures are now in {link}, not yet applied", text)
    assert link.is_symlink()
    assert "Thanksgiving" in config.read_text(encoding="utf-8")


ONE = (suggest.Suggestion("2099-01-01", 'New "Year"'),)
TABLE = '[[closures]]\non = "2099-01-01"\nreason = "New \\"Year\\""\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = 1\n", f"a = 1\n\n{TABLE}"),
        ("a = 1", f"a = 1\n\n{TABLE}"),
        ("a = 1\n# the end\n", f"a = 1\n# the end\n\n{TABLE}"),
        (
            '[[closures]]\non = "x"  # why\n# more\n\n# the people\n[people.lee]\n',
            f'[[closures]]\non = "x"  # why\n# more\n\n{TABLE}\n# the people\n[people.lee]\n',
        ),
        ("[[closures]]\non = 1\n[b]\nc = 1\n", f"[[closures]]\non = 1\n\n{TABLE}\n[b]\nc = 1\n"),
        ("a = 1\r\n", f"a = 1\n\n{TABLE}".replace("\n", "\r\n")),
    ],
)
def test_where_closures_are_added(text: str, expected: str) -> None:
    """Behind the last closure, or at the end; comments and line ends stay."""
    assert suggest.extended(text, ONE) == expected
    assert suggest.extended(text, ()) == text


@pytest.mark.parametrize(
    "text",
    [
        "closures = []\n",
        'closures = [{ on = "2026-12-25", reason = "Christmas" }]\n',
        '[[closures]]\nreason = """a\n\nb"""\n',
    ],
)
def test_closures_written_otherwise_are_left_alone(text: str) -> None:
    """A file that cannot be added to safely is refused, with what to do instead."""
    with pytest.raises(ConfigError, match="by hand"):
        suggest.extended(text, ONE)


def test_a_file_that_cannot_be_written_is_as_it_was(tmp_path: Path) -> None:
    """No half file, no leftovers, and one sentence."""
    path = tmp_path / "office.toml"
    path.write_text("a = 1\n", encoding="utf-8")
    (tmp_path / ".office.toml.part").mkdir()
    with pytest.raises(ConfigError, match="was left unchanged"):
        suggest.append_closures(path, ONE)
    assert path.read_text(encoding="utf-8") == "a = 1\n"


def test_holidays_are_named_in_the_offices_language() -> None:
    """The country's own days, in its language or English, and those of one of its parts."""
    berlin = {one.on: one.reason for one in suggest.suggest("DE", "BE", 2027, "de")}
    assert berlin["2027-10-03"] == "Tag der Deutschen Einheit"
    english = {one.on: one.reason for one in suggest.suggest("DE", None, 2027, "en")}
    assert english["2027-12-25"] == "Christmas Day"
    assert "2027-03-08" in berlin.keys() - english.keys()
