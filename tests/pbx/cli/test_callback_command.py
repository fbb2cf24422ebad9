"""`officeline callback` where nobody is called: without an office that runs, a PIN, a number."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli import app
from pbx.base.errors import OfficeLineError
from pbx.cli.calls import callback
from pbx.config import secrets
from pbx.config.home import Home
from pbx.config.secrets import Secrets
from pbx.db import outbound
from pbx.db.database import open_database
from pbx.escalation.pins import hashed
from tests.support.offices import ROOT

LEE, PATIENT = "+12125550111", "(212) 555-0142"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Make a home with Lee's mobile and PIN, Osei's mobile, and a database."""
    held = Secrets(mobiles={"lee": LEE, "osei": "+12125550112"}).with_pin("lee", hashed("480297"))
    secrets.write(tmp_path, held)
    open_database(Home(tmp_path).database).dispose()
    return Home(tmp_path)


def officeline(home: Home, *words: str) -> Result:
    """Run `officeline callback ...` on the example practice."""
    config = str(ROOT / "config" / "office.toml")
    return CliRunner().invoke(
        app, ["--config", config, "--home", str(home.folder), "callback", *words]
    )


def test_without_a_running_office_nothing_is_left_to_dial(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence, and the request is taken back: no office that starts later dials it."""
    monkeypatch.setattr(callback, "TAKEN_S", 0.3)
    found = officeline(home, "lee", PATIENT)
    assert isinstance(found.exception, OfficeLineError)
    assert str(found.exception) == (
        f"Lakeside Internal Medicine is not running in {home.folder}, so nobody was called; "
        "start it with 'officeline up'."
    )
    engine = open_database(home.database)
    assert outbound.take_request(engine, datetime.now(UTC)) is None
    row = outbound.get_request(engine, 1)
    engine.dispose()
    assert row is not None
    assert row.result == "withdrawn"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("osei", PATIENT), "Dr. Kofi Osei has no PIN"),
        (("patel", PATIENT), "Dr. Mira Patel has no mobile"),
        (("nobody", PATIENT), "There is no person"),
        (("lee", "911"), "This is not a phone number"),
        (("lee", "555-0142"), "This is not a phone number"),
        (("patel", "nonsense"), "This is not a phone number"),  # before her missing mobile
    ],
)
def test_what_cannot_be_is_said_at_once(home: Home, words: tuple[str, ...], sentence: str) -> None:
    """Nothing is asked of anybody."""
    found = officeline(home, *words)
    assert isinstance(found.exception, OfficeLineError)
    assert sentence in str(found.exception)
    engine = open_database(home.database)
    assert outbound.get_request(engine, 1) is None
    engine.dispose()


def test_a_refusal_is_reported_without_the_number(home: Home) -> None:
    """The office says why, and the command exits with 1."""

    def office() -> None:
        engine = open_database(home.database)
        while (request := outbound.take_request(engine, datetime.now(UTC))) is None:
            time.sleep(0.02)
        outbound.note_refused(engine, request.id, "the limit is 2 calls a day", datetime.now(UTC))
        engine.dispose()

    running = threading.Thread(target=office, daemon=True)
    running.start()
    found = officeline(home, "lee", PATIENT)
    running.join(5)
    assert found.exit_code == 1
    refusal = "This number cannot be called now: the limit is 2 calls a day.\n"
    assert found.stdout == f"Lakeside Internal Medicine: {refusal}"
    assert "0142" not in found.output
