"""Where the file asks for a PIN instead of a 1: whom, at which step, and who can tell it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dialplan import names
from pbx.base.clock import DemoClock
from pbx.calls import explain
from pbx.calls.callflow import CallFlow
from pbx.calls.conversation import Book, Question
from pbx.calls.recent import RecentCallers
from pbx.config import secrets
from pbx.config.plan import parse
from pbx.config.secrets import Secrets
from pbx.db.database import open_database
from pbx.escalation.pins import Pins, hashed
from routing.decision import Facts
from routing.model import Plan

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "config/office.toml").read_text()
FIRST = '{ try = "oncall", ring = 20 }'
BY_STEP = TEXT.replace(FIRST, FIRST.replace(" }", ', confirm = "pin" }'), 1)
PATEL = 'name = "Dr. Mira Patel"\n'
BY_CONTACT = TEXT.replace(PATEL, f'{PATEL}contacts = [{{ via = "mobile", confirm = "pin" }}]\n')
BACK_LINE, CALLER = "+12125550101", "+12125550142"
NIGHT = datetime(2026, 11, 28, 7, 10, tzinfo=UTC)  # osei is on call, then patel
PIN = "472916"


@dataclass(frozen=True)
class Fixed:
    """One plan, and a mobile for everybody."""

    plan: Plan

    @property
    def book(self) -> Book:
        """Give everybody a mobile."""
        return {one: {"mobile": f"PJSIP/{one}"} for one in self.plan.people}

    def by_hash(self, hash_: str) -> Plan | None:
        """Find the plan by its hash."""
        return self.plan if self.plan.hash == hash_ else None


def plan_of(text: str) -> Plan:
    """Read a file's text."""
    return parse(text, Path("office.toml")).plan


def rung(text: str) -> list[dict[str, str]]:
    """Play a call that nobody accepts; list who is asked for a PIN at each step that rings."""
    flow = CallFlow(Fixed(plan_of(text)), RecentCallers())
    event, state = names.ARRIVED, ""
    asked: list[dict[str, str]] = []
    for turn in range(20):
        question = Question("1.1", "1.1", str(turn), BACK_LINE, event, "", state, CALLER)
        verdict = flow.answer(question, NIGHT)
        if verdict.verb == names.MESSAGE:
            break
        event = names.WAITED if verdict.verb == names.WAIT else names.RANG
        state = verdict.state.encode()
        start = f"_{names.PIN_OF}_"
        if verdict.verb != names.WAIT:
            found = verdict.variables.items()
            asked.append({key.removeprefix(start): on for key, on in found if start in key})
    return asked


def test_a_step_asks_and_the_next_takes_it_back() -> None:
    """Variables stay with the call, so that a step without a PIN says so."""
    assert rung(BY_STEP) == [
        {"osei": "1"},
        {"patel": ""},
        {"osei": ""},
        {"lee": "", "osei": "", "patel": ""},
    ]


def test_a_contact_asks_at_every_step() -> None:
    """Whoever answers at that number, and nobody else."""
    assert rung(BY_CONTACT) == [{}, {"patel": "1"}, {}, {"patel": "1"}]


def test_where_the_file_asks_for_none_nothing_is_said() -> None:
    """Nor is any call slower for it."""
    assert rung(TEXT) == [{}, {}, {}, {}]


def test_explain_says_where_a_pin_is_asked_for() -> None:
    """In the sentences and in the document."""
    plan = plan_of(BY_STEP)
    everybody = dict.fromkeys(plan.people, frozenset({"mobile"}))
    reported = explain.imagine(plan, everybody, Facts(BACK_LINE, CALLER, (), ()), NIGHT)
    steps = json.loads(json.dumps(explain.to_json(reported)))["steps"]
    assert steps[0] == {"ring": ["osei"], "ring_s": 20, "confirm": "pin"}
    assert steps[1] == {"ring": ["patel"], "ring_s": 20}
    said = explain.sentences(reported, plan)
    assert "  Dr. Kofi Osei, 20 s, by PIN" in said
    assert "  Dr. Mira Patel, 20 s" in said


@pytest.mark.parametrize(
    ("person", "pin", "known"),
    [("osei", PIN, True), ("osei", "472917", False), ("osei", "1", False), ("lee", PIN, None)],
)
async def test_who_can_tell_a_pin(tmp_path: Path, person: str, pin: str, known: object) -> None:
    """Yes or no where the secrets file holds a PIN; else nobody can tell."""
    secrets.write(tmp_path, Secrets(pins={"osei": hashed(PIN)}))
    engine = open_database(tmp_path / "officeline.db")
    checked = Pins(tmp_path, engine, DemoClock(NIGHT))
    assert await checked.accept(person, pin) is known
    (tmp_path / secrets.FILE).write_text("broken")
    assert await checked.accept("osei", PIN) is None
    engine.dispose()
