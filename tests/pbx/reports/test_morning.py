"""`officeline report morning`: the night, to be read, printed and signed."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from pbx.base.errors import OfficeLineError
from pbx.cli.reports import report
from pbx.cli.shared.context import Context
from pbx.config.home import Home
from pbx.config.patients_file import PatientEntry
from pbx.config.plan import parse
from pbx.db import audit, message_progress, messages
from pbx.db.database import open_database, writing
from pbx.db.inbox import add_note
from pbx.db.patients import put_patients
from pbx.reports.morning import night_span
from routing import hours
from routing.instants import DAY
from routing.model import Patient
from tests.support.histories import always
from tests.support.ledgers import CALLER, Reported, cdr_lines, write_cdr, write_log

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "config" / "office.toml"
PLAN = parse(EXAMPLE.read_text("utf-8"), EXAMPLE).plan
TUESDAY = date(2025, 11, 25)
NIGHT = datetime(2025, 11, 25, 7, 10, tzinfo=UTC)  # 02:10 in New York

TALKED = Reported("1764055500.1", NIGHT - timedelta(hours=1))
CALLED_BACK = Reported("1764054600.0", NIGHT, "message", has_message=True)
STILL_OPEN = Reported(
    "1764054660.4", NIGHT + timedelta(hours=1), "message", has_message=True, caller="+12125550143"
)
BY_DAY = Reported("1764090000.9", NIGHT + timedelta(hours=9))  # 11:10


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Make a home after a night: one talked, one was called back, one still waits."""
    calls = [TALKED, CALLED_BACK, STILL_OPEN, BY_DAY]
    write_log(tmp_path, calls)
    write_cdr(tmp_path, (line for call in calls for line in cdr_lines(call)))
    engine = open_database(Home(tmp_path).database)
    patient = PatientEntry(1, Patient("p-17", "Mary Roe"), (CALLER,))
    put_patients(engine, [patient], refused=False, partial=False, by="amy", now=NIGHT)
    acts: tuple[tuple[int, message_progress.MessageMove], ...] = (
        (4, "acknowledged"),
        (9, "called back"),
    )
    for minutes, act in acts:
        at = NIGHT + timedelta(minutes=minutes)
        message_progress.move(engine, PLAN, CALLED_BACK.id, act, at=at, person="lee")
    add_note(
        engine, CALLED_BACK.id, "<b>fever</b>, at (212) 555-0177", "lee", NIGHT + timedelta(hours=1)
    )
    engine.dispose()
    return tmp_path


def officeline(home: Path, *words: str) -> Result:
    """Run `officeline report morning ...` on a home of the example practice."""
    root = typer.Typer()

    @root.callback()
    def options(context: typer.Context) -> None:
        context.obj = Context(EXAMPLE, home)

    root.add_typer(report.app, name="report")
    return CliRunner().invoke(root, ["report", "morning", "--day", "2025-11-25", *words])


def document(home: Path) -> Any:
    """Read the one JSON document on stdout."""
    result = officeline(home, "--json")
    assert (result.exit_code, result.stderr) == (0, ""), result.exception
    return json.loads(result.stdout)


def test_the_night_is_from_closing_to_opening(home: Path) -> None:
    """What is still open comes first, then by time; a call by day is none of the night's."""
    found = document(home)
    assert (found["from"], found["to"]) == (
        "2025-11-24T17:00:00-05:00",
        "2025-11-25T08:30:00-05:00",
    )
    assert [one["id"] for one in found["calls"]] == [CALLED_BACK.id, STILL_OPEN.id, TALKED.id]
    assert [one["id"] for one in found["messages"]] == [STILL_OPEN.id, CALLED_BACK.id]
    assert [one["breached"] for one in found["messages"]] == [True, False]
    assert found["reconcile"]["placed"] == 3
    assert found["reconcile"]["unaccounted"] == []


def test_the_sheet_keeps_the_audits_head(home: Path, tmp_path: Path) -> None:
    """On paper nobody writes it anew; a chain that lost its end since does not have it."""
    engine = open_database(Home(home).database)
    entries, head = audit.head(engine)
    assert entries > 0
    assert document(home)["audit"] == {"entries": entries, "head": head}
    assert head in officeline(home).stdout
    sheet = tmp_path / "sheet.html"
    officeline(home, "--html", str(sheet))
    assert re.findall(r"[0-9a-f]{64}", sheet.read_text(encoding="utf-8")) == [head]
    assert audit.verify(engine, head).ok
    with writing(engine) as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_never_deleted")
        connection.exec_driver_sql(f"DELETE FROM audit WHERE seq >= {entries}")  # noqa: S608  # a number
    assert not audit.verify(engine, head).ok
    engine.dispose()


def test_each_call_says_who_did_what_when(home: Path) -> None:
    """Patient, line, urgency, reason, acknowledgment and call back with their minutes, notes."""
    calls = {one["id"]: one for one in document(home)["calls"]}
    assert calls[CALLED_BACK.id] == {
        "id": CALLED_BACK.id,
        "started_at": "2025-11-25T02:10:00-05:00",
        "line": "main",
        "from": "…0142",
        "patient": "p-17",
        "urgency": "urgent",
        "outcome": "message",
        "reason": "urgent at night: it is closed, and urgent",
        "acknowledged": {"by": "lee", "at": "2025-11-25T02:14:00-05:00", "minutes": 4.0},
        "called_back": {"by": "lee", "at": "2025-11-25T02:19:00-05:00", "minutes": 9.0},
        "message": CALLED_BACK.id,
        "state": "called back",
        "breached": False,
        "disposition": None,
        "notes": [
            {
                "at": "2025-11-25T03:10:00-05:00",
                "by": "lee",
                "text": "<b>fever</b>, at …0177",
            }
        ],
    }
    talked = calls[TALKED.id]["acknowledged"]
    assert talked == {"by": "lee", "at": "2025-11-25T01:10:10-05:00", "minutes": 0.2}
    assert calls[STILL_OPEN.id]["acknowledged"] is None


def test_a_call_that_joined_a_message_is_reported_with_it(home: Path) -> None:
    """What was done before the patient called again is no answer to the second call."""
    engine = open_database(Home(home).database)
    at = STILL_OPEN.at + timedelta(minutes=5)
    message_progress.move(engine, PLAN, STILL_OPEN.id, "acknowledged", at=at, person="osei")
    again = replace(STILL_OPEN, id="1764059000.7", at=at + timedelta(minutes=5), has_message=False)
    joined = messages.open_message(
        engine,
        message_id=again.id,
        call=again.id,
        at=again.at,
        urgency="urgent",
        callback_number=again.caller,
        recording=None,
    )
    engine.dispose()
    assert joined == STILL_OPEN.id
    write_log(home, [replace(again, joined=joined)])
    calls = {one["id"]: one for one in document(home)["calls"]}
    assert calls[STILL_OPEN.id]["acknowledged"]["minutes"] == 5.0
    assert calls[again.id]["message"] == STILL_OPEN.id
    assert calls[again.id]["acknowledged"] is None


class Page(HTMLParser):
    """Collects what a page shows and what it would load, and checks that its tags close."""

    VOID = ("meta", "br", "link", "img")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.loads: list[str] = []
        self.open: list[str] = []
        self.tags: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take a tag."""
        self.tags.append(tag)
        self.loads += [value or "" for name, value in attrs if name in {"src", "href"}]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Take the end of the innermost tag."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Take text."""
        self.words.append(data)


def test_the_sheet_stands_alone_and_has_room_to_sign(home: Path) -> None:
    """Each call with blank lines; nothing is loaded, nothing that people wrote becomes a tag."""
    path = home / "sheet.html"
    assert officeline(home, "--html", str(path)).exit_code == 0
    assert path.stat().st_mode & 0o077 == 0
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    shown = " ".join(page.words)
    assert page.loads == []
    assert "url(" not in text
    assert page.tags.count("article") == 3
    assert shown.count("Advice given") == 3
    assert shown.count("Signed") == 3
    assert "Reviewed by" in shown
    assert "b" not in page.tags
    assert "<b>fever</b>, at …0177" in shown
    for words in ("patient p-17 (…0142)", "Dr. Ana Lee", "after 4 min", "after 9 min", "BREACHED"):
        assert words in shown
    assert "3 calls: 1 connected, 2 left a message. Every call is accounted for." in shown
    assert shown.index(STILL_OPEN.id) < shown.index(TALKED.id)
    assert "@media print" in text
    assert "prefers-color-scheme: dark" in text


def test_a_lost_call_stands_in_the_accounts(home: Path) -> None:
    """It is named, with the reason, on the sheet and for people."""
    write_cdr(home, [*cdr_lines(TALKED), *cdr_lines(CALLED_BACK)])
    path = home / "sheet.html"
    result = officeline(home, "--html", str(path))
    for text in (result.stdout, path.read_text(encoding="utf-8").replace("&#39;", "'")):
        assert "1 unaccounted for" in text
        assert f"Call {STILL_OPEN.id}: our log has it, but Asterisk's records do not." in text


def test_for_people_it_is_two_tables(home: Path) -> None:
    """What is to be done first; a call by day in neither."""
    reported = officeline(home).stdout
    assert "Still to be done" in reported
    assert "lee, 4 min" in reported
    assert BY_DAY.id not in reported


def test_as_csv_it_has_a_line_for_each_call(home: Path, tmp_path: Path) -> None:
    """What the JSON has, in columns; to stdout nothing else goes then."""
    rows = {
        one["id"]: one for one in csv.DictReader(officeline(home, "--csv", "-").stdout.split("\n"))
    }
    assert list(rows) == [one["id"] for one in document(home)["calls"]]
    back = rows[CALLED_BACK.id]
    assert (back["acknowledged_by"], back["called_back_at"]) == ("lee", "2025-11-25T02:19:00-05:00")
    assert (back["from"], back["notes"]) == ("…0142", "<b>fever</b>, at …0177")
    assert rows[STILL_OPEN.id]["acknowledged_at"] == ""
    assert officeline(home, "--csv", str(tmp_path / "night.csv")).stdout == ""
    assert (tmp_path / "night.csv").stat().st_mode & 0o777 == 0o600
    assert isinstance(officeline(home, "--csv", "-", "--json").exception, OfficeLineError)


WAYS = [[], ["--json"], ["--html"], ["--csv", "-"]]


@pytest.mark.parametrize("words", WAYS, ids=["people", "json", "html", "csv"])
def test_no_number_is_reported(home: Path, words: list[str]) -> None:
    """Not even one that somebody put into a note."""
    path = home / "sheet.html"
    result = officeline(home, *words, *([str(path)] if "--html" in words else []))
    assert result.exit_code == 0
    reported = result.output + (path.read_text(encoding="utf-8") if path.exists() else "")
    assert not re.search(r"555.?01\d\d", reported)


def test_what_was_not_asked_of_anybody_is_not_undone(home: Path) -> None:
    """Who spoke with the caller need not call back; who was asked to and did not has a no."""
    rows = {line.split()[0]: line for line in officeline(home).stdout.splitlines() if line.strip()}
    assert re.search(r"connected +lee, 10 s +not needed", rows[TALKED.id])
    assert re.search(r"message +lee, 4 min +lee, 9 min", rows[CALLED_BACK.id])
    assert re.search(r"message +no +no", rows[STILL_OPEN.id])


def test_a_sheet_that_cannot_be_written_is_one_sentence(home: Path) -> None:
    """It names the file."""
    result = officeline(home, "--html", str(home / "no" / "sheet.html"))
    assert isinstance(result.exception, OfficeLineError)
    assert "sheet.html cannot be written" in str(result.exception)


def test_an_empty_home_has_an_empty_night(tmp_path: Path) -> None:
    """Nobody called, and nothing is to be done."""
    write_log(tmp_path, [])
    path = tmp_path / "sheet.html"
    result = officeline(tmp_path, "--html", str(path))
    assert "No calls." in result.stdout
    assert "Nobody called." in path.read_text(encoding="utf-8")


@given(st.dates(date(2025, 1, 10), date(2027, 12, 1)))
def test_nights_follow_each_other_and_hold_every_closed_evening(day: date) -> None:
    """A weekend and a holiday are in exactly one night each; only lunch is in none."""
    (start, end), (following, _) = (
        night_span(always(PLAN), day),
        night_span(always(PLAN), day + DAY),
    )
    assert start <= end <= following
    assert all(one.state == "closed" for one in hours.spans(PLAN, start, end))
    between = list(hours.spans(PLAN, end, following))
    assert between == [] or (between[0].state, between[-1].state) == ("open", "open")


@pytest.mark.parametrize(
    ("day", "start", "end"),
    [
        ("2025-11-24", "2025-11-23 08:00", "2025-11-24 08:30"),  # Monday, after a Sunday
        ("2025-11-22", "2025-11-21 12:00", "2025-11-22 08:00"),  # Saturday, after half a Friday
        ("2025-11-23", "2025-11-22 08:00", "2025-11-23 08:00"),  # Sunday
        ("2026-03-09", "2026-03-08 08:00", "2026-03-09 08:30"),  # the clocks went forward
    ],
)
def test_closed_days_are_cut_in_the_morning(day: str, start: str, end: str) -> None:
    """A sheet each day, weekends too."""
    zone = PLAN.office.zone
    found = night_span(always(PLAN), date.fromisoformat(day))
    assert [f"{at.astimezone(zone):%Y-%m-%d %H:%M}" for at in found] == [start, end]
