"""`officeline init`: a practice from nothing, and changes of one that is there."""

from __future__ import annotations

import difflib
import json
import os
import pty
import select
import stat
import subprocess
import sys
import time
import tomllib
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pbx.base import files
from pbx.base.errors import ConfigError, OfficeLineError
from pbx.cli.init import asked as init_asked
from pbx.config import plan, secrets
from pbx.config.setup import answers
from pbx.config.setup import write as land
from pbx.config.setup.answers import SetupAnswers
from pbx.config.setup.office_text import with_answers
from routing import proof
from tests.support import started
from tests.support.offices import EXAMPLE, NOW, found

ROOT = Path(__file__).parents[3]
FLAGS = {
    "--preset": "group",
    "--name": "Elm Street Medicine",
    "--timezone": "America/Chicago",
    "--number": "(312) 555-0100",
    "--physician": "kim=Dr. Jo Kim",
}
ROE = ("--physician", "roe=Dr. Al Roe")  # a group has two, so that one stands behind the other
MOBILES = "kim=+1 312 555 0171\nroe=312 555 0172\n"
KIM = "+13125550171"
CTRL_C, CTRL_D = "\x03", "\x04"


def words(flags: dict[str, str]) -> list[str]:
    """Lay flags out as words of a command."""
    return [word for pair in flags.items() for word in pair]


def init(
    place: Path, *more: str, given: str = "", config: str = "config/office.toml"
) -> tuple[int, str, str]:
    """Run the command in a folder; return its exit code, what it printed and what it said."""
    named = ["--config", config] if config else []
    done = started.officeline(*named, "init", "--no-call", *more, cwd=place, given=given)
    return done.returncode, done.stdout, done.stderr


def begun(place: Path, **more: str) -> str:
    """Set the practice up by flags, and return its file."""
    flags = {**FLAGS, **{f"--{key}": value for key, value in more.items()}}
    code, printed, said = init(place, *words(flags), *ROE, "--mobiles", given=MOBILES, config="")
    assert (code, said) == (0, ""), printed + said
    return (place / "config/office.toml").read_text()


@pytest.mark.parametrize("preset", ["concierge", "group", "solo"])
def test_every_start_is_checked_and_proven(preset: str) -> None:
    """What a practice begins with has no finding, and every call of a year ends at a human."""
    text = answers.start_text(preset)
    assert found(text) == []
    whole = plan.parse(text, Path(preset)).plan
    numbers = dict.fromkeys(whole.people, frozenset({"mobile"}))
    assert proof.prove(whole, numbers, NOW, NOW + timedelta(days=365)).holds
    nobody = dict.fromkeys(whole.people, frozenset[str]())
    assert not proof.prove(whole, nobody, NOW, NOW + timedelta(days=7)).holds


def test_there_are_these_starts() -> None:
    """A file more in the folder needs a test above."""
    assert answers.starts() == ("concierge", "group", "solo")


@pytest.mark.parametrize(
    ("at", "repeat", "kind", "target"),
    [
        ("2026-11-24 10:00", 1, "ring", "frontdesk"),
        ("2026-11-24 10:00", 3, "ring", "frontdesk"),
        ("2026-11-24 22:00", 1, "menu", "night"),
        ("2026-11-24 22:00", 3, "escalation", "urgent"),
    ],
)
def test_the_third_call_of_a_group_rings_the_desk_by_day(
    tmp_path: Path, at: str, repeat: int, kind: str, target: str
) -> None:
    """At night it goes to the physician at once; by day it does when the desk does not answer."""
    asked = ("--did", "+12125550100", "--from", "+19175550123", "--at", at, "--repeat", str(repeat))
    start = ROOT / "config/starts/group.toml"
    words = ["--config", str(start), "--home", str(tmp_path), "explain", *asked, "--json"]
    done = started.officeline(*words)
    assert done.returncode == 0, done.stderr
    decision = json.loads(done.stdout)["decision"]
    assert (decision["kind"], decision["target"]) == (kind, target)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("M-F 9-5", {"mon-fri": ("09:00-17:00",)}),
        ("mon-thu 08:30-12:00 13:00-17:00; fri 08:30-12:00",
         {"mon-thu": ("08:30-12:00", "13:00-17:00"), "fri": ("08:30-12:00",)}),
        ("Mon-Thu 8:30-12 and 1-5; Fri 8:30am-noon",
         {"mon-thu": ("08:30-12:00", "13:00-17:00"), "fri": ("08:30-12:00",)}),
        ("Tu-Sa 9:00-6:00, Su-Mo 11:00-6:00",
         {"tue-sat": ("09:00-18:00",), "sun-mon": ("11:00-18:00",)}),
        ("Mon\u2011Fri 09:00 AM \u2011 09:00 PM", {"mon-fri": ("09:00-21:00",)}),
        ("Thursday: 8AM\u201312PM, 1\u20135PM", {"thu": ("08:00-12:00", "13:00-17:00")}),
        ("Mon-Sat 11:30AM-10PM, Sunday closed", {"mon-sat": ("11:30-22:00",)}),
        ("Mon, Wed 9\u202fa.m.-12 noon; Fri 4-10 pm",
         {"mon, wed": ("09:00-12:00",), "fri": ("16:00-22:00",)}),
        ("Sat 7-13:30", {"sat": ("07:00-13:30",)}),
    ],
)  # fmt: skip
def test_hours_as_people_write_them(text: str, expected: dict[str, tuple[str, ...]]) -> None:
    """As they stand on doors and websites; what the file then has is read back."""
    assert answers.hours(text) == expected
    assert answers.hours(answers.hours_text(expected)) == expected


def test_a_practice_from_nothing(tmp_path: Path) -> None:
    """In an empty folder: office.toml, secrets and prompts; later commands find them there."""
    file = tomllib.loads(begun(tmp_path, hours="mon-fri 09:00-17:00", backline="312-555-0101"))
    assert file["office"]["number"] == "+13125550100"
    assert [line["did"] for line in file["lines"]] == ["+13125550100", "+13125550101"]
    assert file["hours"] == {"mon-fri": ["09:00-17:00"]}
    assert list(file["people"]) == file["schedule"]["doctors"]["rotation"] == ["kim", "roe"]
    home = tmp_path / "var"
    assert secrets.read(home).mobiles == {"kim": KIM, "roe": "+13125550172"}
    assert stat.S_IMODE((home / "secrets.json").stat().st_mode) == 0o600
    assert (home / "asterisk/lib/sounds/en/greeting-closed.wav").exists()
    assert KIM[1:] not in (tmp_path / "config/office.toml").read_text()
    again = init(tmp_path, "--yes", config="")
    assert again[0] == 0
    assert "is unchanged" in again[1]
    assert again[1].endswith("Next: officeline up\n")


def test_without_a_back_line(tmp_path: Path) -> None:
    """No line and no rule of it is left."""
    assert "backline" not in begun(tmp_path)


@pytest.mark.parametrize("missing", [*FLAGS, "--mobiles"])
def test_a_missing_answer_writes_nothing(tmp_path: Path, missing: str) -> None:
    """With nobody to ask it is one sentence that names the flag, and exit 2."""
    flags = {flag: value for flag, value in FLAGS.items() if flag != missing}
    roe = () if missing == "--physician" else ROE
    stdin = ["--yes"] if missing == "--mobiles" else ["--mobiles"]
    code, printed, said = init(tmp_path, *words(flags), *roe, *stdin, given=MOBILES, config="")
    assert (code, printed, said.count("\n")) == (2, "", 1)
    assert missing in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("flag", "bad", "why"),
    [
        ("--preset", "hospital", "Use one of concierge, group, solo"),
        ("--name", 'Elm "Street"', "not a name of"),
        ("--timezone", "Chicago", "no time zone 'Chicago'"),
        ("--number", "911", "not a phone number"),
        ("--backline", "12", "not a phone number"),
        ("--backline", "312 555 0100", "has the same did"),
        ("--hours", "mon-fri", "has no hours"),
        ("--hours", "mon 5-9", "'5' may be 5 AM or 5 PM"),
        ("--hours", "9am-5pm", "has no weekdays; write them first"),
        ("--hours", "mon 9am-5am", "you probably mean '09:00-17:00'"),
        ("--hours", "mon 08:00-12:00; mon 13:00-17:00", "has them twice"),
        ("--hours", ";", "hours of a week"),
        ("--trunk", "acme", "Use one of twilio"),
        ("--physician", "Dr. Jo Kim", "lee=Dr. Ana Lee"),
        ("--physician", "K=Dr. Jo Kim", "not a valid id such as"),
    ],
)
def test_a_bad_answer_writes_nothing(tmp_path: Path, flag: str, bad: str, why: str) -> None:
    """It is told in one sentence."""
    flags = {**FLAGS, flag: bad}
    code, printed, said = init(tmp_path, *words(flags), *ROE, "--mobiles", given=MOBILES, config="")
    assert (code, printed, said.count("\n")) == (2, "", 1), said
    assert why in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("kim=12\n", "Line 1"),
        ("kim: +13125550171", "Line 1"),
        (f"{MOBILES}yew=+13125550173", "no person 'yew'"),
    ],
)
def test_bad_mobiles_write_nothing(tmp_path: Path, given: str, why: str) -> None:
    """No number is repeated in what is said."""
    code, _, said = init(tmp_path, *words(FLAGS), *ROE, "--mobiles", given=given, config="")
    assert code == 2
    assert why in said
    assert "55501" not in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("flags", "trunk"),
    [
        (
            {"trunk": "twilio", "host": "elm.pstn.twilio.com"},
            {"preset": "twilio", "host": "elm.pstn.twilio.com"},
        ),
        ({"trunk": "telnyx"}, {"preset": "telnyx"}),
        (
            {"trunk": "voipms", "username": "100200"},
            {"preset": "voipms", "username": "100200"},
        ),
        (
            {"trunk": "other", "host": "sip.example.com"},
            {"kind": "address", "addresses": ["sip.example.com"], "host": "sip.example.com"},
        ),
    ],
)
def test_carriers(tmp_path: Path, flags: dict[str, str], trunk: dict[str, object]) -> None:
    """What a preset knows is not repeated in the file."""
    file = tomllib.loads(begun(tmp_path, bind="192.0.2.10", **flags))
    assert {key: value for key, value in file["trunk"].items() if key != "host"} == {
        key: value for key, value in trunk.items() if key != "host"
    }
    assert file["network"]["bind"] == "192.0.2.10"


def test_a_carrier_needs_an_address_of_ours(tmp_path: Path) -> None:
    """Where none is named it is the one by which this machine reaches others, and then stays."""
    file = tomllib.loads(begun(tmp_path, trunk="telnyx"))
    assert file["network"]["bind"] == init_asked.own_address()
    assert init(tmp_path, "--bind", "192.0.2.10", "--yes")[0] == 0
    assert init(tmp_path, "--trunk", "voipms", "--username", "100200", "--yes")[0] == 0
    file = tomllib.loads((tmp_path / "config/office.toml").read_text())
    assert file["network"]["bind"] == "192.0.2.10"
    assert file["trunk"] == {"preset": "voipms", "username": "100200"}


def test_a_running_plan_is_reported_to_be_changed(tmp_path: Path) -> None:
    """An edited file goes live by apply alone."""
    begun(tmp_path)
    assert started.officeline("apply", cwd=tmp_path).returncode == 0
    _, printed, _ = init(tmp_path, "--name", "Oak Street Medicine", "--yes", config="")
    assert printed.endswith("Next: officeline apply\n")


def test_other_line_ends_stay(tmp_path: Path) -> None:
    """A file that was written on another system is not mixed."""
    begun(tmp_path)
    path = tmp_path / "config/office.toml"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert (
        init(tmp_path, "--name", "Oak Street Medicine", "--hours", "mon 08:00-12:00", "--yes")[0]
        == 0
    )
    text = path.read_bytes()
    assert b"Oak Street" in text
    assert text.count(b"\n") == text.count(b"\r\n")


def test_again_edits_and_does_not_overwrite(tmp_path: Path) -> None:
    """Of a file that somebody wrote, only the answered values change; comments stay."""
    path = tmp_path / "config/office.toml"
    path.parent.mkdir()
    path.write_text(EXAMPLE)
    secrets.write(tmp_path / "var", secrets.Secrets(mobiles={"lee": "+12125550111"}))
    flags = ("--name", "Seaside Medicine", "--number", "212 555 0109", "--hours", "mon 08:00-12:00")
    code, printed, _ = init(tmp_path, *flags, "--yes")
    assert code == 1, printed  # osei and patel have no mobile, which check says
    lines = difflib.ndiff(EXAMPLE.splitlines(), path.read_text().splitlines())
    changed = [line for line in lines if line[0] in "+-"]
    assert changed == [
        '- name = "Lakeside Internal Medicine"',
        '+ name = "Seaside Medicine"',
        '- number = "+12125550100"            # the caller ID of all outgoing calls',
        '+ number = "+12125550109"            # the caller ID of all outgoing calls',
        '- did = "+12125550100"',
        '+ did = "+12125550109"',
        '- mon-thu = ["08:30-12:00", "13:00-17:00"]',
        '- fri = ["08:30-12:00"]',
        '+ mon = ["08:00-12:00"]',
    ]
    assert secrets.read(tmp_path / "var").mobiles == {"lee": "+12125550111"}


def test_a_physician_more_takes_nobodys_turn(tmp_path: Path) -> None:
    """The schedule counts turns from its begin: whoever joins it moves everybody's."""
    before = begun(tmp_path)
    code, printed, _ = init(
        tmp_path, "--physician", "yew=Dr. Bo Yew", "--mobiles", given="yew=312 555 0173"
    )
    after = (tmp_path / "config/office.toml").read_text()
    assert code == 0
    assert "add yew to a schedule's rotation" in printed
    assert after.replace('\n[people.yew]\nname = "Dr. Bo Yew"\nrole = "physician"\n', "") == before
    assert set(secrets.read(tmp_path / "var").mobiles) == {"kim", "roe", "yew"}


def test_a_preset_is_for_a_new_file(tmp_path: Path) -> None:
    """It would overwrite what is there."""
    before = begun(tmp_path)
    code, _, said = init(tmp_path, "--preset", "solo", "--yes")
    assert code == 2
    assert "leave it out" in said
    assert (tmp_path / "config/office.toml").read_text() == before


def test_the_example_is_never_edited() -> None:
    """In a checkout the example stays what demo and tests know."""
    code, _, said = init(ROOT, "--name", "Elm Street Medicine", "--yes", config="")
    assert code == 2
    assert "is the example" in said
    assert (ROOT / "config/office.toml").read_text() == EXAMPLE


def test_the_secrets_is_put_back_when_the_file_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both or neither: a mobile alone would be called for a practice that is not there."""
    home, config = tmp_path / "var", tmp_path / "office.toml"
    secrets.write(home, secrets.Secrets(mobiles={"lee": KIM}))
    replace = files.replace

    def full(path: Path, text: str, mode: int) -> None:
        if path == config:
            raise OSError(28, "No space left on device")
        replace(path, text, mode)

    monkeypatch.setattr(files, "replace", full)
    with pytest.raises(ConfigError, match="No space left"):
        land.land(config, home, None, EXAMPLE, {"osei": "+12125550112"})
    assert secrets.read(home).mobiles == {"lee": KIM}
    assert not config.exists()
    config.write_text("changed = true\n")
    with pytest.raises(OfficeLineError, match="in the meantime"):
        land.land(config, home, None, EXAMPLE, {"osei": "+12125550112"})
    assert config.read_text() == "changed = true\n"


def test_a_file_of_another_layout_is_reported() -> None:
    """Nothing is guessed."""
    with pytest.raises(OfficeLineError, match="cannot edit the file"):
        with_answers('office = "no table"\n', SetupAnswers(name="Elm"), fresh=False)
    text = EXAMPLE.replace('name = "backline"', 'name = "other"')
    with pytest.raises(OfficeLineError, match="no line named 'backline'"):
        with_answers(text, SetupAnswers(backline="+12125550109"), fresh=False)


def heard(terminal: int) -> str:
    """Read what a terminal shows next; nothing once its writer has gone."""
    assert select.select([terminal], [], [], 30)[0], "nothing is said, and something is waited for"
    with suppress(OSError):  # a terminal whose writer has gone is an error to read
        return os.read(terminal, 1000).decode()
    return ""


def conversation(place: Path, reported: list[tuple[str, str]]) -> tuple[int, str]:
    """Speak with the command at a terminal: wait for a question, answer; return code and screen."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(place)
        os.environ["PYTHONPATH"] = str(ROOT)
        os.execv(sys.executable, [sys.executable, "-m", "cli", "init", "--no-call"])  # noqa: S606  # our own words
    try:
        seen = ""
        for question, answer in reported:
            said = ""
            while not (question in said and said.endswith(": ")):
                said += heard(terminal)
            seen += said
            if answer in {
                CTRL_C,
                CTRL_D,
            }:  # between its prompt and its read Python would keep it waiting
                time.sleep(1)
            os.write(terminal, answer.encode())
        while part := heard(terminal):
            seen += part
    finally:
        os.close(terminal)  # which ends a command that still waits
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code, seen


def test_a_conversation_ends_in_a_practice(tmp_path: Path) -> None:
    """What cannot be taken is asked again, with one sentence why."""
    code, seen = conversation(
        tmp_path,
        [
            ("kind of practice", "solo\n"),
            ("practice's name", "Elm Street Medicine\n"),
            ("time zone", "Chicago\n"),
            ("Did you mean America/Chicago?", "EST\n"),
            ("you probably mean America/New_York.", "back\n"),
            ("time zone, such as America/New_York [EST]", "America/Chicago\n"),
            ("office's number", "911\n"),
            ("This is not a phone number", "312 555 0100\n"),
            ("back line", "\n"),
            ("Open hours", "\n"),
            ("carrier", "\n"),
            ("physician's name", "Dr. Jo Kim\n"),
            ("short id", "\n"),
            ("Another physician", "\n"),
            ("Dr. Jo Kim is called", "312 555 0171\n"),
            ("Night Answering Service is called", "312 555 0172\n"),
        ],
    )
    assert code == 0, seen
    file = tomllib.loads((tmp_path / "config/office.toml").read_text())
    assert (
        file["schedule"]["doctors"] | {"rotation": ["kim"], "backup": "answering"}
        == (file["schedule"]["doctors"])
    )
    assert secrets.read(tmp_path / "var").mobiles == {"kim": KIM, "answering": "+13125550172"}
    assert "It holds" in seen
    assert not (tmp_path / "config/office.toml.answers").exists()
    for why in ("The kind decides which rules", "solo: One physician", "Patients dial this number"):
        assert why in seen


BEGUN = [
    ("kind of practice", "solo\n"),
    ("practice's name", "Elm Street Medicine\n"),
    ("time zone", "America/Chicago\n"),
    ("office's number", "312 555 0100\n"),
    ("back line", "none\n"),
    ("Open hours", "Mon-Fri 9-5\n"),
    ("The carrier (", "\n"),
    ("physician's name", "Jo Kim, MD\n"),
    ("short id", "\n"),
    ("Another physician", "\n"),
    ("Jo Kim, MD is called", "312 555 0171\n"),
    ("Night Answering Service is called", "312 555 0172\n"),
]
ANSWERS = [answer.strip() for _, answer in BEGUN]


@pytest.mark.parametrize(
    ("after", "key", "expected"),
    [(0, CTRL_C, 130), (4, CTRL_C, 130), (11, CTRL_C, 130), (0, CTRL_D, 2), (7, CTRL_D, 2)],
)
def test_an_interrupted_setup_loses_no_answer(
    tmp_path: Path, after: int, key: str, expected: int
) -> None:
    """No office.toml and no secrets file; what was typed is kept, readable to nobody else."""
    code, seen = conversation(tmp_path, [*BEGUN[:after], (": ", key)])
    assert (code, "Traceback" in seen) == (expected, False), seen
    assert seen.count("othing was changed") == 1
    kept = tmp_path / "config/office.toml.answers"
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == ([kept] if after else [])
    if not after:
        return
    assert f"Your answers are kept in {kept}; 'officeline init' continues from there." in seen
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    code, seen = conversation(tmp_path, [("Continue from these", "\n"), *BEGUN[after:]])
    assert code == 0, seen
    assert "555 0171" not in seen.partition("Continue from")[0]
    file = tomllib.loads((tmp_path / "config/office.toml").read_text())
    assert file["office"]["name"] == "Elm Street Medicine"
    assert file["office"]["number"] == "+13125550100"
    assert file["hours"] == {"mon-fri": ["09:00-17:00"]}
    assert file["schedule"]["doctors"]["rotation"] == ["kim"]
    assert secrets.read(tmp_path / "var").mobiles == {"kim": KIM, "answering": "+13125550172"}
    assert not kept.exists()


def test_an_interrupted_setup_can_begin_anew(tmp_path: Path) -> None:
    """Whoever says no is asked from the first question on, without the old answers."""
    conversation(tmp_path, [*BEGUN[:3], (": ", CTRL_C)])
    reported = [("Continue from these", "perhaps\n"), ("Answer yes or no", "no\n"), BEGUN[0]]
    code, seen = conversation(tmp_path, [*reported, ("practice's name:", CTRL_C)])
    assert code == 130, seen
    kept = json.loads((tmp_path / "config/office.toml.answers").read_text())
    assert kept == {"preset": "solo"}


@pytest.mark.parametrize("damage", ["{", "[1]", '{"preset": 3}', "\x00"])
def test_answers_that_cannot_be_read_are_none(tmp_path: Path, damage: str) -> None:
    """A damaged file of answers stops nobody."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config/office.toml.answers").write_text(damage)
    code, seen = conversation(tmp_path, [("kind of practice", CTRL_C)])
    assert (code, "Continue from" in seen) == (130, False), seen


def piped(place: Path, lines: list[str]) -> tuple[int, str, str]:
    """Hand all answers over on standard input."""
    return init(place, given="".join(f"{line}\n" for line in lines), config="")


def test_answers_can_be_piped(tmp_path: Path) -> None:
    """With slips and ways back as at a terminal."""
    code, printed, said = piped(tmp_path, ["back", *ANSWERS])
    assert code == 0, said
    assert "This is the first question." in said
    assert printed.endswith("Next: officeline up\n")
    first = (tmp_path / "config/office.toml").read_text()
    other = tmp_path / "other"
    other.mkdir()
    wandering = [*ANSWERS[:2], "EST", "312 555 0109", "back", "back", *ANSWERS[2:]]
    code, _, said = piped(other, wandering)
    assert code == 0, said
    assert "The office's number [312 555 0109]: " in said
    assert (other / "config/office.toml").read_text() == first


@pytest.mark.parametrize("count", [0, 1, 3, 6, 9, 11])
def test_an_input_that_ends_too_soon_changes_nothing(tmp_path: Path, count: int) -> None:
    """Exit 2, one sentence that names the question, and nothing is left."""
    code, printed, said = piped(tmp_path, ANSWERS[:count])
    assert (code, printed) == (2, ""), said
    last = said.splitlines()[-1]
    assert ": The input ended before this was answered: " in last
    assert BEGUN[count][0] in last
    assert last.endswith("start over.")
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == []


def test_an_answer_that_is_no_text_is_asked_again(tmp_path: Path) -> None:
    """Bytes of another encoding, on a machine that knows ASCII alone; and an input that is shut."""
    run = [sys.executable, "-m", "cli", "init", "--no-call"]
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT), "LC_ALL": "C", "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
    }  # fmt: skip
    given = b"\xef\xbb\xbfsolo\nJos\xe9\nElm Street Medicine\n"
    done = subprocess.run(
        run, cwd=tmp_path, env=environment, input=given, capture_output=True, check=False
    )
    said = done.stderr.decode()
    assert (done.returncode, done.stdout, "Traceback" in said) == (2, b"", False), said
    assert "This is not UTF-8 text." in said
    assert "time zone" in said.splitlines()[-1]
    shut = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" <&-', "sh", *run],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (shut.returncode, "Traceback" in shut.stderr) == (2, False), shut.stderr
    assert "The input ended before this was answered: The kind of practice" in shut.stderr
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == []


def test_an_unattended_run_leaves_kept_answers_alone(tmp_path: Path) -> None:
    """They are somebody's; after a run that ends well nobody needs them."""
    conversation(tmp_path, [*BEGUN[:3], (": ", CTRL_C)])
    kept = (tmp_path / "config/office.toml.answers").read_text()
    code, _, said = piped(tmp_path, ["group", "Oak Street Medicine"])
    assert code == 2, said
    assert (tmp_path / "config/office.toml.answers").read_text() == kept
    assert piped(tmp_path, ["no", *ANSWERS])[0] == 0
    assert not (tmp_path / "config/office.toml.answers").exists()


@pytest.mark.parametrize(
    ("place", "bad", "why"),
    [
        (0, "hospital", "Use one of concierge, group, solo"),
        (1, 'Elm "Street"', "not a name of"),
        (1, "", "This question needs an answer."),
        (2, "Eastern", "Did you mean America/New_York?"),
        (2, "Gotham", "there is no time zone 'Gotham'"),
        (3, "911", "not a phone number"),
        (3, "555-0100", "not a phone number"),
        (4, "12", "not a phone number"),
        (4, "312 555 0100", "the office's main number"),
        (5, "9-5", "has no weekdays"),
        (5, "Mon-Fri 5-9", "'5' may be 5 AM or 5 PM"),
        (5, "Mon-Fri 9am-5am", "you probably mean '09:00-17:00'"),
        (6, "acme", "Use one of twilio"),
        (7, "Jo; Kim", "not a name of"),
        (8, "Kim!", "not a valid id such as"),
        (8, "desk1", "The id 'desk1' is already taken"),
        (8, "everyone", "The id 'everyone' is already taken"),
        (10, "171", "not a phone number"),
    ],
)
def test_each_answer_is_checked_as_it_is_given(
    tmp_path: Path, place: int, bad: str, why: str
) -> None:
    """The same question comes again, with the reason, and the answer after it counts."""
    code, _, said = piped(tmp_path, [*ANSWERS[:place], bad, ANSWERS[place]])
    assert code == 2
    before, _, after = said.partition(why)
    assert BEGUN[place][0] in before
    assert BEGUN[place][0] in after
    assert BEGUN[place + 1][0] in after.splitlines()[-1]


@pytest.mark.parametrize(
    ("place", "doubtful", "note"),
    [
        (2, "EST", "Note: 'EST' has no daylight saving time; you probably mean America/New_York"),
        (3, "212 555 0100", ""),
        (5, "Mon-Fri 17:00-08:30", "Note: '17:00-08:30' goes through the night; you probably mean"),
    ],
)
def test_a_doubtful_answer_is_reported_at_once(
    tmp_path: Path, place: int, doubtful: str, note: str
) -> None:
    """It is taken, and can be taken back."""
    code, _, said = piped(tmp_path, [*ANSWERS[:place], doubtful])
    assert code == 2
    assert note in said
    assert ("Type 'back' to change it." in said) == bool(note)


def test_the_zone_is_doubted_for_the_number_too(tmp_path: Path) -> None:
    """Arizona's is right in Arizona alone; and two people with one number are told."""
    said = piped(tmp_path, [*ANSWERS[:2], "US/Arizona", "602 555 0100"])[2]
    assert "Note:" not in said
    said = piped(tmp_path, [*ANSWERS[:2], "US/Arizona", "312 555 0100"])[2]
    hint = "you probably mean America/Chicago."
    assert f"Note: 'US/Arizona' has no daylight saving time; {hint}" in said
    code, _, said = piped(tmp_path, [*ANSWERS[:-1], ANSWERS[-2]])
    assert code == 0, said
    assert "Note: kim has the same number. Type 'back' to change it." in said


def test_what_was_done_is_in_the_audit(tmp_path: Path) -> None:
    """Who set numbers is written down, and no number."""
    begun(tmp_path)
    listed = started.officeline("audit", "list", "--json", cwd=tmp_path)
    entries = json.loads(listed.stdout)["entries"]
    assert entries[0]["what"] == "office.written"
    assert entries[0]["detail"] == {"fresh": True, "mobiles": ["kim", "roe"]}
    assert datetime.fromisoformat(entries[0]["at"]) <= datetime.now(UTC)


def test_numbers_are_read_as_the_country_of_the_file_writes_them(tmp_path: Path) -> None:
    """An office in Britain gives its number and its mobiles as people there do."""
    path = tmp_path / "config/office.toml"
    path.parent.mkdir()
    path.write_text(EXAMPLE.replace("[office]\n", '[office]\ncountry = "GB"\n', 1))
    flags = ("--number", "020 7946 0100", "--mobiles")
    given = "lee=07700 900111\nosei=07700 900112\npatel=07700 900113\n"
    _, printed, said = init(tmp_path, *flags, given=given)
    assert 'number = "+442079460100"' in path.read_text(), printed + said
    assert secrets.read(tmp_path / "var").mobiles["lee"] == "+447700900111"
