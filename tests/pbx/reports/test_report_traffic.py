"""`officeline report day`, `week`, `month`: figures that were worked out by hand."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from pbx.base.errors import OfficeLineError
from pbx.cli.reports import report
from pbx.cli.reports.figures import around
from pbx.cli.shared.context import Context
from pbx.config.home import Home
from pbx.config.patients_file import PatientEntry
from pbx.config.plan import parse
from pbx.db import audit, message_progress, messages
from pbx.db.database import open_database
from pbx.db.patients import put_patients
from pbx.reports.traffic import open_stretches, traffic
from routing.instants import DAY
from routing.model import Patient
from tests.pbx.reports.test_morning import Page
from tests.support.histories import always
from tests.support.ledgers import CALLER, Reported, write_log

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "config" / "office.toml"
PLAN = parse(EXAMPLE.read_text("utf-8"), EXAMPLE).plan
OTHER = "+12125550143"
TUESDAY = datetime(2026, 11, 24, 14, tzinfo=UTC)  # 09:00 in New York, where the office is open
NOW = "2026-11-25T17:00:00+00:00"


def call(number: int, minutes: float, outcome: Any = "connected", **more: Any) -> Reported:
    """Make a call of that Tuesday, so many minutes after 09:00."""
    more = {"urgency": "routine", "seconds": 600.0, **more}
    return Reported(f"1795000000.{number}", TUESDAY + timedelta(minutes=minutes), outcome, **more)


OPEN = [
    *(call(number, number, answer_s=10.0 * number) for number in (1, 2, 3, 4)),
    call(5, 5, "abandoned", seconds=12.0, caller=None),
    call(6, 6, "blocked"),
]
LUNCH = call(7, 210, answer_s=300.0, caller=OTHER)  # 12:30
NIGHT = [
    call(10 + number, 600 + number, "message", urgency="urgent", has_message=True, caller=caller)
    for number, caller in enumerate(f"+1212555017{digit}" for digit in range(5))
]  # from 19:00 on


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a home with that day, whose urgent messages ended in five ways."""
    folder = tmp_path_factory.mktemp("home")
    write_log(folder, [*OPEN, LUNCH, *NIGHT])
    engine = open_database(Home(folder).database)
    patient = PatientEntry(1, Patient("p-17", "Mary Roe"), (CALLER,))
    put_patients(engine, [patient], refused=False, partial=False, by="amy", now=TUESDAY)
    kept, late, spoken, dropped, _ = NIGHT

    def act(
        one: Reported, event: message_progress.MessageMove, minutes: float, words: str | None = None
    ) -> None:
        at = one.at + timedelta(minutes=minutes)
        message_progress.move(engine, PLAN, one.id, event, at=at, person="lee", disposition=words)

    act(kept, "acknowledged", 4)
    act(kept, "called back", 9)
    act(late, "acknowledged", 30)
    act(late, "called back", 50)
    act(spoken, "acknowledged", 0.5)
    act(spoken, "closed", 3, messages.SPOKEN)
    act(dropped, "closed", 5, "a wrong number")
    engine.dispose()
    return folder


def officeline(home: Path, *words: str) -> Result:
    """Run `officeline report ...` on a home of the example practice, the day after."""
    root = typer.Typer()

    @root.callback()
    def options(context: typer.Context) -> None:
        context.obj = Context(EXAMPLE, home)

    root.add_typer(report.app, name="report")
    with time_machine.travel(NOW, tick=False):
        return CliRunner().invoke(root, ["report", *words])


def document(home: Path, *words: str) -> Any:
    """Read the one JSON document on stdout."""
    result = officeline(home, *words, "--json")
    assert (result.exit_code, result.stderr) == (0, ""), result.exception
    return json.loads(result.stdout)


def test_yesterday_in_figures(home: Path) -> None:
    """Volume, answers of open hours, abandonment without the blocked, and nothing of lunch."""
    found = document(home, "day")
    assert (found["from"], found["to"]) == ("2026-11-24", "2026-11-25")
    assert found["calls"] == {
        "calls": 12,
        "urgent": 5,
        "connected": 5,
        "message": 5,
        "abandoned": 1,
        "blocked": 1,
    }
    assert found["answer"] == {
        "norm_s": 30,
        "offered": 5,
        "within": 3,
        "share": 0.6,
        "count": 4,
        "mean": 25.0,
        "p50": 20,
        "p90": 40,
        "p95": 40,
        "p99": 40,
        "most": 40,
    }
    assert found["abandonment"] == {"norm": 0.05, "offered": 5, "abandoned": 1, "share": 0.2}
    by_hour = {one["hour"]: one["calls"] for one in found["by_hour"] if one["calls"]}
    assert by_hour == {9: 6, 12: 1, 19: 5}


def test_urgent_messages_against_half_an_hour(home: Path) -> None:
    """One in time, one late, one spoken on the line, one closed without a call, one forgotten."""
    found = document(home, "day")["urgent_messages"]
    assert (found["opened"], found["spoken"]) == (5, 1)
    acknowledged, called_back = found["acknowledged"], found["called_back"]
    assert (acknowledged["count"], acknowledged["p50"], acknowledged["most"]) == (2, 240, 1800)
    assert (acknowledged["due"], acknowledged["within"], acknowledged["never"]) == (4, 2, 2)
    assert (called_back["count"], called_back["p50"], called_back["most"]) == (2, 540, 3000)
    assert (called_back["due"], called_back["within"], called_back["share"]) == (4, 1, 0.25)


def test_what_may_still_be_in_time_is_pending(home: Path) -> None:
    """Twenty minutes after it nobody has broken a promise."""
    engine = open_database(Home(home).database)
    now = NIGHT[-1].at + timedelta(minutes=20)
    found = traffic(engine, always(PLAN), TUESDAY.date(), TUESDAY.date() + DAY, now)
    engine.dispose()
    one = found.kept["acknowledged"]
    assert (one.pending, one.never, one.due) == (1, 1, 3)


def test_who_calls_most_is_known_by_the_directory_or_four_digits(home: Path) -> None:
    """The anonymous caller is nobody's number; shares are of all calls."""
    found = document(home, "day")["callers"]
    one = {"from": "…0142", "patient": "p-17", "numbers": 1, "calls": 5, "share": 0.4167}
    assert found[0] == one
    assert found[1] == {**one, "from": "…0143", "patient": None, "calls": 1, "share": 0.0833}
    assert sum(one["calls"] for one in found) == 11


def test_days_to_come_are_in_no_average(home: Path) -> None:
    """It is the Wednesday: of the week that goes on three weekdays were."""
    found = document(home, "week", "--date", "today")["by_weekday"]
    assert [one["days"] for one in found] == [1, 1, 1, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("words", "span"),
    [
        (("day", "--date", "2030-01-01"), "Tue, Jan 1, 2030"),
        (("week", "--date", "2025-01-01"), "Mon, Dec 30, 2024 to Sun, Jan 5, 2025"),
    ],
)
def test_days_without_calls_are_a_sentence(home: Path, words: tuple[str, ...], span: str) -> None:
    """And no page of noughts; tools get their document all the same."""
    assert officeline(home, *words).stdout == f"No calls are logged for {span}.\n"
    assert document(home, *words)["calls"]["calls"] == 0


def test_a_week_counts_its_weekdays_and_days(home: Path) -> None:
    """Seven days, all calls on the Tuesday; what happened on no day is no figure."""
    found = document(home, "week", "--date", "2026-11-28")
    assert (found["from"], found["to"]) == ("2026-11-23", "2026-11-30")
    assert [(one["weekday"], one["days"]) for one in found["by_weekday"]][:2] == [
        ("mon", 1),
        ("tue", 1),
    ]
    assert [one["calls"] for one in found["by_weekday"]] == [0, 12, 0, 0, 0, 0, 0]
    days = {one["day"]: one for one in found["by_day"]}
    assert days["2026-11-24"]["answer"]["p90"] == 40
    assert days["2026-11-24"]["abandonment"] == 0.2
    assert days["2026-11-23"]["answer"]["p90"] is None
    assert days["2026-11-23"]["abandonment"] is None


AUTUMN = [
    "2026-11-01T03:59:59",  # Saturday, 23:59
    "2026-11-01T04:00:00",  # Sunday, 00:00
    "2026-11-01T05:30:00",  # 01:30, for the first time
    "2026-11-01T06:30:00",  # 01:30 again
    "2026-11-02T04:59:59",  # 23:59
    "2026-11-02T05:00:00",  # Monday
]
SPRING = [
    "2026-03-08T06:59:59",  # 01:59
    "2026-03-08T07:00:00",  # 03:00, as no 02:00 there is
    "2026-03-09T03:59:59",  # 23:59
    "2026-03-09T04:00:00",  # Monday
]


@pytest.mark.parametrize(
    ("times", "day", "hours"),
    [(AUTUMN, "2026-11-01", {0: 1, 1: 2, 23: 1}), (SPRING, "2026-03-08", {1: 1, 3: 1, 23: 1})],
    ids=["25 hours", "23 hours"],
)
def test_the_days_on_which_the_clocks_change(
    tmp_path: Path, times: list[str], day: str, hours: dict[int, int]
) -> None:
    """A local day has all its hours, the repeated one twice, and nothing of its neighbors."""
    write_log(
        tmp_path,
        [
            Reported(f"1.{number}", datetime.fromisoformat(at).replace(tzinfo=UTC))
            for number, at in enumerate(times)
        ],
    )
    found = document(tmp_path, "day", "--date", day)
    counted = {one["hour"]: one["calls"] for one in found["by_hour"] if one["calls"]}
    assert counted == hours
    assert found["calls"]["calls"] == sum(hours.values())


ZONES = ["America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Cairo", "UTC"]


@given(
    st.sampled_from(ZONES),
    st.dates(date(2025, 1, 1), date(2027, 12, 1)),
    st.floats(0, 3 * 86_400 - 1, allow_nan=False),
)
def test_every_instant_is_in_one_stretch_of_its_local_hour(
    zone: str, first: date, seconds: float
) -> None:
    """In zones of half hours, of half an hour's summer time, and without a midnight in spring."""
    text = EXAMPLE.read_text("utf-8").replace("America/New_York", zone)
    plan = parse(text, EXAMPLE).plan
    cuts = open_stretches(always(plan), first, first + 3 * DAY)
    assert all(one.end == two.start for one, two in pairwise(cuts))
    at = min(cuts[0].start + timedelta(seconds=seconds), cuts[-1].end - timedelta(seconds=1))
    (found,) = [one for one in cuts if one.start <= at < one.end]
    local = at.astimezone(ZoneInfo(zone))
    assert (found.day, found.hour) == (local.date(), local.hour)


@pytest.mark.parametrize(
    ("kind", "day", "wanted"),
    [
        ("day", "2026-11-24", ("2026-11-24", "2026-11-25")),
        ("week", "2026-11-29", ("2026-11-23", "2026-11-30")),
        ("week", "2026-11-30", ("2026-11-30", "2026-12-07")),
        ("month", "2026-12-31", ("2026-12-01", "2027-01-01")),
        ("month", "2028-02-29", ("2028-02-01", "2028-03-01")),
    ],
)
def test_a_date_names_the_span_that_holds_it(kind: str, day: str, wanted: tuple[str, str]) -> None:
    """Weeks begin on Monday; a month is the calendar's."""
    found = around(kind, date.fromisoformat(day))
    assert tuple(one.isoformat() for one in found) == wanted


def test_without_a_date_it_is_the_last_whole_one(home: Path) -> None:
    """Today is not over."""
    assert document(home, "week")["from"] == "2026-11-16"
    assert document(home, "month")["from"] == "2026-10-01"


@pytest.mark.parametrize(
    "words",
    [
        ["--date", "today", "--from", "2026-11-01"],
        ["--to", "2026-11-01"],
        ["--from", "2026-11-02", "--to", "2026-11-01"],
        ["--from", "2010-11-02"],
        ["--json", "--csv", "-"],
    ],
    ids=["both", "no beginning", "backwards", "endless", "two answers"],
)
def test_what_is_no_question_is_refused(home: Path, words: list[str]) -> None:
    """In one sentence, and nothing is told."""
    result = officeline(home, "month", *words)
    assert isinstance(result.exception, OfficeLineError)
    assert result.stdout == ""


def test_csv_is_one_figure_a_line(home: Path) -> None:
    """Shares are of one, and what there is no figure for is empty."""
    rows = list(csv.DictReader(io.StringIO(officeline(home, "day", "--csv", "-").stdout)))
    found = {(one["table"], one["row"], one["figure"]): one["value"] for one in rows}
    assert len(found) == len(rows)
    assert found["by_hour", "09", "calls"] == "6"
    assert found["norms", "hung up, open hours", "share"] == "0.2"
    assert found["waiting", "until called back, urgent", "99 %"] == "3000"
    assert found["norms", "answered by a person within 30 s, open hours", "norm"] == ""
    assert {table for table, _, _ in found}.isdisjoint({"by_weekday"})  # it is a single day


def test_the_page_stands_alone_with_a_table_behind_each_chart(home: Path) -> None:
    """Nothing is loaded; each drawing is named for those who cannot see it."""
    path = home / "week.html"
    result = officeline(home, "week", "--date", "2026-11-24", "--html", str(path))
    assert (result.exit_code, result.stdout) == (0, "")
    assert path.stat().st_mode & 0o077 == 0
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert page.loads == []
    assert "url(" not in text
    assert page.tags.count("svg") == 5
    assert page.tags.count("details") == 3
    assert text.count('role="img" aria-label="') == 5
    assert "The highest of 24 bars is 6, at 9 AM." in text
    assert ">20</text>" in text  # 12 calls, under a top whose half is round, too
    assert 'class="over"' in text  # 40 s is over 30 s
    assert "@media print" in text
    assert "prefers-color-scheme: dark" in text


def test_for_people_it_is_tables(home: Path) -> None:
    """With units, and the verdict on each norm."""
    reported = officeline(home, "day").stdout
    assert re.search(r"hung up, open hours +20.0 % +5 +5.0 % +no", reported)
    assert re.search(r"until a person answered, open hours +4 +25 s +20 s +40 s", reported)


@pytest.mark.parametrize("words", [[], ["--json"], ["--csv", "-"], ["--html"]], ids=str)
def test_no_number_is_reported(home: Path, words: list[str]) -> None:
    """In no form of the report."""
    path = home / "masked.html"
    result = officeline(home, "day", *words, *([str(path)] if "--html" in words else []))
    assert result.exit_code == 0
    reported = result.output + (path.read_text(encoding="utf-8") if path.exists() else "")
    assert "0142" in reported
    assert not re.search(r"555.?01\d\d", reported)


def test_each_file_is_written_down(home: Path) -> None:
    """Patients' ids leave the office with it; what is shown on the screen does not."""
    engine = open_database(Home(home).database)
    before = len(audit.entries(engine, what="report.exported"))
    officeline(home, "week")
    officeline(home, "week", "--csv", str(home / "week.csv"))
    (entry,) = audit.entries(engine, what="report.exported")[before:]
    engine.dispose()
    assert (entry.about, entry.detail) == ("week 2026-11-16", {"days": 7})


def test_a_file_that_cannot_be_written_is_one_sentence(home: Path) -> None:
    """It names the option."""
    for option in ("--html", "--csv"):
        result = officeline(home, "day", option, str(home / "no" / "file"))
        assert isinstance(result.exception, OfficeLineError)
        assert option in str(result.exception)


def test_an_empty_log_has_no_figures(tmp_path: Path) -> None:
    """Neither a division by nothing nor a chart of it."""
    write_log(tmp_path, [])
    path = tmp_path / "empty.html"
    assert officeline(tmp_path, "month", "--html", str(path)).exit_code == 0
    assert "<svg" not in path.read_text(encoding="utf-8")
    assert document(tmp_path, "month")["answer"]["share"] is None
