"""The number that an urgent caller keys in: taken, or asked for again, and never a dead end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from dialplan import names
from pbx.call.callflow import CallFlow
from pbx.call.conversation import Book, Question, Verdict
from pbx.call.recent import RecentCallers
from pbx.officefile.plan import load
from routing.model import Plan

ROOT = Path(__file__).parents[2]
PLAN = load(ROOT / "config/office.toml", ROOT / "config/presets.toml").plan
NIGHT = datetime(2026, 11, 28, 2, 10, tzinfo=PLAN.office.zone)
CALLER = "+19175550123"


@dataclass(frozen=True)
class Fixed:
    """One plan for every call, and nobody who can be reached."""

    plan: Plan
    book: Book

    def by_hash(self, hash_: str) -> Plan | None:
        """Find the plan by its hash."""
        return self.plan if self.plan.hash == hash_ else None


def keys(caller: str | None, *tries: str) -> Verdict:
    """Press 1 at the menu and then key these numbers, one for each time that one is asked for."""
    flow = CallFlow(Fixed(PLAN, {}), RecentCallers())
    asked = [(names.PRESSED, "1"), *((names.KEYED, one) for one in tries)]
    state = ""
    for turn, (event, detail) in enumerate(asked):
        question = Question("1.1", "1.1", str(turn), "+12125550100", event, detail, state, caller)
        verdict = flow.answer(question, NIGHT)
        assert verdict.message == "urgent"  # whatever is keyed, the message is on the disk
        state = verdict.state.encode()
    return verdict


@pytest.mark.parametrize(
    ("caller", "tries", "taken"),
    [
        (CALLER, ("",), ""),  # silence: the number that the call shows
        (CALLER, ("9175550177",), "+19175550177"),
        (CALLER, ("555", "9175550177"), "+19175550177"),
        (CALLER, ("555", "12"), ""),  # asked twice; the physician matters more
        (CALLER, ("911", ""), ""),
        (CALLER, ("9005550100", "9175550177"), "+19175550177"),  # a premium number
        (CALLER, ("8765550100", "9175550177"), "+19175550177"),  # Jamaica
        (CALLER, ("2125550100", "9175550177"), "+19175550177"),  # our own line
        (None, ("", "9175550177"), "+19175550177"),
        (None, ("", ""), ""),
    ],
)
def test_what_is_keyed(caller: str | None, tries: tuple[str, ...], taken: str) -> None:
    """Asked again for what we would not call; at the end the words are recorded in any case."""
    verdict = keys(caller, *tries)
    assert verdict.verb == names.MATTER
    assert verdict.state.callback == taken
    if len(tries) > 1:
        again = keys(caller, *tries[:-1])
        assert (again.verb, again.variables[names.SAY]) == (names.NUMBER, "callback-again")
