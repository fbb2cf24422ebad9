"""`officeline prove` and `officeline simulate`, as an administrator and as a script meet them."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import cli
from pbx.base.errors import OfficeLineError
from pbx.config import secrets
from pbx.config.home import Home
from pbx.db import records
from pbx.db.database import open_database
from pbx.db.writer import LogWriter

CONFIG = Path(__file__).parents[3] / "config/office.toml"
MOBILES = {"lee": "+12125550111", "osei": "+12125550112", "patel": "+12125550113"}
NOVEMBER = ("--from", "2026-11-01", "--to", "2026-12-01")


def officeline(home: Path, *words: str, config: Path = CONFIG) -> Result:
    """Run a command on a home; errors for people are in `exception`."""
    return CliRunner().invoke(cli.app, ["--config", str(config), "--home", str(home), *words])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Make a home whose secrets file knows everybody."""
    secrets.write(tmp_path, secrets.Secrets(mobiles=dict(MOBILES)))
    return tmp_path


def proven(result: Result, code: int) -> Any:
    """Read the one JSON document on stdout."""
    assert (result.exit_code, result.stderr) == (code, "")
    return json.loads(result.stdout)


def test_the_example_is_proven(home: Path) -> None:
    """Exit 0, the counts, the span in the office's zone; and a sentence for people."""
    found = proven(officeline(home, "prove", *NOVEMBER, "--json"), 0)
    assert found["holds"] is True
    assert found["counterexamples"] == []
    checked = found["checked"]
    assert (checked["from"], checked["to"]) == (
        "2026-11-01T00:00:00-04:00",
        "2026-12-01T00:00:00-05:00",
    )
    reported = officeline(home, "prove", *NOVEMBER)
    assert reported.exit_code == 0
    assert reported.stdout.startswith(
        f"It holds: all {checked['paths']} paths in {checked['intervals']} intervals "
    )
    assert checked["changes"] == checked["intervals"] - 1
    assert (
        f"Calls that go on during one of {checked['changes']} changes of hours or on-call people "
        "were checked, too: "
        f"all {checked['across']} paths follow the rules of their beginning"
    ) in reported.stdout


def test_a_removed_contact_is_exit_1_and_the_first_minute(home: Path) -> None:
    """The document has the shape of the contract; nobody's number is in it."""
    secrets.write(home, secrets.Secrets(mobiles={key: MOBILES[key] for key in ("lee", "patel")}))
    found = proven(officeline(home, "prove", *NOVEMBER, "--json"), 1)
    assert found["holds"] is False
    assert found["counterexamples"][0] == {
        "from": "2026-11-02T08:00:00-05:00",
        "to": "2026-11-09T08:00:00-05:00",
        "line": "backline",
        "urgency": "urgent",
        "path": ["an unknown caller", "the escalation policy urgent"],
        "why": "osei is on call, but has no contact at that time",
        "times": 2,
    }
    reported = officeline(home, "prove", *NOVEMBER)
    assert reported.exit_code == 1
    assert "From Mon, Nov 2, 2026, 8:00 AM to Mon, Nov 9, 2026, 8:00 AM EST" in reported.stdout
    assert (
        "osei is on call, but has no contact at that time (and 1 more time in this span)."
        in reported.stdout
    )
    assert not re.search(r"\d{7}", reported.output)


def test_an_empty_secrets_assesses_by_the_file_alone(tmp_path: Path) -> None:
    """And says so, beside the document."""
    result = officeline(tmp_path, "prove", *NOVEMBER, "--json")
    assert result.exit_code == 0
    assert "no numbers yet" in result.stderr
    assert json.loads(result.stdout)["holds"] is True


def test_the_span_is_the_next_year_if_none_is_named(home: Path) -> None:
    """From this minute on."""
    before = datetime.now(UTC).replace(second=0, microsecond=0)
    checked = proven(officeline(home, "prove", "--json"), 0)["checked"]
    start, end = (datetime.fromisoformat(checked[key]) for key in ("from", "to"))
    assert before <= start <= datetime.now(UTC)
    assert timedelta(days=364) < end - start < timedelta(days=366)


@pytest.mark.parametrize("command", ["prove", "simulate"])
@pytest.mark.parametrize(
    ("span", "words"),
    [
        (("--from", "2026-11-02", "--to", "2026-11-01"), "later --to"),
        (("--from", "2026-11-02", "--to", "2026-11-02"), "later --to"),
        (("--from", "2026-11-02", "--to", "2099-11-01"), "over ten years"),
        (("--from", "9999-12-30"), "is not a time"),
        (("--from", "0001-01-02"), "is not a time"),
        (("--from", "soon"), "'soon' is not a time"),
    ],
)
def test_a_span_that_is_none_is_one_sentence(
    home: Path, command: str, span: tuple[str, ...], words: str
) -> None:
    """Said before anything is worked out."""
    result = officeline(home, command, *span)
    assert isinstance(result.exception, OfficeLineError)
    assert words in str(result.exception)
    assert result.stdout == ""


def test_a_simulation_has_the_shape_of_the_contract(home: Path) -> None:
    """Minutes, load by person, outcomes; and a table for people."""
    words = ("simulate", "--from", "2027-01-01", "--to", "2028-01-01", "--calls-per-night", "4")
    found = proven(officeline(home, *words, "--json"), 0)
    assert found["minutes"]["total"] == 365 * 24 * 60
    assert list(found["load"]) == ["lee", "osei", "patel"]
    assert sum(one["nights"] for one in found["load"].values()) == 365
    assert sum(found["outcomes"].values()) == pytest.approx(4 * 365, abs=0.1)
    reported = officeline(home, *words)
    assert reported.exit_code == 0
    assert re.search(rf"lee +{found['load']['lee']['nights']} ", reported.stdout)


def test_the_log_can_be_the_load(home: Path) -> None:
    """One urgent call on the back line in this week is one a week; without a log it is refused."""
    refused = officeline(home, "simulate", "--history")
    assert "no call log" in str(refused.exception)
    open_database(Home(home).database).dispose()
    refused = officeline(home, "simulate", "--history")
    assert "call log is empty" in str(refused.exception)
    writer = LogWriter(lambda: open_database(Home(home).database))
    at = datetime.now(UTC) - timedelta(hours=1)
    writer.put(records.CallStarted("1.1", at, "backline", "+12125550101", None, "abc"))
    writer.put(records.Decided("1.1", at, 1, "escalation", "urgent", "urgent", ()))
    writer.start()
    writer.close()
    span = ("--from", "2027-01-04", "--to", "2027-02-01")
    found = proven(officeline(home, "simulate", "--history", "--json", *span), 0)
    assert sum(found["outcomes"].values()) == pytest.approx(4, abs=0.1)
    assert found["outcomes"]["connected"] > 3


class Page(HTMLParser):
    """Reads the page's text and which other files it wants; refuses unclosed elements."""

    VOID = ("meta",)

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wanted: list[str] = []
        self.titles: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember an element."""
        known = {name: value or "" for name, value in attrs}
        self.wanted += [known[name] for name in ("src", "href") if name in known]
        if "title" in known:
            day, _, words = known["title"].partition(": ")
            self.titles[day] = words
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close an element; it must be the last that was opened."""
        assert self.open.pop() == tag


def test_the_calendar_is_one_page_that_wants_no_other(home: Path) -> None:
    """Every night of the year is on it with its person, in light and dark."""
    path = home / "calendar.html"
    words = ("simulate", "--from", "2026-01-05", "--to", "2027-01-05", "--html", str(path))
    assert officeline(home, *words).exit_code == 0
    text = path.read_text(encoding="utf-8")
    page = Page()
    page.feed(text)
    assert (page.open, page.wanted) == ([], [])
    assert "url(" not in text
    assert "prefers-color-scheme: dark" in text
    assert len(page.titles) == 365
    assert page.titles["Mon, Nov 2, 2026"] == "osei"
    assert page.titles["Fri, Dec 25, 2026"] == "patel, Christmas Day"


def test_a_calendar_that_cannot_be_written_is_one_sentence(home: Path) -> None:
    """It names the file."""
    result = officeline(home, "simulate", *NOVEMBER, "--html", str(home / "none" / "x.html"))
    assert isinstance(result.exception, OfficeLineError)
    assert "x.html cannot be written" in str(result.exception)


def test_a_line_that_there_is_not(home: Path) -> None:
    """It names the lines that there are."""
    result = officeline(home, "simulate", "--line", "mian")
    assert "use one of main, backline" in str(result.exception)
