"""Each deed is a row of the audit, and what cannot be written down is not shown or done."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner, Result

from cli import app
from dialplan import names
from pbx.base.errors import OfficeLineError
from pbx.calls.conversation import Question
from pbx.config import plan as plans
from pbx.config import secrets
from pbx.config.home import Home
from pbx.config.secrets import Secrets
from pbx.db import audit, driver
from pbx.db.database import open_database
from pbx.escalation.heard_messages import HeardMessages
from pbx.escalation.menu_steps import MenuState, words_of
from pbx.escalation.outbound_calls import OutboundCalls
from pbx.escalation.physician_menu import PhysicianMenu
from pbx.escalation.pins import Pins, hashed
from pbx.escalation.shift_menu import ShiftMenu
from tests.support.ledgers import CALLER, Reported, write_log

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "config" / "office.toml"
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
LEE = "+12125550111"
URGENT = Reported("1795456091.0", NOW, "message", has_message=True)
PATIENTS = f"id,name,numbers,panel,flags\nP1042,Mary Roe,{CALLER},lee,\n"
PIN, WRONG = "480297", "271946"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Make an office with Lee's mobile, an urgent message with its recording, and a patient."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "office.toml").write_text(EXAMPLE.read_text("utf-8"))
    home = Home(tmp_path / "home")
    secrets.write(home.folder, Secrets(mobiles={"lee": LEE}).with_pin("lee", hashed(PIN)))
    write_log(home.folder, [URGENT])
    home.messages.mkdir()
    (home.messages / f"{URGENT.id}.wav").write_bytes(b"RIFF")
    (tmp_path / "patients.csv").write_text(PATIENTS)
    assert officeline(tmp_path, "patients", "import", "patients.csv", "--yes").exit_code == 0
    return tmp_path


@pytest.fixture
def engine(place: Path) -> Iterator[Engine]:
    """Open the office's database."""
    engine = open_database(Home(place / "home").database)
    yield engine
    engine.dispose()


def officeline(place: Path, *words: str, typed: str = "") -> Result:
    """Run a command on this office; its files are named from the folder."""
    named = [
        str(place / word) if word.endswith((".csv", ".ics", ".html")) else word for word in words
    ]
    config, home = str(place / "config" / "office.toml"), str(place / "home")
    return CliRunner().invoke(app, ["--config", config, "--home", home, *named], input=typed)


DEEDS = [
    ("apply --by amy --force storm", "plan.applied", "1"),
    ("oncall take osei", "oncall.changed", "1"),
    ("oncall swap lee osei --from +8d --to +22d --schedule doctors", "oncall.changed", "1"),
    ("oncall override --schedule doctors --from now --to +2d --add lee --reason x",
     "oncall.changed", "1"),
    ("hours close --reason snow --by amy", "hours.changed", "1"),
    ("people add kim --name Kim", "person.added", "kim"),
    ("people mobile lee 212-555-0177", "person.mobile", "lee"),
    ("people push lee --remove --yes", "person.push", "lee"),
    ("people pin lee --stdin", "person.pin", "lee"),
    ("patients flag P1042 vip", "patients.flagged", "P1042"),
    ("patients flag P1042 vip --remove", "patients.unflagged", "P1042"),
    ("patients remove P1042 --yes", "patients.removed", "P1042"),
    ("patients list --reveal", "numbers.revealed", ""),
    ("people list --reveal", "numbers.revealed", ""),
    ("calls list --reveal", "numbers.revealed", ""),
    (f"calls show {URGENT.id} --reveal", "numbers.revealed", URGENT.id),
    ("inbox list --reveal", "numbers.revealed", ""),
    (f"inbox show {URGENT.id} --reveal", "numbers.revealed", URGENT.id),
    ("reconcile --day 2026-11-27 --reveal", "numbers.revealed", "2026-11-27"),
    ("report morning --day 2026-11-28 --reveal", "numbers.revealed", "2026-11-28"),
    ("report morning --day 2026-11-28 --html sheet.html", "report.exported", "2026-11-28"),
    ("oncall export --schedule doctors --out doctors.ics", "oncall.exported", "doctors"),
    (f"inbox play {URGENT.id}", "recording.played", URGENT.id),
    ("secrets set mqtt --stdin", "secrets.set", "mqtt"),
    ("secrets rekey --yes", "secrets.rekeyed", ""),
]  # fmt: skip


@pytest.mark.parametrize(("words", "what", "about"), DEEDS)
def test_each_deed_is_a_row(place: Path, engine: Engine, words: str, what: str, about: str) -> None:
    """Of who did it, to what, without anybody's number or name."""
    done = officeline(place, *words.split(), typed="731946\n")
    assert done.exit_code in {0, 1 if words.startswith("reconcile") else 0}, done.output
    imported, row, *more = audit.entries(engine)
    assert imported.what == "patients.imported"
    assert (row.what, row.about) == (what, about)
    assert {one.what for one in more} <= {what}
    assert row.who == ("amy" if "--by amy" in words else imported.who)
    reported = str(audit.entries(engine))
    assert not re.search(r"555.?01\d\d|Mary|vip", reported)
    assert audit.verify(engine).ok
    if "--reveal" in words and "morning" not in words and "reconcile" not in words:
        assert (LEE if "people" in words else CALLER) in done.stdout


@pytest.mark.parametrize("words", [words for words, what, _ in DEEDS if "--by" not in words])
def test_what_cannot_be_written_down_is_not_done(
    place: Path, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is locked: no number is shown, no recording told, no secrets file changed."""
    monkeypatch.setattr(driver, "BUSY_S", 0.05)
    held = (place / "home" / secrets.FILE).read_bytes()
    file = (place / "config" / "office.toml").read_bytes()
    with closing(sqlite3.connect(place / "home" / "officeline.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        done = officeline(place, *words.split(), typed="731946\n")
    assert isinstance(done.exception, OfficeLineError), done.output
    assert "locked" in str(done.exception)
    assert not re.search(r"555.?01\d\d|\.wav|BEGIN:VCALENDAR", done.stdout)
    assert (place / "home" / secrets.FILE).read_bytes() == held
    assert (place / "config" / "office.toml").read_bytes() == file
    assert not list(place.glob("*.html"))


def test_canceling_and_going_back_are_rows(place: Path, engine: Engine) -> None:
    """With what they undo."""
    for words in (
        "apply --force storm",
        "oncall take osei",
        "oncall cancel 1",
        "hours close",
        "hours cancel 1 --by amy",
        "people add kim --name Kim",
        "apply --force kim",
        "rollback --by amy",
        "people remove kim --yes",
    ):
        assert officeline(place, *words.split()).exit_code == 0, words
    found = [(one.what, one.about) for one in audit.entries(engine)][1:]
    assert found == [
        ("plan.applied", "1"),
        ("oncall.changed", "1"),
        ("oncall.canceled", "1"),
        ("hours.changed", "1"),
        ("hours.canceled", "1"),
        ("person.added", "kim"),
        ("plan.applied", "2"),
        ("plan.rolled-back", "3"),
        ("person.removed", "kim"),
    ]
    detail = audit.entries(engine, what="plan.rolled-back")[0].detail
    assert (detail["reason"], detail["plan"]) == (
        "back to 1",
        audit.entries(engine)[1].detail["plan"],
    )
    assert audit.entries(engine, what="plan.rolled-back")[0].who == "amy"


def test_a_deed_that_fails_leaves_no_row(place: Path, engine: Engine) -> None:
    """The secrets file cannot be read: nothing was changed, and nothing is told of it."""
    (place / "home" / secrets.FILE).chmod(0o644)
    done = officeline(place, "people", "mobile", "lee", "212-555-0177")
    assert isinstance(done.exception, OfficeLineError)
    assert [one.what for one in audit.entries(engine)] == ["patients.imported"]


async def test_wrong_pins_and_locks_are_rows(place: Path, engine: Engine) -> None:
    """As long as they count: a locked line is no way to fill the disk."""
    pins = Pins(place / "home", engine, _Clock())
    for _ in range(8):
        assert not await pins.check_pin("lee", WRONG)
    assert await pins.identify(f"99{WRONG}") is None
    assert await pins.identify(f"10{PIN}") == "lee"
    found = [(one.what, one.who, one.about, one.detail) for one in audit.entries(engine)][1:]
    wrong = ("pin.wrong", "telephone", "lee", {"way": "called"})
    locked = ("pin.locked", "telephone", "lee", {"way": "called"})
    assert found == [*[wrong] * 5, locked, ("pin.wrong", "telephone", "", {"way": "inbound"})]


async def test_a_recording_heard_by_telephone_is_a_row(place: Path, engine: Engine) -> None:
    """By whom, each time; and a database that takes no row does not withhold the words."""
    plan = plans.load(EXAMPLE).plan
    pins = Pins(place / "home", engine, _Clock())
    nobody = SimpleNamespace(connect=lambda *_: None)
    live = SimpleNamespace(plan=plan, book={})
    line = PhysicianMenu(
        HeardMessages(engine, Home(place / "home"), live, _Clock()),
        ShiftMenu(engine, live, _Clock()),
        _Clock(),
        pins,
        nobody,
        OutboundCalls(engine, live, _Clock()),
        lambda *_: None,
    )
    state = MenuState("lee", URGENT.id, "called")
    step = await line.answer(_asks(state, PIN))
    assert f"messages/{URGENT.id}" in step.variables[names.SAY]
    rows = audit.entries(engine, what="recording")
    assert [(one.who, one.what, one.about) for one in rows] == [
        ("lee", "recording.heard", URGENT.id)
    ]
    with closing(sqlite3.connect(place / "home" / "officeline.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        again = await line.answer(_asks(step.state, "3"))
    assert f"messages/{URGENT.id}" in again.variables[names.SAY]
    assert len(audit.entries(engine, what="recording")) == 1


def test_more_recordings_than_a_command_holds_do_not_end_the_call() -> None:
    """The newest are played, as many as Asterisk takes at once."""
    sounds = [f"/var/lib/officeline/messages/1795456091.{count}" for count in range(60)]
    said = words_of(sounds)
    assert said[:3] == [sounds[0], "message-earlier", sounds[1]]
    assert said.count("message-earlier") > 20
    assert len(names.sounds(said)) < 2048 - 300, "with the rest of the answer"


def _asks(state: MenuState, keyed: str) -> Question:
    return Question("1", "1", "1", "", names.KEYED, keyed, state.encode(), None)


class _Clock:
    def now(self) -> datetime:
        """Return the instant, after the message was opened."""
        return NOW + timedelta(minutes=5)

    def set(self, instant: datetime) -> None:
        """Nobody sets it."""
