"""`officeline diff`, `apply`, `rollback`, `history`, as an administrator and a script meet them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from pbx.base.errors import ConfigError, OfficeLineError
from pbx.calls import live
from pbx.cli.plan import plans
from pbx.cli.shared.context import Context
from pbx.config import plan as plan_files
from pbx.config.home import Home
from pbx.db.database import open_database
from pbx.db.overlay import applied_texts
from pbx.db.plans import apply_text, list_applied
from pbx.service.heartbeat_file import HeartbeatFile

ROOT = Path(__file__).parents[3]
EXAMPLE = (ROOT / "config" / "office.toml").read_text()
APP = typer.Typer()
plans.add_to(APP)


def variant(seconds: int) -> str:
    """Return the example with the front desk ringing so long."""
    return EXAMPLE.replace("for = 15", f"for = {seconds}")


@pytest.fixture
def place(tmp_path: Path) -> Context:
    """Make a place with the example's file and no home yet."""
    (tmp_path / "office.toml").write_text(EXAMPLE)
    return Context(tmp_path / "office.toml", tmp_path / "home")


def run(place: Context, *words: str) -> Result:
    """Run a command that ends well."""
    done = CliRunner().invoke(APP, list(words), obj=place, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done


def document(place: Context, *words: str) -> Any:
    """Run a command and read its one JSON document."""
    return json.loads(run(place, *words, "--json").stdout)


def running(place: Context) -> str:
    """Read the text that runs."""
    return applied_texts(Home(place.home).database)[0].text


def test_apply_rollback_and_history(place: Context) -> None:
    """Each is one row; the default of a rollback is the one before, and the file stays."""
    assert "applied plan 1" in run(place, "apply", "--by", "amy").stdout
    place.config.write_text(variant(20))
    run(place, "apply", "--by", "bob")
    place.config.write_text(variant(30))
    run(place, "apply", "--by", "amy")
    assert running(place) == variant(30)
    assert "was not changed" in run(place, "rollback", "--by", "eve").stdout
    assert running(place) == variant(20)
    run(place, "rollback", "1")
    assert running(place) == EXAMPLE
    assert place.config.read_text() == variant(30)
    found = document(place, "history")["plans"]
    assert [(one["id"], one["by"], one["note"]) for one in found][1:] == [
        (4, "eve", "back to 2"),
        (3, "amy", ""),
        (2, "bob", ""),
        (1, "amy", ""),
    ]
    assert found[0]["note"] == "back to 1"
    assert [one["running"] for one in found] == [True, False, False, False, False]
    assert [one["plan"] for one in found] == [
        plan_files.parse(text, place.config).plan.hash
        for text in (EXAMPLE, variant(20), variant(30), variant(20), EXAMPLE)
    ]
    at = datetime.fromisoformat(found[0]["applied_at"])
    assert at.utcoffset() == at.astimezone(place.zone()).utcoffset()  # in the office's zone
    assert "back to 2" in run(place, "history").stdout


def test_what_runs_is_not_applied_again(place: Context) -> None:
    """The same text twice is one row, and to go back to what runs is nothing to do."""
    run(place, "apply")
    assert "nothing to apply" in run(place, "apply").stdout
    assert "nothing to roll back to" in run(place, "rollback", "1").stdout
    assert len(document(place, "history")["plans"]) == 1


@pytest.mark.parametrize("words", [["rollback"], ["rollback", "7"]])
def test_a_rollback_to_nothing_is_a_sentence(place: Context, words: Sequence[str]) -> None:
    """There is no plan before the first, and none that never was."""
    run(place, "apply")
    with pytest.raises(OfficeLineError, match="officeline history"):
        run(place, *words)


def test_a_broken_file_does_not_go_live(place: Context) -> None:
    """It is refused with its mistakes, reason or not; what ran runs on."""
    run(place, "apply")
    place.config.write_text(EXAMPLE.replace('do = { escalation = "urgent" }', "do = {}"))
    for words in (["apply"], ["apply", "--force", "I know better"]):
        with pytest.raises(ConfigError, match="exactly one action"):
            run(place, *words)
    assert running(place) == EXAMPLE
    place.config.write_text(variant(20))
    with pytest.raises(OfficeLineError, match="Give a reason"):
        run(place, "apply", "--force", " ")


def test_a_plan_that_is_not_proven_goes_live_for_a_reason_alone(place: Context) -> None:
    """A week without anybody on call is told and stops it; the reason of who insists is kept."""
    run(place, "apply")
    layers = """[[schedule.doctors.layers]]
rotation = ["osei"]
since = "2026-01-05"
handoff = "mon 08:00"
only = ["mon 08:00-sun 08:00"]
"""
    holes = EXAMPLE.replace("[escalation.urgent]", f"{layers}\n[escalation.urgent]").replace(
        'rotation = ["lee", "osei", "patel"]\nsince = "2026-01-05"\nhandoff = "mon 08:00"\n'
        'every = "1 week"\n',
        "",
    )
    assert 'every = "1 week"' not in holes
    place.config.write_text(holes)
    refused = CliRunner().invoke(APP, ["apply"], obj=place)
    assert refused.exit_code == 1
    assert "It does not hold" in refused.stdout
    assert "nobody is on call" in refused.stdout
    assert "override this with --force REASON" in refused.stdout
    assert running(place) == EXAMPLE
    run(place, "apply", "--force", "the storm", "--by", "amy")
    assert running(place) == holes
    newest = document(place, "history")["plans"][0]
    assert (newest["note"], newest["ok"], newest["by"]) == ("the storm", False, "amy")
    assert "FORCED: the storm" in run(place, "history").stdout


def test_a_reason_is_kept(place: Context) -> None:
    """History says for which reason a plan went live."""
    run(place, "apply", "--force", "the storm")
    assert document(place, "history")["plans"][0]["note"] == "the storm"
    place.config.write_text(f"{EXAMPLE}\n")
    run(place, "apply", "--force", "ask\n212 555 0199")
    assert document(place, "history")["plans"][0]["note"] == "ask …0199"


def test_diff_counts_and_shows(place: Context) -> None:
    """Nothing applied, the same, and a changed line; another file can be named."""
    none = document(place, "diff")
    assert (none["same"], none["applied"], none["removed"]) == (False, None, 0)
    assert none["added"] == len(EXAMPLE.splitlines())
    assert not place.home.exists()
    run(place, "apply")
    assert document(place, "diff")["same"] is True
    other = place.config.with_name("other.toml")
    other.write_text(variant(20))
    found = document(place, "diff", str(other))
    assert (found["same"], found["added"], found["removed"]) == (False, 1, 1)
    assert found["applied"]["id"] == 1
    changed = [line for line in found["diff"][2:] if line[0] in "+-"]
    assert [("15" in changed[0]), ("20" in changed[1])] == [True, True]
    assert "1 lines added and 1 lines removed" in run(place, "diff", str(other)).stdout


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('did = "+12125550101"', 'did = "+12125550109"', "the lines' numbers"),
        ('[phones.desk2]\nname = "Front desk, right"', "", "the desk phones"),
        ('host = "127.0.0.2"', 'host = "127.0.0.9"', "the trunk"),
        ('bind = "127.0.0.1"', 'bind = "127.0.0.8"', "the network"),
        ("Lakeside", "Seaside", "the office's name"),
        ("for = 15", "for = 20", None),
    ],
)
def test_what_waits_for_a_start_is_said(
    place: Context, old: str, new: str, what: str | None
) -> None:
    """Asterisk's files are written at the start alone; everything else is live at once."""
    run(place, "apply")
    text = EXAMPLE.replace(old, new)
    assert text != EXAMPLE
    if "[phones.desk2]" not in text:
        text = text.replace(', "desk2"]', "]")
    place.config.write_text(text)
    heartbeat_file = HeartbeatFile(Home(place.home))
    heartbeat_file.open()  # as a control layer that runs
    said = run(place, "apply").stdout
    heartbeat_file.close()
    assert "takes effect within a second" in said
    assert ("at the next start" in said) == (what is not None)
    assert (what or "") in said


def test_nothing_that_runs_is_said(place: Context) -> None:
    """Nothing goes live where nothing runs, be it applied, applied again, or taken back."""
    waits = (
        f"No control layer is running in {place.home}; "
        "this takes effect when 'officeline up' starts it.\n"
    )
    first = run(place, "apply").stdout
    plan = first.split("Plan ")[1].split()[0]
    name = "Lakeside Internal Medicine"
    assert first == f"{name}: Plan {plan} is applied, as applied plan 1.\n{waits}"
    again = run(place, "apply").stdout
    assert again == f"{name}: Plan {plan} is already applied; there is nothing to apply.\n{waits}"
    place.config.write_text(EXAMPLE.replace("Lakeside", "Seaside"))
    assert "Seaside Internal Medicine: Plan " in run(place, "apply").stdout
    assert run(place, "rollback").stdout == (
        f"{name}: Plan {plan} is applied, as applied plan 3.\n{waits}"
        f"{place.config} was not changed.\n"
    )


def test_two_that_apply_at_once_are_one_after_the_other(place: Context) -> None:
    """Several processes, each with a file of its own: all are kept, the last one runs."""
    folder = place.config.parent
    words = [sys.executable, "-m", "cli", "--home", str(place.home), "--config"]
    started = []
    for seconds in range(20, 24):
        path = folder / f"{seconds}.toml"
        path.write_text(variant(seconds))
        started.append(
            subprocess.Popen(
                [*words, str(path), "apply"],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    for process in started:
        _, complaint = process.communicate(timeout=60)
        assert (process.returncode, complaint) == (0, "")
    engine = open_database(Home(place.home).database)
    applied = list_applied(engine)
    engine.dispose()
    assert {one.text for one in applied} == {variant(seconds) for seconds in range(20, 24)}
    assert [one.id for one in applied] == [4, 3, 2, 1]
    chosen = live.choose(place.config, Home(place.home))
    assert chosen.configuration.plan.hash == applied[0].hash


def test_a_plan_that_this_version_cannot_read_is_not_returned_to(place: Context) -> None:
    """What was applied by another version is read before it goes live again."""
    run(place, "apply")
    engine = place.database()
    now = datetime.now(UTC)
    apply_text(engine, "[office]", "old", by="x", now=now)
    apply_text(engine, variant(20), "new", by="x", now=now)
    engine.dispose()
    with pytest.raises(ConfigError, match="applied plan 2"):
        run(place, "rollback")
    assert running(place) == variant(20)
    assert plan_files.read_text(place.config) == EXAMPLE


def test_a_diff_spreads_no_number(place: Context) -> None:
    """A number that slipped into the file is masked, in the sentences and in the document."""
    run(place, "apply")
    place.config.write_text(EXAMPLE + "# call me at +12125550199\n")
    assert "0199" in run(place, "diff").stdout
    assert "2125550199" not in run(place, "diff").stdout
    assert "2125550199" not in run(place, "diff", "--json").stdout


def test_a_mistyped_home_is_left_alone(place: Context) -> None:
    """There is nothing to roll back to, and no home is made for it."""
    with pytest.raises(OfficeLineError, match="No plan was applied yet"):
        run(place, "rollback")
    assert not place.home.exists()
