"""The number that an urgent caller keys in: taken, or asked for again, and never a dead end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from dialplan import names
from pbx.calls.callflow import CallFlow
from pbx.calls.conversation import Book, Question, Verdict
from pbx.calls.recent import RecentCallers
from pbx.config.plan import load
from routing.model import Plan

ROOT = Path(__file__).parents[3]
PLAN = load(ROOT / "config/office.toml").plan
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
    assert verdict.verb == names.REASON
    assert verdict.state.callback == taken
    if len(tries) > 1:
        again = keys(caller, *tries[:-1])
        assert (again.verb, again.variables[names.SAY]) == (names.NUMBER, "callback-again")


def after(did: str, caller: str | None, *events: tuple[str, str]) -> list[Verdict]:
    """Let these things happen on a call that nobody picks up, and list the verdicts."""
    flow = CallFlow(Fixed(PLAN, {}), RecentCallers())
    state, found = "", []
    for turn, (event, detail) in enumerate(events):
        question = Question("1.1", "1.1", str(turn), did, event, detail, state, caller)
        found.append(flow.answer(question, NIGHT))
        state = found[-1].state.encode()
    return found


@pytest.mark.parametrize(
    "caller",
    [
        *(None, "+442079460018", "+6562345678", "+14165550123", "+18765550123", "+19005550123"),
        *("+15005550123", "+12125550100", "+266696687", "+17378742833", "+15555555555"),
    ],
)
def test_who_cannot_be_called_back_is_asked(caller: str | None) -> None:
    """Abroad, premium, our own, a sentinel or none: never told that we call back at this number."""
    main, asked = after("+12125550100", caller, (names.ARRIVED, ""), (names.PRESSED, "1"))
    assert main.verb == names.MENU
    assert (asked.verb, asked.variables[names.SAY]) == (names.NUMBER, "ask-callback")
    *_, again = after("+12125550100", caller, (names.PRESSED, "1"), (names.KEYED, ""))
    assert (again.verb, again.variables[names.SAY]) == (names.NUMBER, "callback-again")


BACK_LINE = "not-reached&call-back-within&number-30&minutes&leave-message-backline&beep"  # no 911


@pytest.mark.parametrize(
    ("did", "events", "say", "urgency"),
    [
        # nobody can be reached, so the escalation policy of the back line is over at once
        ("+12125550101", [(names.ARRIVED, "")], BACK_LINE, "urgent"),
        ("+12125550100", [(names.PRESSED, "2")], "leave-message&beep", "routine"),
    ],
)
def test_a_number_is_asked_for_before_a_message(
    did: str, events: list[tuple[str, str]], say: str, urgency: str
) -> None:
    """Once, or twice where what is keyed is none; who shows a number leaves the message at once."""
    (direct,) = after(did, CALLER, *events)
    assert (direct.verb, direct.variables[names.SAY]) == (names.MESSAGE, say)
    asked, left = after(did, None, *events, (names.KEYED, "19175550177"))
    assert (asked.verb, asked.message) == (names.NUMBER, urgency)
    assert (left.verb, left.variables[names.SAY], left.message) == (names.MESSAGE, say, urgency)
    assert left.state.callback == "+19175550177"
    *_, again, left = after(did, None, *events, (names.KEYED, "911"), (names.KEYED, ""))
    assert (again.verb, again.variables[names.SAY]) == (names.NUMBER, "callback-again")
    assert (left.verb, left.variables[names.SAY], left.state.callback) == (names.MESSAGE, say, "")


def test_strangers_are_no_repeat() -> None:
    """Three calls from abroad within the hour are three callers, three of one number are one."""
    policy = load(ROOT / "tests/calls/policy.toml").plan
    for caller, menu in (("+442079460018", True), (None, True), (CALLER, False)):
        flow = CallFlow(Fixed(policy, {}), RecentCallers())
        for call in ("1.1", "1.2", "1.3"):
            question = Question(call, call, "1", "+12125550100", names.ARRIVED, "", "", caller)
            verdict = flow.answer(question, NIGHT)
        assert (verdict.verb == names.MENU) == menu
