"""Neighbouring versions side by side: the daemon, and the standby that an upgrade left behind."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from dialplan import names
from pbx.calls.callflow import CallFlow
from pbx.calls.conversation import CallState, Question
from pbx.calls.recent import RecentCallers
from tests.pbx.calls.test_keyed_number import CALLER, NIGHT, PLAN, Fixed

# As the versions until today write it: another order or meaning would be taken for this one.
OLDER = "urgent:urgent:3:+19175550123:1:1s:lee:abc123-0f:yes"  # before calls kept their instant
WRITTEN = f"{OLDER}:1795849796004:2000.61000:klee.0badcafe:yes"
READ = CallState(
    *("urgent", "urgent", 3, "+19175550123", 1, "1s", "lee", "abc123-0f", "yes"),
    *(1795849796004, "2000.61000", "klee.0badcafe", "yes"),
)
ARRIVED = Question("1.1", "1.1", "7", "+12125550101", names.ARRIVED, "", "", CALLER)
EVENTS = ("pressed", "keyed", "rang", "waited", "stopped", "recorded", "arrived", "of a later one")


def test_a_state_is_written_and_read_in_one_way() -> None:
    """Whoever adds a part writes it behind the others; then the older one does not know it."""
    assert CallState.decode(WRITTEN) == READ
    assert READ.encode() == WRITTEN
    assert len(fields(CallState)) == WRITTEN.count(":") + 1


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize(
    "state", [f"{WRITTEN}:more", WRITTEN.rpartition(":")[0], OLDER, "2;urgent;3", "x" * 300]
)
def test_a_state_of_another_version_is_an_arrival(event: str, state: str) -> None:
    """In the middle of whatever it was: the caller is routed anew, and rung for."""
    flow = CallFlow(Fixed(PLAN, {"lee": {"mobile": "PJSIP/1@trunk-out"}}), RecentCallers())
    anew = flow.answer(ARRIVED, NIGHT)
    assert anew.decision is not None
    asked = replace(ARRIVED, event=event, detail="1", state=state)
    found = flow.answer(asked, NIGHT)
    assert (found.verb, found.variables, found.state) == (anew.verb, anew.variables, anew.state)
    assert not CallState.is_foreign(found.state.encode())
