"""`officeline calls`, as an administrator and as a script meet it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from pbx.base.errors import OfficeLineError
from pbx.cli.calls import calls
from pbx.cli.shared.context import Context
from pbx.config.home import Home
from pbx.db import messages, records
from pbx.db.database import open_database
from pbx.db.writer import LogWriter

T0 = datetime(2026, 11, 28, 7, 10, tzinfo=UTC)  # a Saturday night, 02:10 in New York
PATIENT, CALLBACK = "+12125550142", "+12125550177"
ROOT = Path(__file__).parents[3]
NIGHT = r"Nov 28(?:, 2026)?"  # with its year, if another one is now


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Make a home whose log holds one urgent call and one that goes on."""
    path = Home(tmp_path).database
    call = "1795456091.0"
    engine = open_database(path)
    messages.open_message(
        engine,
        message_id=call,
        call=call,
        at=T0,
        urgency="urgent",
        callback_number=CALLBACK,
        recording=f"messages/{call}.wav",
    )
    engine.dispose()
    writer = LogWriter(lambda: open_database(path))
    rule = ("urgent at night", True, f"closed [b]and[/b] urgent for {PATIENT}")
    for record in (
        records.CallStarted(call, T0, "main", "+12125550100", PATIENT, "abc"),
        records.Decided(call, T0, 1, "escalation", "urgent", "urgent", (rule,)),
        records.LegStarted(call, f"{call}1", T0 + timedelta(seconds=2), "lee", "mobile"),
        records.LegAcknowledged(call, f"{call}1", "lee", T0 + timedelta(seconds=9.5)),
        records.LegStarted(call, f"{call}2", T0 + timedelta(seconds=3), "osei", "mobile"),
        records.EventNoted(call, T0, "turn", {"event": f"arrived {PATIENT}"}),
        records.MessageOpened(call, call),
        records.CallEnded(call, T0 + timedelta(seconds=60), "connected"),
        records.CallStarted(
            "1795456099.7", T0 + timedelta(minutes=5), "backline", "+12125550101", None, "abc"
        ),
    ):
        writer.put(record)
    writer.start()
    writer.close()
    return tmp_path


def officeline(home: Path, *words: str) -> Result:
    """Run `officeline calls ...` on a home in New York; errors for people are in `exception`."""
    config = home / "office.toml"
    config.write_text('[office]\ntimezone = "America/New_York"\n', encoding="utf-8")
    root = typer.Typer()

    @root.callback()
    def options(context: typer.Context) -> None:
        context.obj = Context(config, home)

    root.add_typer(calls.app, name="calls")
    return CliRunner().invoke(root, ["calls", *words])


def document(result: Result) -> Any:
    """Read the one JSON document on stdout."""
    assert (result.exit_code, result.stderr) == (0, "")
    return json.loads(result.stdout)


def complaint(result: Result) -> str:
    """Return the sentence that the one entrance prints before it exits with 2."""
    assert isinstance(result.exception, OfficeLineError)
    assert result.stdout == ""
    sentence = str(result.exception)
    assert re.fullmatch(r"[^\n]+; [^\n]+\.", sentence)
    return sentence


def test_list_has_the_shape_that_tools_rely_on(home: Path) -> None:
    """The keys of the contract, times with their offset, numbers masked, None where unknown."""
    assert document(officeline(home, "list", "--json")) == {
        "calls": [
            {
                "id": "1795456099.7",
                "started_at": "2026-11-28T02:15:00-05:00",
                "line": "backline",
                "from": None,
                "urgency": None,
                "decision": None,
                "outcome": None,
                "person": None,
                "ring_s": None,
                "talk_s": None,
                "message": None,
            },
            {
                "id": "1795456091.0",
                "started_at": "2026-11-28T02:10:00-05:00",
                "line": "main",
                "from": "…0142",
                "urgency": "urgent",
                "decision": "escalation",
                "outcome": "connected",
                "person": "lee",
                "ring_s": 9.5,
                "talk_s": 50.5,
                "message": "1795456091.0",
            },
        ]
    }


def test_list_for_people_is_a_table_without_color(home: Path) -> None:
    """One line for each call, zone printed; a pipe gets no escape sequences and no ellipsis."""
    result = officeline(home, "list")
    heading, waiting, urgent = result.stdout.splitlines()
    assert heading.split()[:3] == ["call", "started", "line"]
    assert re.search(rf" {NIGHT}, 2:15 AM +backline ", waiting)
    assert "anonymous" in waiting
    assert "goes on" in waiting
    assert re.fullmatch(
        rf"1795456091\.0 +{NIGHT}, 2:10 AM +main +…0142 +urgent +escalation +connected +lee +"
        r"10 s +50 s +1795456091\.0 *",
        urgent,
    )
    assert "\x1b" not in result.stdout


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        (["--since", "2026-11-28 02:12"], ["1795456099.7"]),
        (["--until", "2026-11-28T02:15"], ["1795456091.0"]),
        (["--until", "2026-11-28"], []),
        (["--since", "2026-11-28T07:15:00+00:00"], ["1795456099.7"]),
        (["--line", "main"], ["1795456091.0"]),
        (["--outcome", "connected"], ["1795456091.0"]),
        (["--limit", "1"], ["1795456099.7"]),
    ],
    ids=" ".join,
)
def test_list_can_be_narrowed(home: Path, words: list[str], ids: list[str]) -> None:
    """Times are the office's own unless they say otherwise."""
    found = document(officeline(home, "list", "--json", *words))
    assert [call["id"] for call in found["calls"]] == ids


def test_show_tells_the_whole_story(home: Path) -> None:
    """The item of the list and more, with every reason, leg and event, and the message."""
    found = document(officeline(home, "show", "1795456091.0", "--json"))
    listed = document(officeline(home, "list", "--json"))["calls"][1]
    assert found["call"].items() >= listed.items()
    assert found["call"]["ended_at"] == "2026-11-28T02:11:00-05:00"
    assert found["decisions"][0]["reasons"] == [
        {
            "rule": "urgent at night",
            "matched": True,
            "because": "closed [b]and[/b] urgent for …0142",
        }
    ]
    assert [(leg["person"], leg["result"]) for leg in found["legs"]] == [
        ("lee", "accepted"),
        ("osei", None),
    ]
    assert found["events"] == [
        {
            "at": "2026-11-28T02:10:00-05:00",
            "what": "turn",
            "detail": {"event": "arrived …0142"},
        }
    ]
    assert found["message"]["callback_number"] == "…0177"


def test_show_for_people_says_why(home: Path) -> None:
    """Reasons stand as they were written, whatever rich would make of their brackets."""
    result = officeline(home, "show", "1795456091.0")
    assert result.exit_code == 0
    for words in (
        "Call 1795456091.0 from …0142 on line 'main'",
        "Outcome: connected, lee accepted",
        "open, urgent, …0177",
        "turn 1: escalation urgent, urgent",
        "closed [b]and[/b] urgent for …0142",
        "2:10:02 AM  lee",
        "\nSat, Nov 28, 2026, 2:10:00 AM to ",
        "not known",  # what became of a leg whose end nobody told, once the call is over
    ):
        assert words in result.stdout
    assert "goes on" not in result.stdout


@pytest.mark.parametrize("extra", [[], ["--json"]], ids=["people", "json"])
def test_no_command_prints_a_number(home: Path, extra: list[str]) -> None:
    """Neither the caller's nor the callback's, nor one inside an event's detail."""
    for words in (["list"], ["show", "1795456091.0"], ["show", "1795456099.7"]):
        shown = officeline(home, *words, *extra)
        assert shown.exit_code == 0
        assert not re.search(r"\+?1?212555|\+\d{5}", shown.output)


def test_an_unknown_call_is_one_sentence(home: Path) -> None:
    """It names the call and how to find the right one; the entrance exits with 2."""
    sentence = complaint(officeline(home, "show", "7.7"))
    assert "'7.7'" in sentence
    words = [sys.executable, "cli.py", "--config", str(home / "office.toml"), "--home", str(home)]
    done = subprocess.run(
        [*words, "calls", "show", "7.7"], check=False, capture_output=True, text=True, cwd=ROOT
    )
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"{sentence}\n")


@pytest.mark.parametrize("when", ["soon", "2026-13-01", "9999-12-31 23:59", "tomorrow 25:00"])
def test_a_time_that_is_none_is_one_sentence(home: Path, when: str) -> None:
    """It shows how to write one."""
    assert f"'{when}'" in complaint(officeline(home, "list", "--since", when))


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (b'[office]\ntimezone = "Mars/Base"\n', "the unknown time zone 'Mars/Base'"),
        (b'[office]\ntimezone = "America"\n', "the unknown time zone 'America'"),
        (b'[office]\ntimezone = "../UTC"\n', "the unknown time zone '../UTC'"),
        (b'[office]\nname = "\xff"\n', "Cannot read the office's time zone"),
        (b"[office\n", "Cannot read the office's time zone"),
        (b"", "Cannot read the office's time zone"),
    ],
)
def test_a_zone_that_is_none_is_one_sentence(tmp_path: Path, written: bytes, words: str) -> None:
    """It names the file."""
    config = tmp_path / "office.toml"
    config.write_bytes(written)
    with pytest.raises(OfficeLineError) as caught:
        Context(config, tmp_path).zone()
    assert words in str(caught.value)
    assert str(config) in str(caught.value)


def test_a_home_without_a_log_is_one_sentence_and_stays_empty(tmp_path: Path) -> None:
    """A mistyped --home is not made into an office."""
    assert "--home" in complaint(officeline(tmp_path, "list"))
    assert not Home(tmp_path).database.exists()


def test_an_unknown_outcome_is_bad_input(home: Path) -> None:
    """The outcomes of the contract, and no other."""
    assert officeline(home, "list", "--outcome", "lost").exit_code == 2


@pytest.mark.parametrize("limit", ["0", "-1", "9" * 30])
def test_a_limit_beyond_reason_is_bad_input(home: Path, limit: str) -> None:
    """Not a traceback from the database."""
    result = officeline(home, "list", "--limit", limit)
    assert (result.exit_code, result.stdout) == (2, "")
