"""`officeline explain` and `replay`, as an administrator and as a script meet them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli import app
from pbx.base.errors import OfficeLineError
from pbx.calls import explain
from pbx.config import secrets
from pbx.config.home import Home
from pbx.config.plan import load
from pbx.db import records, shifts
from pbx.db.database import open_database
from pbx.db.writer import LogWriter
from routing.decision import Facts
from routing.engine import route
from routing.escalation import Ringing
from routing.shift_start import Begin

ROOT = Path(__file__).parents[3]
CONFIG = ROOT / "config/office.toml"
PLAN = load(CONFIG).plan
MAIN, BACK, CALLER = "+12125550100", "+12125550101", "+19175550123"
EVERYBODY = dict.fromkeys(PLAN.people, frozenset({"mobile"}))
NIGHT = datetime(2026, 11, 28, 2, 10, tzinfo=PLAN.office.zone)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Make a home with everybody's mobile."""
    mobiles = {"lee": "+12125550111", "osei": "+12125550112", "patel": "+12125550113"}
    secrets.write(tmp_path, secrets.Secrets(mobiles=mobiles))
    return tmp_path


def officeline(home: Path, *words: str) -> Result:
    """Run the command on the example; errors for people are in `exception`."""
    return CliRunner().invoke(app, ["--config", str(CONFIG), "--home", str(home), *words])


def asked(home: Path, *words: str) -> Any:
    """Run the command with --json and read its one document."""
    result = officeline(home, *words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def logged(home: Path, *calls: tuple[str, Facts, datetime]) -> None:
    """Write calls into the log as the daemon does."""
    writer = LogWriter(lambda: open_database(Home(home).database))
    for call, facts, at in calls:
        decision = route(facts, PLAN, at)
        steps = explain.imagine(PLAN, EVERYBODY, facts, at).steps
        rings = steps[0].who if steps and isinstance(steps[0], Ringing) else ()
        kept = explain.details_to_keep(facts, decision, rings, PLAN, at)
        writer.put(records.CallStarted(call, at, "main", facts.did, facts.caller, PLAN.hash))
        writer.put(
            records.Decided(
                call,
                at,
                2,
                decision.kind,
                decision.target,
                decision.urgency,
                decision.reasons,
                kept,
            )
        )
        writer.put(records.CallEnded(call, at + timedelta(seconds=60), "connected"))
    writer.start()
    writer.close()


def test_the_night_after_thanksgiving(home: Path) -> None:
    """The physician on call by name, the rule that decided, and all that it looked at before."""
    words = ("explain", "--did", MAIN, "--at", "2026-11-28 02:10", "--press", "1")
    reported = asked(home, *words)
    assert reported["at"] == "2026-11-28T02:10:00-05:00"
    assert reported["oncall"] == {"doctors": ["osei"]}
    assert (reported["line"], reported["hours"], reported["urgency"]) == (
        "main",
        "closed",
        "urgent",
    )
    assert (reported["decision"]["kind"], reported["decision"]["target"]) == (
        "escalation",
        "urgent",
    )
    assert reported["steps"][:2] == [
        {"ring": ["osei"], "ring_s": 20},
        {"ring": ["patel"], "ring_s": 20},
    ]
    assert [reason["rule"] for reason in reported["reasons"]] == [
        rule.name for rule in PLAN.rules[:3]
    ]
    assert [reason["matched"] for reason in reported["reasons"]] == [False, False, True]
    sentences = officeline(home, *words).stdout
    assert sentences.startswith("Sat, Nov 28, 2026, 2:10 AM EST: Dr. Kofi Osei is rung.")
    assert "The caller pressed 1." in sentences
    closed = "the office is closed (Saturday 2:10 AM is outside the hours)"
    backline = "the call came in on line main, not backline"
    assert sentences.splitlines()[1:7] == [
        "The call comes in on line main, which is closed.",
        "The caller pressed 1.",
        "On call for doctors: Dr. Kofi Osei.",
        f"Rule 'hospitals reach the physician' does not apply: {backline}.",
        f"Rule 'the front desk answers by day' does not apply: {closed}.",
        f"Rule 'urgent at night' applies: {closed} and the call is urgent.",
    ]


def test_the_plan_that_runs_answers(tmp_path: Path) -> None:
    """As `hours now` does: an edited file is what is explained only if it is named."""
    config = tmp_path / "office.toml"
    config.write_text(CONFIG.read_text())

    def say(*words: str) -> str:
        where = ("--config", str(config), "--home", str(tmp_path / "home"))
        result = CliRunner().invoke(app, [*where, *words])
        assert result.exit_code == 0, result.output
        return result.stdout

    noon = ("--at", "2026-11-24 10:00")
    words = ("explain", "--did", MAIN, *noon)
    assert "line main, which is open." in say(*words), "the file, as nothing was applied"
    say("apply")
    config.write_text(config.read_text().replace('mon-thu = ["08:30-12:00", ', "mon-thu = ["))
    assert "line main, which is open." in say(*words)
    assert "office is open" in say("hours", "now", *noon)
    assert "line main, which is closed." in say(*words, "--against", str(config))


def test_who_has_not_confirmed_is_reported(home: Path) -> None:
    """The backup is rung in the first step, and the sentences say why."""
    engine = open_database(Home(home).database)
    begin = Begin("doctors", "osei", datetime(2026, 11, 23, 13, tzinfo=UTC))
    shifts.note_starts(engine, [begin], "oncall", at=NIGHT)
    shifts.happen(engine, shifts.active(engine)[0], "tried enough", at=NIGHT)
    engine.dispose()
    words = ("explain", "--did", BACK, "--at", "2026-11-28 02:10")
    reported = asked(home, *words)
    assert (reported["oncall"], reported["unconfirmed"]) == (
        {"doctors": ["osei"]},
        {"doctors": ["osei"]},
    )
    assert reported["steps"][0] == {"ring": ["patel", "osei"], "ring_s": 20}
    said = "Dr. Kofi Osei has not confirmed the shift. Dr. Mira Patel, the backup, is called "
    assert said in officeline(home, *words).stdout


def test_before_a_key_is_pressed_there_is_a_menu(home: Path) -> None:
    """Without a key the caller is asked, and nobody rings yet."""
    reported = asked(home, "explain", "--did", "(212) 555-0100", "--at", "2026-11-28 02:10")
    assert (reported["decision"]["kind"], reported["decision"]["target"]) == ("menu", "night")
    assert reported["steps"] == []
    assert reported["urgency"] is None


def test_whoever_has_no_number_is_not_rung(home: Path) -> None:
    """The secrets file decides who can be reached; the others are skipped, as on the live line."""
    secrets.write(home, secrets.Secrets(mobiles={"lee": "+12125550111"}))
    reported = asked(home, "explain", "--did", BACK, "--at", "2026-11-28 02:10")
    assert [step["ring"] for step in reported["steps"] if "ring" in step] == [["lee"]]


def test_a_call_of_the_log_is_reported_from_what_was_kept(home: Path) -> None:
    """Its stored reasons, whatever the file says by now."""
    logged(home, ("1.1", Facts(MAIN, CALLER, ("1",)), NIGHT))
    reported = asked(home, "explain", "1.1")
    assert reported["at"] == NIGHT.isoformat()
    assert reported["plan"] == PLAN.hash
    assert (reported["hours"], reported["urgency"]) == ("closed", "urgent")
    assert reported["oncall"] == {"doctors": ["osei"]}
    assert reported["decision"]["kind"] == "escalation"
    assert reported["reasons"][-1]["rule"] == "urgent at night"
    sentences = officeline(home, "explain", "1.1").stdout
    assert "Outcome: connected." in sentences
    assert "then a message" not in sentences  # of its steps the first alone was kept


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("explain",), "id of a logged call"),
        (("explain", "1.1", "--did", MAIN), "id of a logged call"),
        (("explain", "--did", "12"), "not a phone number"),
        (("explain", "--did", "+12125550100", "--from", "gate 7"), "not a phone number"),
        (("explain", "1.1", "--press", "2"), "explained as it happened"),
        (("explain", "--did", MAIN, "--at", "soon"), "'soon' is not a time"),
        (("explain", "--did", MAIN, "--press", "12"), "Each --press takes one key"),
        (("explain", "--did", MAIN, "--at", "0001-01-01"), "'0001-01-01' is not a time"),
        (("explain", "9.9"), "no call log"),
    ],
)
def test_what_cannot_be_explained(home: Path, words: tuple[str, ...], said: str) -> None:
    """One sentence that says what is wrong."""
    result = officeline(home, *words)
    assert isinstance(result.exception, OfficeLineError)
    assert said in str(result.exception)


def test_replay_shows_only_the_calls_that_would_differ(home: Path, tmp_path: Path) -> None:
    """A draft that takes messages by night changes the urgent call, and not the routine one."""
    now = datetime.now(UTC)
    night = NIGHT + (now - NIGHT) // timedelta(days=7) * timedelta(days=7)
    logged(
        home,
        ("1.1", Facts(MAIN, CALLER, ("1",)), night),
        ("1.2", Facts(MAIN, CALLER, ("2",)), night),
        ("1.3", Facts(MAIN, CALLER, ("1",)), night - timedelta(days=400)),
    )
    draft = tmp_path / "draft.toml"
    text = CONFIG.read_text().replace(
        'urgency = "urgent" }\ndo = { escalation = "urgent" }',
        'urgency = "urgent" }\ndo = { message = "urgent" }',
    )
    draft.write_text(text)
    reported = asked(home, "replay", "--days", "60", "--against", str(draft))
    assert reported["calls"] == 2
    (one,) = reported["differences"]
    assert one["call"] == "1.1"
    assert (one["before"]["kind"], one["after"]["kind"]) == ("escalation", "message")
    assert one["before"]["reasons"][-1]["rule"] == one["after"]["reasons"][-1]["rule"]
    same = asked(home, "replay", "--days", "60", "--against", str(CONFIG))
    assert same["differences"] == []
    assert "1 of 2 calls" in officeline(home, "replay", "--days=60", f"--against={draft}").stdout


@pytest.mark.parametrize(
    ("shown", "kind"), [(CALLER, "escalation"), ("+266696687", "menu"), ("+442079460018", "menu")]
)
def test_a_number_counts_as_on_the_live_line(tmp_path: Path, shown: str, kind: str) -> None:
    """A sentinel is nobody's, and only who can be called back calls for the third time."""
    policy = ROOT / "tests" / "calls" / "policy.toml"
    words = ("--config", str(policy), "--home", str(tmp_path), "explain", "--did", MAIN, "--json")
    result = CliRunner().invoke(
        app, [*words, "--from", shown, "--repeat", "3", "--at", "2026-11-28 02:10"]
    )
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["decision"]["kind"] == kind
