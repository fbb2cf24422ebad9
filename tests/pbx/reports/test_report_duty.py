"""`officeline report oncall`: what being on call asked of whom, worked out by hand."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pbx.config.home import Home
from pbx.db import follow_ups, message_progress
from pbx.db.database import open_database
from pbx.reports.duty import duty
from routing.follow_up import FollowUpStage, Todo
from routing.instants import DAY
from tests.pbx.reports.test_report_traffic import PLAN, document, officeline
from tests.support.histories import always
from tests.support.ledgers import Reported, write_log

# In the example lee hands over to osei on Monday 23 November at 08:00, and osei a week later.
MONDAY = datetime(2026, 11, 23, 13, tzinfo=UTC)  # 08:00 in New York
HOUR = timedelta(hours=1)


def call(number: int, at: datetime, *legs: str, **more: Any) -> Reported:
    """Make a call that rings these people."""
    return Reported(f"1795000000.{number}", at, legs=legs, **more)


CALLS = [
    call(1, MONDAY - HOUR / 2, "lee", "osei"),  # in the hour before
    call(2, MONDAY + HOUR / 4, "osei"),  # in the hour after, before the office opens
    call(3, MONDAY + HOUR / 4 + timedelta(minutes=1), "osei", "lee"),  # lee's turn is over
    call(4, MONDAY + 3 * HOUR, "osei"),  # 11:00, the office is open
    call(5, MONDAY + 14 * HOUR, "osei"),  # Monday night
    call(6, MONDAY + 20 * HOUR, "osei"),  # still Monday night: 04:00
    call(7, MONDAY + 40 * HOUR, "patel", "osei"),  # Wednesday, 00:00: Tuesday night
]
BEFORE = call(9, MONDAY - 7 * DAY - 5 * HOUR, "lee")  # a week before, 03:00: Sunday night
LEFT = call(8, MONDAY - HOUR / 12, "lee", outcome="message", has_message=True)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Make a home with two turns; a message is told to lee, and osei finds it and takes it up."""
    write_log(tmp_path, [*CALLS, BEFORE, LEFT])
    engine = open_database(Home(tmp_path).database)
    at = LEFT.at + timedelta(minutes=2)
    (view,) = message_progress.due_messages(engine, LEFT.at + DAY, 5)
    todo = Todo("ring", FollowUpStage.ON_CALL, {"lee": "mobile"})
    (attempt,) = follow_ups.begin_round(engine, view, todo, ["lee"], at=at, due_at=None) or []
    follow_ups.end_attempt(engine, attempt.id, "declined", at + timedelta(seconds=20))
    for event, minutes in (("acknowledged", 10), ("called back", 12)):
        at = LEFT.at + timedelta(minutes=minutes)
        message_progress.move(engine, PLAN, LEFT.id, event, at=at, person="osei")  # type: ignore[arg-type]  # both are acts
    engine.dispose()
    return tmp_path


def test_who_was_woken_how_often(home: Path) -> None:
    """By legs of calls and attempts of the follow-up, while the office is closed."""
    found = document(home, "oncall", "--from", "2026-11-16", "--to", "2026-11-30")
    people = {one["person"]: one for one in found["people"]}
    # lee: call 1, call 3, the message itself, the follow-up's attempt, and what was before lee's
    # turn
    lee, osei, patel = people["lee"], people["osei"], people["patel"]
    assert (lee["interruptions"], lee["nights"], lee["weekends"]) == (5, 7, 1)
    # lee's nights end on Monday at 08:00, so call 3 is of a night of osei's
    assert (lee["other_nights"], lee["nights_disturbed"]) == (2, 1)
    assert (lee["per_night"]["p50"], lee["per_night"]["p90"], lee["per_night"]["most"]) == (0, 3, 3)
    # osei: 1, 2, 3, 5, 6, 7 and not 4; that of call 1 is in a night of lee's
    assert (osei["interruptions"], osei["taken"], osei["other_nights"]) == (6, 5, 1)
    assert (osei["nights"], osei["nights_disturbed"], osei["per_night"]["most"]) == (7, 2, 4)
    assert (patel["interruptions"], patel["taken"], patel["nights"]) == (1, 0, 0)
    assert found["evenness"]["nights"] == 1.5
    assert found["evenness"]["interruptions"] == round(6 * 3 / 12, 3)


def test_what_a_handoff_costs_whom(home: Path) -> None:
    """Interruptions on both sides of Monday 08:00, and the message that nobody had taken up."""
    found = document(home, "oncall", "--from", "2026-11-23", "--to", "2026-11-24")
    assert found["handoffs"] == [
        {
            "schedule": "doctors",
            "weekday": "mon",
            "clock": "08:00",
            "times": 1,
            "before": 3,
            "after": 2,
            "late": 1,
            "carried": 1,
        }
    ]
    waiting = {one["person"]: one["found_waiting"] for one in found["people"]}
    assert waiting == {"lee": 0, "osei": 1, "patel": 0}


def test_a_promise_is_kept_by_whoever_called_back(home: Path) -> None:
    """Not by whoever was on call when it came."""
    found = document(home, "oncall", "--from", "2026-11-16", "--to", "2026-11-30")
    kept = {one["person"]: one["called_back"] for one in found["people"]}
    assert (kept["osei"]["count"], kept["osei"]["p99"], kept["osei"]["share"]) == (1, 720, 1.0)
    assert kept["lee"]["share"] is None


def test_a_schedule_is_shared_in_nights_and_hours(home: Path) -> None:
    """Two weeks: seven nights each, from Monday 08:00; the first eight hours were another's."""
    found = document(home, "oncall", "--from", "2026-11-16", "--to", "2026-11-30")
    shares = {one["person"]: (one["nights"], one["hours"]) for one in found["schedules"]}
    assert shares == {"patel": (0, 8.0), "lee": (7, 168.0), "osei": (7, 160.0)}
    words = ("oncall", "--from", "2026-11-16", "--to", "2026-11-30", "--csv", "-")
    rows = csv.DictReader(io.StringIO(officeline(home, *words).stdout))
    even = {one["row"]: one["value"] for one in rows if one["figure"] == "of the mean"}
    assert even == {"doctors, patel": "0.0", "doctors, lee": "1.5", "doctors, osei": "1.5"}


def test_the_week_of_the_change_has_an_hour_more(home: Path) -> None:
    """In autumn whoever is on call over the change is so for 169 hours, from Monday to Monday."""
    engine = open_database(Home(home).database)
    first = datetime(2026, 10, 26, tzinfo=UTC).date()
    found = duty(engine, always(PLAN), first, first + 8 * DAY, datetime.now(UTC))
    engine.dispose()
    assert max(one.hours for one in found.schedules) == 169.0


def test_for_people_and_as_a_page(home: Path) -> None:
    """Tables, two charts against the mean, and one figure a line."""
    path = home / "oncall.html"
    words = ("oncall", "--from", "2026-11-16", "--to", "2026-11-30")
    assert officeline(home, *words, "--html", str(path)).exit_code == 0
    text = path.read_text(encoding="utf-8")
    assert text.count("<svg") == 2
    assert "dashed: the mean" in text
    assert "What handoffs cost" in officeline(home, *words).stdout
    rows = list(csv.DictReader(io.StringIO(officeline(home, *words, "--csv", "-").stdout)))
    found = {(one["table"], one["row"], one["figure"]): one["value"] for one in rows}
    assert len(found) == len(rows)
    assert found["promises", "osei, called back", "50 %"] == "720"
    assert found["handoffs", "doctors, mon 08:00", "left waiting"] == "1"
