"""A number that several patients share: what counts for whoever calls from it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from pbx.calls import memory
from pbx.config.plan import load
from routing.decision import Facts
from routing.engine import route
from routing.model import Patient, Ring, Rule, RunEscalation, TakeMessage, When, together

ROOT = Path(__file__).parents[2]
PLAN = load(ROOT / "tests/calls/policy.toml").plan
RULES = (
    Rule("blocked", When(flag="blocked"), TakeMessage("routine")),
    Rule("vip", When(flag="vip"), RunEscalation("urgent")),
    Rule("lee", When(panel="lee"), Ring("own", 20)),
    Rule("rest", When(), TakeMessage("urgent")),
)
MAIN, HOME = "+12125550100", "+19175550101"
NIGHT = datetime(2026, 11, 24, 22, tzinfo=PLAN.office.zone)
SOME = "some of the patients who share the number are marked"


def patient(id_: str, panel: str | None = None, *flags: str) -> Patient:
    """A patient of whom nothing else matters."""
    return Patient(id_, f"Name {id_}", panel, frozenset(flags))


@pytest.mark.parametrize(
    ("family", "rule", "because"),
    [
        # nobody is shut out for another one's flag, and somebody frail is never overlooked
        (["blocked"], "blocked", "the caller is marked 'blocked'"),
        (["blocked", ""], "rest", f"{SOME} 'blocked', but not all"),
        (["blocked", "blocked"], "blocked", "the caller is marked 'blocked'"),
        (["vip", "", ""], "vip", f"{SOME} 'vip'"),
        (["vip blocked", "vip"], "vip", f"{SOME} 'blocked', but not all"),
        (["vip blocked", "blocked"], "blocked", "the caller is marked 'blocked'"),
        ([".lee", ".lee"], "lee", "all who share the number are patients of lee"),
        ([".lee", ".osei"], "rest", "not all who share the number are patients of lee"),
        ([".lee", ""], "rest", "not all who share the number are patients of lee"),
    ],
)
def test_what_counts_for_a_shared_number(family: list[str], rule: str, because: str) -> None:
    """A flag that opens counts if one has it, one that shuts out and a panel if all have it."""
    members = []
    for number, words in enumerate(family):
        flags = [one for one in words.split() if one[0] != "."]
        panel = next((one[1:] for one in words.split() if one[0] == "."), None)
        members.append(patient(f"P{number}", panel, *flags))
    plan = replace(PLAN, rules=RULES, patients={HOME: together(members)})
    found = route(Facts(MAIN, HOME), plan, NIGHT)
    assert found.reasons[-1].rule == rule
    assert because in [one.because for one in found.reasons]
    # a call that keeps its beginning is decided by the same
    kept = memory.known_facts(plan.patients[HOME], plan)
    again = Facts(MAIN, HOME, directory=memory.directory(kept, HOME, plan))
    assert route(again, replace(plan, patients={}), NIGHT).reasons[-1].rule == rule


def test_who_shares_is_named_up_to_three() -> None:
    """In the order of ids, whatever order the database has."""
    one, two, three, four = (patient(f"P{number}") for number in range(4))
    assert together([one]) is one
    assert together([two, one]).id == "P0, P1"
    assert together([four, two, three, one]).id == "P0, P1, P2 and 1 more"
    assert together([two, one]).everyone == (one, two)
    assert one.everyone == (one,)
    assert one.some == frozenset()
