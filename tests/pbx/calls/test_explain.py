"""What `explain` says is what the live line does: the same code, shown for generated calls."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from dialplan import names
from pbx.calls import explain
from pbx.calls.callflow import CallFlow
from pbx.calls.conversation import Book, Question, Verdict
from pbx.calls.recent import RecentCallers
from pbx.config.plan import load
from routing.decision import Facts
from routing.escalation import Ringing
from routing.model import Patient, Plan

ROOT = Path(__file__).parents[3]
KNOWN, STRANGER = "+19175550101", "+19175550102"
PATIENTS = {
    KNOWN: Patient("p1", "A. Patient", "patel", frozenset({"always own"})),
    "+19175550103": Patient("p2", "B. Patient", None, frozenset({"blocked"})),
}
PLANS = [
    replace(load(path).plan, patients=PATIENTS)
    for path in (ROOT / "config/office.toml", ROOT / "tests/calls/policy.toml")
]
EVENTS_LIMIT = 40


@dataclass(frozen=True)
class Fixed:
    """One plan and one book of numbers, for every call."""

    plan: Plan
    book: Book

    def by_hash(self, hash_: str) -> Plan | None:
        """Find the plan by its hash."""
        return self.plan if self.plan.hash == hash_ else None


def book(plan: Plan, reachable: frozenset[str]) -> Book:
    """Give everybody in `reachable` a mobile, and phones themselves."""
    people = {one: {"mobile": f"PJSIP/{one}"} for one in plan.people if one in reachable}
    for one in plan.people:
        desks = {by.via: by.via for by in plan.people[one].contacts if by.via in plan.phones}
        people[one] = {**people.get(one, {}), **desks}
    return {**people, **{phone: {phone: phone} for phone in plan.phones}}


def live(plans: Fixed, facts: Facts, at: datetime) -> tuple[Verdict, list[tuple[str, ...]]]:
    """Play a call turn by turn, as the dialplan does; return the verdict that decided, and rings.

    Nobody ever accepts, and the clock goes on as long as phones ring and callers wait.
    """
    flow = CallFlow(plans, RecentCallers())
    keys = list(facts.presses)
    event, detail, state = "arrived", "", ""
    decided: Verdict | None = None
    rings: list[tuple[str, ...]] = []
    for turn in range(EVENTS_LIMIT):
        asked = Question("1.1", "1.1", str(turn), facts.did, event, detail, state, facts.caller)
        verdict = flow.answer(asked, at)
        state = verdict.state.encode()
        decided = verdict if verdict.decision is not None else decided
        if verdict.who:
            rings.append(verdict.who)
        if verdict.verb == names.MENU and keys:
            event, detail = names.PRESSED, keys.pop(0)
        elif verdict.verb == names.NUMBER:
            event, detail = names.KEYED, "9175550199"
        elif verdict.verb == names.REASON:
            event, detail = names.RECORDED, "DTMF"
        elif verdict.verb in {names.ESCALATION, names.DESK}:
            event, detail = names.RANG, "NOANSWER"
            at += timedelta(seconds=int(verdict.variables[f"_{names.RING}"]))
        elif verdict.verb == names.WAIT:
            event, detail = names.WAITED, ""
            at += timedelta(seconds=int(verdict.variables[names.PAUSE]))
        else:
            break
    assert decided is not None
    return decided, rings


@given(
    plan=st.sampled_from(PLANS),
    did=st.sampled_from(["+12125550100", "+12125550101", "+12125550102", "+12125550199"]),
    caller=st.sampled_from([None, KNOWN, STRANGER, "+19175550103"]),
    presses=st.lists(st.sampled_from(["", "1", "2", "9", "*"]), max_size=3).map(tuple),
    at=st.datetimes(datetime(2026, 11, 23), datetime(2027, 3, 20)),  # noqa: DTZ001  # local
    reachable=st.frozensets(st.sampled_from(["lee", "osei", "patel"])),
)
def test_the_live_line_does_what_explain_says(
    plan: Plan,
    did: str,
    caller: str | None,
    presses: tuple[str, ...],
    at: datetime,
    reachable: frozenset[str],
) -> None:
    """Same decision, same reasons, and the same people in the same order."""
    at = at.replace(tzinfo=plan.office.zone)
    held = book(plan, reachable)
    numbers = {person: frozenset(contacts) for person, contacts in held.items()}
    verdict, rings = live(Fixed(plan, held), Facts(did, caller, presses), at)
    assert verdict.facts is not None
    reported = explain.imagine(plan, numbers, verdict.facts, at)
    assert reported.decision == verdict.decision
    assert [step.who for step in reported.steps if isinstance(step, Ringing)] == rings
