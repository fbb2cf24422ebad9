"""`officeline inbox`, as the front desk and as a script meet it."""

from __future__ import annotations

import json
import re
import wave
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from pbx.base.errors import OfficeLineError
from pbx.cli.inbox import inbox
from pbx.cli.shared.context import Context
from pbx.config.home import Home
from pbx.config.patients_file import PatientEntry
from pbx.config.plan import parse
from pbx.db import audit, follow_ups, message_progress, messages
from pbx.db.database import open_database
from pbx.db.patients import put_patients
from pbx.reports.display import is_breached
from routing import follow_up
from routing.follow_up import MessageView
from routing.model import Patient, Plan
from tests.support.ledgers import CALLER, Reported, write_log

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "config" / "office.toml"
T0 = datetime(2025, 11, 28, 7, 10, tzinfo=UTC)
ROUTINE = Reported("1764313700.1", T0 - timedelta(hours=1), "message", "routine", has_message=True)
URGENT = Reported("1764313800.0", T0, "message", has_message=True)
LATER = Reported(
    "1764313860.4", T0 + timedelta(minutes=1), "message", has_message=True, caller="+12125550143"
)
NOTE = "rang +1 212 555 0142 twice"


@pytest.fixture
def plan() -> Plan:
    """Read the example practice."""
    return parse(EXAMPLE.read_text("utf-8"), EXAMPLE).plan


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Make a home with three messages; about one of them somebody was called in vain."""
    write_log(tmp_path, [ROUTINE, URGENT, LATER])
    engine = open_database(Home(tmp_path).database)
    patient = PatientEntry(1, Patient("p-17", "Mary Roe"), (CALLER,))
    put_patients(engine, [patient], refused=False, partial=False, by="amy", now=T0)
    view = next(one for one in message_progress.due_messages(engine, T0, 9) if one.id == URGENT.id)
    todo = follow_up.Todo("ring", who={"lee": "mobile"})
    (attempt,) = (
        follow_ups.begin_round(engine, view, todo, ["lee"], at=T0, due_at=T0 + timedelta(minutes=5))
        or []
    )
    follow_ups.end_attempt(engine, attempt.id, "no answer", T0 + timedelta(seconds=20))
    engine.dispose()
    return tmp_path


def officeline(home: Path, *words: str, typed: str = "") -> Result:
    """Run `officeline inbox ...` on a home of the example practice."""
    root = typer.Typer()

    @root.callback()
    def options(context: typer.Context) -> None:
        context.obj = Context(EXAMPLE, home)

    root.add_typer(inbox.app, name="inbox")
    return CliRunner().invoke(root, ["inbox", *words], input=typed)


def document(result: Result) -> Any:
    """Read the one JSON document on stdout."""
    assert (result.exit_code, result.stderr) == (0, ""), result.exception
    return json.loads(result.stdout)


def complaint(result: Result) -> str:
    """Return the sentence that the one entrance prints before it exits with 2."""
    assert isinstance(result.exception, OfficeLineError), result.exception
    assert result.stdout == ""
    sentence = str(result.exception)
    assert re.fullmatch(r"[^\n]+[;:] [^\n]+\.", sentence)
    return sentence


def record(home: Path, message: Reported, seconds: int = 1) -> Path:
    """Leave a recording of a message."""
    folder = Home(home).messages
    folder.mkdir(exist_ok=True)
    path = folder / f"{message.id}.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\0\0" * 8000 * seconds)
    return path


def test_list_has_the_shape_that_tools_rely_on(home: Path) -> None:
    """Urgent ones first, then the oldest; numbers masked, times with their offset."""
    listed = document(officeline(home, "list", "--json"))["messages"]
    assert [one["id"] for one in listed] == [URGENT.id, LATER.id, ROUTINE.id]
    urgent = listed[0]
    assert urgent.pop("age_s") > 3600
    assert urgent == {
        "id": URGENT.id,
        "state": "open",
        "urgency": "urgent",
        "opened_at": "2025-11-28T02:10:00-05:00",
        "owner": None,
        "attempts": 1,
        "due_at": "2025-11-28T02:15:00-05:00",
        "breached": True,
        "from": "…0142",
        "patient": "p-17",
    }
    assert [one["breached"] for one in listed] == [True, True, False]
    assert [one["attempts"] for one in listed] == [1, 0, 0]


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("view", "passed", "broken"),
    [
        (MessageView("1", "urgent", "open", T0), HOUR / 3, False),
        (MessageView("1", "urgent", "open", T0), HOUR / 2, True),
        (MessageView("1", "urgent", "open", T0, breached_at=T0 - HOUR), HOUR / 3, True),
        (MessageView("1", "routine", "open", T0), 9 * HOUR, False),
        (
            MessageView("1", "urgent", "acknowledged", T0, acknowledged_at=T0 + HOUR),
            1.4 * HOUR,
            False,
        ),
        (
            MessageView("1", "urgent", "acknowledged", T0, acknowledged_at=T0 + HOUR),
            1.5 * HOUR,
            True,
        ),
        (MessageView("1", "urgent", "called back", T0, acknowledged_at=T0), 9 * HOUR, False),
    ],
)
def test_a_promise_is_broken_noticed_or_not(
    plan: Plan, view: MessageView, passed: timedelta, *, broken: bool
) -> None:
    """Half an hour until somebody takes it up, and as long from then until the call back."""
    assert is_breached(view, plan, T0 + passed) is broken


def test_list_for_people_says_what_was_broken(home: Path) -> None:
    """A row for each, and a word for a promise that was not kept."""
    heading, *rows = officeline(home, "list").stdout.splitlines()
    assert heading.split()[:3] == ["message", "state", "urgency"]
    assert ["BREACHED" in row for row in rows] == [True, True, False]
    assert "2 min" not in rows[0]
    assert "nobody" in rows[0]


def test_closed_messages_are_listed_when_asked_for(home: Path) -> None:
    """The inbox is what is still to be done."""
    close(home, ROUTINE)
    assert ROUTINE.id not in officeline(home, "list").stdout
    (closed,) = [
        one
        for one in document(officeline(home, "list", "--all", "--json"))["messages"]
        if one["id"] == ROUTINE.id
    ]
    assert (closed["state"], closed["due_at"]) == ("closed", None)


def close(home: Path, message: Reported, *words: str) -> Result:
    """Close a message, without being asked."""
    said = ("--disposition", "refill sent", "--by", "lee", "--yes")
    return officeline(home, "close", message.id, *said, *words)


def test_what_is_done_with_a_message_is_its_history(home: Path) -> None:
    """Claimed, noted, closed: each with a person and an instant; the attempt and the call, too."""
    assert officeline(home, "claim", URGENT.id, "frontdesk").exit_code == 0
    assert officeline(home, "claim", URGENT.id, "desk1").exit_code == 0
    assert officeline(home, "note", URGENT.id, NOTE, "--by", "desk1").exit_code == 0
    done = f"Message {URGENT.id} is closed.\n"
    assert close(home, URGENT).stdout == f"Lakeside Internal Medicine: {done}"
    found = document(officeline(home, "show", URGENT.id, "--json"))
    assert found["message"]["owner"] == "desk1"
    assert found["message"]["disposition"] == "refill sent"
    assert found["message"]["closed_by"] == "lee"
    assert datetime.fromisoformat(found["message"]["closed_at"]) > T0
    events = [(one["what"], one["person"]) for one in found["events"]]
    assert events == [
        ("opened", None),
        ("claimed", "frontdesk"),
        ("claimed", "desk1"),
        ("note", "desk1"),
        ("closed", "lee"),
    ]
    assert found["events"][2]["detail"] == {"before": "frontdesk"}
    assert found["events"][3]["detail"] == {"text": "rang …0142 twice"}
    assert found["attempts"] == [
        {
            "person": "lee",
            "via": "mobile",
            "stage": "on call",
            "started_at": "2025-11-28T02:10:00-05:00",
            "ended_at": "2025-11-28T02:10:20-05:00",
            "result": "no answer",
        }
    ]
    assert found["call"]["id"] == URGENT.id
    reported = officeline(home, "show", URGENT.id).stdout
    for words in ("claimed", "rang …0142 twice", "no answer", "Outcome: message", "patient p-17"):
        assert words in reported


def test_closing_asks_where_nobody_called_back(home: Path, plan: Plan) -> None:
    """No is no, and after a call back nothing is asked."""
    words = ("close", URGENT.id, "--disposition", "spoke with her", "--by", "lee")
    refused = officeline(home, *words, typed="n\n")
    assert refused.exit_code == 1
    assert state(home, URGENT) == "open"
    assert officeline(home, *words, typed="y\n").exit_code == 0
    assert state(home, URGENT) == "closed"
    engine = open_database(Home(home).database)
    message_progress.move(engine, plan, LATER.id, "called back", at=T0, person="lee")
    engine.dispose()
    done = officeline(home, "close", LATER.id, "--disposition", "spoke with her", "--by", "lee")
    assert (done.exit_code, "?" in done.stdout) == (0, False)
    assert state(home, LATER) == "closed"


def state(home: Path, message: Reported) -> str:
    """Read how a message stands."""
    engine = open_database(Home(home).database)
    found = messages.get_message(engine, message.id)
    engine.dispose()
    assert found is not None
    return found.state


@pytest.mark.parametrize(
    "words",
    [
        ("show", "7.7"),
        ("play", "7.7"),
        ("claim", "7.7", "lee"),
        ("note", "7.7", "hello", "--by", "lee"),
        ("close", "7.7", "--disposition", "done", "--by", "lee", "--yes"),
    ],
    ids=lambda words: str(words[0]),
)
def test_an_unknown_message_is_one_sentence(home: Path, words: tuple[str, ...]) -> None:
    """It names the message, and how to find the right one."""
    assert "'7.7'" in complaint(officeline(home, *words))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("claim", URGENT.id, "nemo"), "'nemo'"),
        (("note", URGENT.id, "hello", "--by", "nemo"), "'nemo'"),
        (("note", URGENT.id, "  ", "--by", "lee"), "1 to 2000"),
        (("note", URGENT.id, "x" * 2001, "--by", "lee"), "1 to 2000"),
        (("close", URGENT.id, "--disposition", "", "--by", "lee", "--yes"), "1 to 2000"),
        (("close", URGENT.id, "--disposition", "done", "--by", "nemo", "--yes"), "'nemo'"),
        (("play", URGENT.id), "no longer has a recording"),
    ],
    ids=["owner", "writer", "empty", "long", "no disposition", "closer", "silent"],
)
def test_bad_input_changes_nothing(home: Path, words: tuple[str, ...], said: str) -> None:
    """One sentence says what is wrong."""
    before = document(officeline(home, "show", URGENT.id, "--json"))["events"]
    assert said in complaint(officeline(home, *words))
    assert document(officeline(home, "show", URGENT.id, "--json"))["events"] == before


def test_a_closed_message_takes_notes_alone(home: Path) -> None:
    """It is neither claimed nor closed again."""
    close(home, URGENT)
    assert "closed" in complaint(officeline(home, "claim", URGENT.id, "lee"))
    assert "is unchanged" in complaint(close(home, URGENT))
    assert officeline(home, "note", URGENT.id, "came by", "--by", "desk1").exit_code == 0


def test_play_prints_where_the_recordings_are(home: Path) -> None:
    """That of the message first, then those of calls that joined it."""
    own, joined = record(home, URGENT), Reported("1764313900.9", T0 + timedelta(minutes=2))
    second = record(home, joined)
    engine = open_database(Home(home).database)
    messages.open_message(
        engine,
        message_id=joined.id,
        call=joined.id,
        at=joined.at,
        urgency="urgent",
        callback_number=CALLER,
        recording=f"messages/{joined.id}.wav",
    )
    engine.dispose()
    assert officeline(home, "play", URGENT.id).stdout == f"{own}\n{second}\n"
    paths = document(officeline(home, "play", URGENT.id, "--json"))
    assert paths == {"recordings": [str(own), str(second)]}
    to = home / "copy.wav"
    copied = officeline(home, "play", URGENT.id, "--to", str(to)).stdout
    assert copied.splitlines() == [str(to), str(home / "copy-2.wav")]
    assert to.read_bytes() == own.read_bytes()
    assert to.stat().st_mode & 0o077 == 0
    assert "already exists" in complaint(officeline(home, "play", URGENT.id, "--to", str(to)))


def test_whole_numbers_are_shown_when_asked_for_and_written_down(home: Path) -> None:
    """Who asked is in the audit; stdout stays one document."""
    officeline(home, "note", URGENT.id, NOTE, "--by", "desk1")
    result = officeline(home, "show", URGENT.id, "--reveal", "--json")
    found = json.loads(result.stdout)
    assert found["message"]["from"] == CALLER
    assert NOTE in str(found["events"])
    engine = open_database(Home(home).database)
    (row,) = audit.entries(engine, what="numbers.revealed")
    engine.dispose()
    assert (row.about, row.detail) == (URGENT.id, {"command": "inbox show"})
    assert CALLER in officeline(home, "list", "--reveal").stdout


@pytest.mark.parametrize("extra", [[], ["--json"]], ids=["people", "json"])
def test_no_number_is_printed_otherwise(home: Path, extra: list[str]) -> None:
    """Not in a list, a history or a note."""
    officeline(home, "note", URGENT.id, NOTE, "--by", "desk1")
    for words in (["list", "--all"], ["show", URGENT.id], ["show", LATER.id]):
        shown = officeline(home, *words, *extra)
        assert shown.exit_code == 0
        assert not re.search(r"555.?01\d\d", shown.output)
