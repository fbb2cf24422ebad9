"""`officeline oncall`, as an administrator and a script meet it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from typer.testing import CliRunner, Result

from pbx.base.errors import OfficeLineError
from pbx.cli.oncall import oncall
from pbx.cli.shared.context import Context
from pbx.config.home import Home
from pbx.config.plan import parse
from pbx.db import shifts
from pbx.db.database import open_database
from pbx.db.overlay import laid_over
from pbx.db.plans import apply_text
from routing.schedule import on_call
from routing.shift_start import Begin
from routing.time_text import TimeText

ROOT = Path(__file__).parents[3]
EXAMPLE = (ROOT / "config" / "office.toml").read_text()
# A Tuesday evening in New York; Osei has the week up to Monday, then Patel, then Lee.
NEW_YORK = ZoneInfo("America/New_York")
US = TimeText(NEW_YORK)
NOW = datetime(2026, 11, 24, 19, 30, 20, tzinfo=NEW_YORK)
SPAN = ("--from", "wed 08:00", "--to", "thu 08:00")
WEDNESDAY = "from Wed, Nov 25, 2026, 8:00 AM to Thu, Nov 26, 2026, 8:00 AM EST"


@pytest.fixture(autouse=True)
def _tuesday() -> Iterator[None]:
    """Stop the clock."""
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def place(tmp_path: Path) -> Context:
    """Make a place with the example's file and no home yet."""
    (tmp_path / "office.toml").write_text(EXAMPLE)
    return Context(tmp_path / "office.toml", tmp_path / "home")


def run(place: Context, *words: str, code: int = 0) -> Result:
    """Run a command that ends with this exit code."""
    done = CliRunner().invoke(oncall.app, list(words), obj=place)
    assert done.exit_code == code, (done.output, done.exception)
    return done


def document(place: Context, *words: str, code: int = 0) -> Any:
    """Read the one JSON document on stdout, with nothing else on either stream."""
    done = run(place, *words, "--json", code=code)
    assert done.stderr == ""
    return json.loads(done.stdout)


def complaint(place: Context, *words: str) -> str:
    """Return the sentence that the one entrance prints before it exits with 2."""
    done = CliRunner().invoke(oncall.app, list(words), obj=place)
    assert isinstance(done.exception, OfficeLineError), done.output
    sentence = str(done.exception)
    assert re.fullmatch(r"[^\n]+; [^\n]+[.?]", sentence)
    return sentence


def holds(place: Context, at: str) -> tuple[tuple[str, ...], str]:
    """Say who is on call and why, as the daemon would read it."""
    plan = laid_over(parse(EXAMPLE, place.config).plan, Home(place.home).database)
    answer = on_call(plan, "doctors", datetime.fromisoformat(at))
    return answer.people, answer.source


def two_schedules(place: Context) -> None:
    """Give the file another schedule, which begins in ten days, and nothing before."""
    more = """
[schedule.nurses]
rotation = ["lee"]
since = "2026-12-04"
handoff = "08:00"
every = "1 day"
backup = "doctors"
"""
    text = EXAMPLE.replace("[escalation.urgent]", f"{more}\n[escalation.urgent]")
    place.config.write_text(text.replace('backup = "doctors"\n', 'backup = "osei"\n'))


def test_now_has_the_shape_that_tools_rely_on(place: Context) -> None:
    """The keys of the contract, ids, times with their offset; no home is made by asking."""
    assert document(place, "now") == {
        "at": "2026-11-24T19:30:20-05:00",
        "schedules": [
            {
                "schedule": "doctors",
                "oncall": "osei",
                "backup": "patel",
                "since": "2026-11-23T08:00:00-05:00",
                "until": "2026-11-30T08:00:00-05:00",
                "source": "rotation",
            }
        ],
    }
    assert not place.home.exists()


def test_now_at_another_time_and_in_words(place: Context) -> None:
    """The night of the contract's example, in a sentence with names."""
    heading, sentence = run(place, "now", "--at", "2026-11-28 02:10").stdout.splitlines()
    assert heading == "Sat, Nov 28, 2026, 2:10 AM EST"
    assert sentence == (
        "Dr. Kofi Osei is on call for 'doctors' until Mon, Nov 30, 2026, 8:00 AM EST; "
        "Dr. Mira Patel steps in as the backup."
    )


def test_now_where_nobody_is_and_where_two_are(place: Context) -> None:
    """Null and "nobody"; the further people stand in "also"."""
    two_schedules(place)
    nurses = document(place, "now")["schedules"][1]
    assert (nurses["oncall"], nurses["backup"], nurses["since"]) == (None, "osei", None)
    assert nurses["until"] == "2026-12-04T08:00:00-05:00"
    assert "Nobody is on call for 'nurses' until Fri, Dec 4" in run(place, "now").stdout
    run(place, "override", "--schedule", "doctors", "--add", "lee", *SPAN, "--reason", "snow")
    doctors = document(place, "now", "--at", "wed 09:00")["schedules"][0]
    assert (doctors["oncall"], doctors["also"], doctors["source"]) == (
        "osei", ["lee"], "override:1"
    )  # fmt: skip
    assert doctors["until"] == "2026-11-26T08:00:00-05:00"
    assert (
        "Dr. Kofi Osei and Dr. Ana Lee are on call" in run(place, "now", "--at", "wed 9:00").stdout
    )


def test_now_says_who_has_not_confirmed(place: Context) -> None:
    """Within the shift alone; who is first is told, and tools find it in a key of its own."""
    engine = place.database()
    begin = Begin("doctors", "osei", datetime(2026, 11, 23, 13, tzinfo=UTC))
    shifts.note_starts(
        engine, [begin], "oncall", at=NOW, end=datetime(2026, 11, 30, 13, tzinfo=UTC)
    )
    (row,) = shifts.active(engine)
    assert "confirmed" not in run(place, "now").stdout
    shifts.happen(engine, row, "tried enough", at=NOW)
    doctors = document(place, "now")["schedules"][0]
    assert (doctors["oncall"], doctors["unconfirmed"]) == ("osei", ["osei"])
    said = "Dr. Kofi Osei has not confirmed the shift. Dr. Mira Patel, the backup, is called "
    assert said in run(place, "now").stdout
    assert "unconfirmed" not in document(place, "now", "--at", "2026-12-07 09:00")["schedules"][0]
    run(place, "take", "osei")
    assert "confirmed" not in run(place, "now").stdout


def test_now_as_a_process(place: Context) -> None:
    """What the contract times: nothing of the database's heavy packages is imported."""
    code = "import cli, sys\ntry: cli.main()\nexcept SystemExit: pass\nprint(*sys.modules)"
    words = ["--config", str(place.config), "--home", str(place.home), "oncall", "now", "--json"]
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=ROOT, capture_output=True, text=True, check=True
    )
    shape, loaded = done.stdout.splitlines()
    assert json.loads(shape)["schedules"][0]["schedule"] == "doctors"
    assert {"sqlmodel", "sqlalchemy", "rich.table", "icalendar", "asyncio"} & {
        *loaded.split()
    } == set()


def test_list_is_gapless_and_says_why(place: Context) -> None:
    """Each row begins where the one before ends; an override cuts the week in three."""
    run(place, "override", "--schedule", "doctors", "--replace", "osei", "--by", "lee", *SPAN,
        "--reason", "a wedding")  # fmt: skip
    rows = document(place, "list", "--from", "mon", "--to", "2026-12-08")["shifts"]
    assert rows[0]["start"] == "2026-11-30T00:00:00-05:00"
    rows = document(place, "list", "--from", "2026-11-24", "--to", "2026-12-01")["shifts"]
    assert [(row["person"], row["source"]) for row in rows] == [
        ("osei", "rotation"), ("lee", "override:1"), ("osei", "rotation"), ("patel", "rotation"),
    ]  # fmt: skip
    assert [row["end"] for row in rows[:-1]] == [row["start"] for row in rows[1:]]
    assert rows[1] == {
        "schedule": "doctors",
        "person": "lee",
        "start": "2026-11-25T08:00:00-05:00",
        "end": "2026-11-26T08:00:00-05:00",
        "source": "override:1",
        "place": "oncall",
        "instead_of": None,
        "holiday": None,
    }
    shown = run(place, "list", "--from", "today", "--to", "mon", "--schedule", "doctors").stdout
    assert "Dr. Ana Lee, override:1" in shown


def test_gaps_are_an_answer_of_no(place: Context) -> None:
    """Exit 1 with the first minute of each; 0 and a sentence where there is none."""
    assert "Somebody is on call" in run(place, "gaps", "--days", "30").stdout
    assert document(place, "gaps") == {"gaps": []}
    two_schedules(place)
    assert document(place, "gaps", code=1) == {
        "gaps": [
            {
                "schedule": "nurses",
                "start": "2026-11-24T19:30:20-05:00",
                "end": "2026-12-04T08:00:00-05:00",
            }
        ]
    }
    assert "nurses: nobody is on call from Tue, Nov 24" in run(place, "gaps", code=1).stdout


def test_handoffs_to_come(place: Context) -> None:
    """Who hands over to whom, in order of time."""
    assert document(place, "handoffs", "--days", "7")["handoffs"] == [
        {
            "schedule": "doctors",
            "at": "2026-11-30T08:00:00-05:00",
            "from": ["osei"],
            "to": ["patel"],
        }
    ]
    words = "Mon, Nov 30, 2026, 8:00 AM EST  doctors: Dr. Kofi Osei to Dr. Mira Patel"
    assert words in run(place, "handoffs").stdout
    two_schedules(place)
    assert "nurses: nobody to Dr. Ana Lee" in run(place, "handoffs").stdout
    schedules = [one["schedule"] for one in document(place, "handoffs")["handoffs"]]
    assert schedules == ["doctors", "nurses", "doctors"]


@pytest.mark.parametrize(
    ("words", "people", "sentence"),
    [
        (["--add", "lee"], ("osei", "lee"), "Dr. Ana Lee is also on call for 'doctors'"),
        (["--remove", "osei"], (), "Dr. Kofi Osei is not on call for 'doctors'"),
        (
            ["--replace", "osei", "--by", "lee"],
            ("lee",),
            "Dr. Ana Lee is on call instead of Dr. Kofi Osei for 'doctors'",
        ),
    ],
)
def test_override(place: Context, words: list[str], people: tuple[str, ...], sentence: str) -> None:
    """What it says is what holds, from the first minute to the last."""
    done = run(place, "override", "--schedule", "doctors", *words, *SPAN, "--reason", "a wedding")
    assert f"Override 1: {sentence} {WEDNESDAY} (a wedding)." in done.stdout
    assert holds(place, "2026-11-25T07:59:59-05:00") == (("osei",), "rotation")
    assert holds(place, "2026-11-25T08:00:00-05:00") == (people, "override:1")
    assert holds(place, "2026-11-26T07:59:59-05:00") == (people, "override:1")
    assert holds(place, "2026-11-26T08:00:00-05:00") == (("osei",), "rotation")
    assert ("Warning" in done.stdout) == (not people)


def test_an_override_warns_of_whom_it_leaves_alone(place: Context) -> None:
    """Nobody on call, nobody behind, or nothing changed at all."""
    place.config.write_text(EXAMPLE.replace('backup = "next"', 'backup = "lee"'))
    words = ["override", "--schedule", "doctors", *SPAN, "--reason", "x"]
    assert (
        f"nobody is on call for 'doctors' {WEDNESDAY}"
        in run(place, *words, "--remove", "osei").stdout
    )
    alone = run(place, *words, "--add", "lee").stdout
    assert f"Warning: Dr. Ana Lee is alone on call for 'doctors' {WEDNESDAY}" in alone
    assert "changes nothing" in run(place, *words, "--remove", "patel").stdout
    assert "nobody is on call" in run(place, "cancel", "2").stdout
    late = run(place, "override", "--schedule", "doctors", "--remove", "osei",
               "--from", "today", "--to", "tomorrow", "--reason", "x").stdout  # fmt: skip
    assert "from Tue, Nov 24, 2026, 7:30 PM to Wed, Nov 25, 2026, 12:00 AM EST" in late


@pytest.mark.parametrize(
    ("words", "fix"),
    [
        (["--add", "lee", "--from", "thu", "--to", "wed"], "give a later end"),
        (["--add", "lee", "--from", "wed", "--to", "wed"], "give a later end"),
        (["--add", "lee", "--from", "2026-01-01", "--to", "today"], "The time span ended on Tue"),
        (["--add", "lee", "--from", "wed", "--to", "2036-01-01"], "over five years"),
        (["--add", "leo", *SPAN], "did you mean 'lee'?"),
        (["--add", "zzz", *SPAN], "there is lee, osei, patel."),
        (["--schedule", "doctor", "--add", "lee", *SPAN], "did you mean 'doctors'?"),
        (["--add", "lee", "--remove", "osei", *SPAN], "makes exactly one change"),
        (["--add", "lee", "--by", "osei", *SPAN], "makes exactly one change"),
        (["--replace", "lee", *SPAN], "makes exactly one change"),
        (["--replace", "lee", "--by", "lee", *SPAN], "cannot replace themselves"),
        (SPAN, "makes exactly one change"),
        (["--add", "lee", "--reason", "  ", *SPAN], "give it with --reason"),
        (["--add", "lee", "--reason", "x" * 201, *SPAN], "give it with --reason"),
        (["--add", "lee", "--from", "soon", "--to", "wed"], "'soon' is not a time"),
    ],
)
def test_an_override_that_cannot_be(place: Context, words: list[str], fix: str) -> None:
    """One sentence, and nothing is stored."""
    assert fix in complaint(place, "override", "--schedule", "doctors", "--reason", "x", *words)
    assert document(place, "overrides", "--all") == {"overrides": []}


@pytest.mark.parametrize("left_out", ["--schedule", "--from", "--to", "--reason"])
def test_an_override_has_a_schedule_bounds_and_a_reason(place: Context, left_out: str) -> None:
    """Without one of them it is bad input."""
    options = {
        "--schedule": "doctors",
        "--from": "wed",
        "--to": "thu",
        "--reason": "x",
        "--add": "lee",
    }
    del options[left_out]
    run(place, "override", *(word for pair in options.items() for word in pair), code=2)


@pytest.mark.parametrize(
    ("words", "start", "end"),
    [
        ([], "2026-11-24T19:30:00-05:00", "2026-11-25T08:00:00-05:00"),
        (["--from", "tonight"], "2026-11-24T18:00:00-05:00", "2026-11-25T08:00:00-05:00"),
        (["--from", "fri 18:00"], "2026-11-27T18:00:00-05:00", "2026-11-28T08:00:00-05:00"),
        (["--to", "+2h"], "2026-11-24T19:30:00-05:00", "2026-11-24T21:30:00-05:00"),
    ],
)
def test_take_the_night(place: Context, words: list[str], start: str, end: str) -> None:
    """From now to the morning, if nothing else is said; the answer says until when."""
    reported = run(place, "take", "lee", *words).stdout
    assert f"Dr. Ana Lee is on call until {US.moment(datetime.fromisoformat(end))}; " in reported
    assert "after that, Dr. Kofi Osei is." in reported
    (made,) = document(place, "overrides")["overrides"]
    assert (made["start"], made["end"], made["person"]) == (start, end, "lee")
    assert holds(place, start)[0] == ("lee",)


def test_who_takes_stops_at_the_next_handoff(place: Context) -> None:
    """Whoever comes at seven comes at seven."""
    place.config.write_text(EXAMPLE.replace('handoff = "mon 08:00"', 'handoff = "wed 07:00"'))
    run(place, "take", "patel")
    assert document(place, "overrides")["overrides"][0]["end"] == "2026-11-25T07:00:00-05:00"


def test_swap(place: Context) -> None:
    """Each gets the other's week, and nobody else is touched; half a swap is said to be one."""
    run(place, "swap", "patel", "lee", "--from", "today", "--to", "2026-12-21", "--reason", "trip")
    for day, person in [("11-29", "osei"), ("12-01", "lee"), ("12-08", "patel"), ("12-15", "osei")]:
        assert holds(place, f"2026-{day}T12:00:00-05:00")[0] == (person,)
    made = document(place, "overrides")["overrides"]
    assert [(one["person"], one["instead_of"], one["reason"]) for one in made] == [
        ("lee", "patel", "trip"), ("patel", "lee", "trip"),
    ]  # fmt: skip
    half = run(place, "swap", "osei", "lee", "--from", "today", "--to", "mon").stdout
    assert "Note: Dr. Ana Lee has no shift during that time to give away." in half


@pytest.mark.parametrize(
    ("words", "fix"),
    [
        (["swap", "lee", "patel", "--from", "today", "--to", "mon"], "Neither Dr. Ana Lee nor"),
        (["swap", "lee", "lee", "--from", "today", "--to", "mon"], "two different ids"),
        (["swap", "lee", "pat", "--from", "today", "--to", "mon"], "did you mean 'patel'?"),
        (["take", "oseii"], "did you mean 'osei'?"),
        (["take", "osei", "--from", "yesterday", "--to", "today"], "The time span ended on"),
        (["cancel", "7"], "There is no override 7"),
        (["now", "--at", "later"], "'later' is not a time"),
        (["now", "--at", "9999-12-31"], "'9999-12-31' is not a time"),
        (["list", "--from", "mon", "--to", "today"], "give a later end"),
        (["handoffs", "--schedule", "nurses"], "There is no schedule 'nurses'"),
    ],
)
def test_what_cannot_be(place: Context, words: list[str], fix: str) -> None:
    """One sentence each; asking makes no database."""
    assert fix in complaint(place, *words)
    assert not place.home.exists()


def test_which_of_several_schedules_is_not_guessed(place: Context) -> None:
    """Whoever takes a night says which."""
    two_schedules(place)
    assert "doctors, nurses" in complaint(place, "take", "lee")
    run(place, "take", "patel", "--schedule", "nurses")
    assert document(place, "now")["schedules"][1]["oncall"] == "patel"


def test_cancel_and_the_list_of_overrides(place: Context) -> None:
    """What is canceled holds no more, and is kept with who made it when."""
    run(place, "take", "lee", "--reason", "call me on 212 555 0199")
    assert "Canceled: Override 1" in run(place, "cancel", "1").stdout
    assert holds(place, "2026-11-24T20:00:00-05:00") == (("osei",), "rotation")
    assert "No override applies" in run(place, "overrides").stdout
    (made,) = document(place, "overrides", "--all")["overrides"]
    assert made["canceled_at"] == made["made_at"] == "2026-11-24T19:30:20-05:00"
    assert made["reason"] == "call me on …0199"
    assert "is canceled" in complaint(place, "cancel", "1")
    assert "(canceled)" in run(place, "overrides", "--all").stdout
    run(place, "take", "lee", "--to", "+1h")
    assert "Override 2" in run(place, "overrides").stdout
    with time_machine.travel(NOW + timedelta(hours=2), tick=False):
        assert "No override applies" in run(place, "overrides").stdout


def test_the_plan_that_runs_is_reported_and_not_the_file(place: Context) -> None:
    """A file that is not applied changes nobody's night, even a broken one."""
    place.home.mkdir()
    plan = parse(EXAMPLE, place.config).plan
    engine = open_database(Home(place.home).database)
    apply_text(engine, EXAMPLE, plan.hash, by="amy", now=datetime.now(UTC))
    assert document(place, "now")["schedules"][0]["oncall"] == "osei"
    place.config.write_text("[office")
    done = run(place, "now", "--json")
    assert json.loads(done.stdout)["schedules"][0]["oncall"] == "osei"
    assert "the configuration file differs" in done.stderr


def test_export_is_imported_as_it_was(place: Context, tmp_path: Path) -> None:
    """The file's schedule, written as shifts, says the same; comments and the rest stay."""
    file = tmp_path / "doctors.ics"
    run(place, "take", "lee")
    run(place, "export", "--from", "today", "--to", "2026-12-14", "--out", str(file))
    printed = run(place, "export", "--from", "today", "--to", "2026-12-14").stdout_bytes
    assert printed == file.read_bytes()
    before = document(place, "list", "--from", "today", "--to", "2026-12-14")["shifts"]
    run(place, "cancel", "1")
    words = ["import", str(file), "--schedule", "doctors", "--to", "2026-12-14"]
    dry = run(place, *words, "--dry-run").stdout
    assert "+ Tue, Nov 24, 2026, 7:30 PM to Wed, Nov 25, 2026, 8:00 AM EST  Dr. Ana Lee" in dry
    assert "Nothing was written" in dry
    assert place.config.read_text() == EXAMPLE
    place.config.chmod(0o640)
    assert "'officeline apply'" in run(place, *words).stdout
    after = document(place, "list", "--from", "today", "--to", "2026-12-14")["shifts"]
    keys = ("person", "start", "end")
    assert [[row[key] for key in keys] for row in after] == [
        [row[key] for key in keys] for row in before
    ]
    assert {row["source"] for row in after} == {"shift"}
    assert place.config.stat().st_mode & 0o777 == 0o640
    text = place.config.read_text()
    assert re.sub(r"\[\[schedule.*?\n\n", "", text, flags=re.DOTALL) == EXAMPLE
    assert "nothing to change" in run(place, *words).stdout
    assert [one.name for one in place.config.parent.glob(".*")] == []


def test_a_calendar_that_is_refused_leaves_the_file(place: Context, tmp_path: Path) -> None:
    """Garbage, a file that there is not, and one that is far too large."""
    words = ["--schedule", "doctors"]
    file = tmp_path / "bad.ics"
    assert "cannot be read" in complaint(place, "import", str(file), *words)
    file.write_text("BEGIN:VCALENDAR")
    assert "is cut off inside a VCALENDAR" in complaint(place, "import", str(file), *words)
    file.write_bytes(b"BEGIN:VCALENDAR\r\n" * 600_000)
    assert "over 10 MB" in complaint(place, "import", str(file), *words)
    assert place.config.read_text() == EXAMPLE


def test_the_coming_two_weeks_are_listed(place: Context) -> None:
    """What is named for a look at the coming days needs no dates."""
    fourteen = document(place, "list", "--from", "2026-11-24 00:00", "--to", "2026-12-08 00:00")
    assert document(place, "list") == fourteen
    later = document(place, "list", "--from", "2026-12-01")
    assert later == document(place, "list", "--from", "2026-12-01", "--to", "2026-12-15")
