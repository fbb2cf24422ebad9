"""The patients who call most: by the directory, with their share, and revealed in writing alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pbx.config.home import Home
from pbx.config.patients_file import PatientEntry
from pbx.db import audit
from pbx.db.callers import CallerCount, Callers, count_callers
from pbx.db.database import open_database
from pbx.db.patients import put_patients
from pbx.db.tables import utc_text
from pbx.reports import callers as shown_callers
from pbx.reports.display import Shown
from routing.model import Patient
from tests.pbx.reports.test_report_traffic import PLAN, TUESDAY, call, document, officeline
from tests.support.ledgers import MAIN, write_log

MARY, MARYS_OTHER, JOHN = "+12125550142", "+12125550143", "+12125550144"
DAY = (TUESDAY.replace(hour=0), TUESDAY.replace(hour=0) + timedelta(days=1))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a home with ten calls: six of Mary's two phones, three of John, one anonymous."""
    folder = tmp_path_factory.mktemp("home")
    who = [MARY, MARYS_OTHER, MARY, MARYS_OTHER, MARY, MARY, JOHN, JOHN, JOHN, None]
    write_log(folder, [call(number, number, caller=one) for number, one in enumerate(who, 1)])
    engine = open_database(Home(folder).database)
    entry = PatientEntry(1, Patient("p-17", "Mary Roe"), (MARY, MARYS_OTHER))
    put_patients(engine, [entry], refused=False, partial=False, by="amy", now=TUESDAY)
    engine.dispose()
    return folder


def test_a_patients_phones_are_one_caller(home: Path) -> None:
    """With the number used most, and what the first of all made."""
    engine = open_database(Home(home).database)
    with engine.connect() as connection:
        found = count_callers(connection, *DAY, 10)
        first = count_callers(connection, *DAY, 1)
        none = count_callers(connection, DAY[0] - timedelta(days=1), DAY[0], 10)
    engine.dispose()
    assert found == Callers((CallerCount(MARY, 2, 6), CallerCount(JOHN, 1, 3)), 2, 9, 1, 6)
    assert (first.first, first.total) == ((CallerCount(MARY, 2, 6),), 9)
    assert none == Callers()


def test_a_shared_number_is_a_caller_of_its_own(tmp_path: Path) -> None:
    """Nobody knows who of the family called: its calls count once, and for nobody's other phone."""
    home = Home(tmp_path)
    who = [MARY, MARYS_OTHER, JOHN, JOHN, JOHN]
    write_log(tmp_path, [call(number, number, caller=one) for number, one in enumerate(who, 1)])
    engine = open_database(home.database)
    entries = [
        PatientEntry(1, Patient("p-17", "Mary Roe"), (MARY, MARYS_OTHER, JOHN)),
        PatientEntry(2, Patient("p-18", "Bob Roe"), (JOHN,)),
    ]
    put_patients(engine, entries, refused=False, partial=False, by="amy", now=TUESDAY)
    with engine.connect() as connection:
        found = count_callers(connection, *DAY, 10)
    engine.dispose()
    assert found == Callers((CallerCount(JOHN, 1, 3), CallerCount(MARY, 2, 2)), 2, 5, 1, 3)


def test_the_few_are_counted_among_thousands(tmp_path: Path) -> None:
    """0.6 % of 2,000 callers are twelve, more than are named; together they made these calls."""
    engine = open_database(Home(tmp_path).database)
    begun = "INSERT INTO call (id, started_at, line, did, caller) VALUES (?, ?, 'main', ?, ?)"
    calls = [number for number in range(2000) for _ in range(5 if number < 20 else 1)]
    with engine.begin() as connection:
        for place, number in enumerate(calls):
            row = (f"{place}.0", utc_text(TUESDAY), MAIN, f"+1212{5550000 + number}")
            connection.exec_driver_sql(begun, row)
        found = count_callers(connection, *DAY, 10)
    engine.dispose()
    assert (found.everybody, found.total, len(found.first)) == (2000, 2080, 10)
    assert (found.few, found.few_calls) == (12, 60)


def test_it_stands_in_every_form(home: Path) -> None:
    """Masked, with the patient's id and the share of all calls."""
    found = document(home, "month", "--date", "2026-11-24")
    assert found["callers"] == [
        {"from": "…0142", "patient": "p-17", "numbers": 2, "calls": 6, "share": 0.6},
        {"from": "…0144", "patient": None, "numbers": 1, "calls": 3, "share": 0.3},
    ]
    assert found["few_callers"] == {
        "of": 2, "callers": 1, "calls": 6, "share": 0.6667, "usual": 0.23,
    }  # fmt: skip
    path = home / "week.html"
    officeline(home, "week", "--date", "2026-11-24", "--html", str(path))
    for text in (officeline(home, "week", "--date", "2026-11-24").stdout, path.read_text("utf-8")):
        assert "Patients who call most" in text
        assert "…0142 and 1 more" in text
        reported = " ".join(text.split())
        assert "1 of 2 callers (50.0%) made 66.7 % of the calls that showed a number" in reported


@pytest.mark.parametrize("way", [[], ["--json"], ["--csv", "-"], ["--html"]], ids=str)
def test_whole_numbers_are_asked_for_in_writing(home: Path, way: list[str]) -> None:
    """In every form, and who asked is in the audit before."""
    path = home / "revealed.html"
    words = ["month", "--date", "2026-11-24", *way, *([str(path)] if "--html" in way else [])]
    engine = open_database(Home(home).database)
    before = len(audit.entries(engine, what="numbers.revealed"))
    for reveal in ([], ["--reveal"]):
        said = officeline(home, *words, *reveal).stdout
        text = path.read_text("utf-8") if "--html" in way else said
        assert (MARY in text) == bool(reveal)
    (entry,) = audit.entries(engine, what="numbers.revealed")[before:]
    engine.dispose()
    assert (entry.about, entry.detail) == ("2026-11-01", {"command": "report month"})


def test_a_day_without_numbers_has_no_sentence() -> None:
    """Anonymous calls alone are divided by nothing."""
    shown = Shown(PLAN, datetime.now(UTC))
    assert shown_callers.table(Callers(), 3, shown).about == ""
    printed = json.loads(json.dumps(shown_callers.to_json(Callers(), 3, shown)))
    assert printed["few_callers"]["share"] is None
