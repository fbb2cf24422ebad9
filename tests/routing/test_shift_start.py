"""The start of a shift: each state's next step, whom it concerns, and whom an escalation rings."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pbx.config.plan import load
from routing import escalation, schedule, shift_start
from routing.model import Confirm, Override, Plan, Unconfirmed
from routing.shift_start import ACTIVE, AFTER, EVENTS, STATES, Begin, ConfirmView, Event, State

ROOT = Path(__file__).parents[2]
EXAMPLE = load(ROOT / "config/office.toml").plan
CONFIRM = Confirm(tries=3, every_s=240)
RULES = replace(EXAMPLE.schedules["doctors"], confirm=CONFIRM)
PLAN = replace(EXAMPLE, schedules={"doctors": RULES})
# On Monday the 16th of November at 08:00 in the office patel hands over to lee, osei is the backup.
START = datetime(2026, 11, 16, 13, tzinfo=UTC)
NUMBERS = dict.fromkeys(PLAN.people, frozenset({"mobile"}))


def minutes(count: float) -> datetime:
    """Return the instant so many minutes after the handoff."""
    return START + timedelta(minutes=count)


def view(state: State = "waiting", **changed: object) -> ConfirmView:
    """Return lee's shift as it stands."""
    made = ConfirmView("doctors", "lee", START, "oncall", state, 0, START, START)
    return replace(made, **changed)  # type: ignore[arg-type]  # as the fields are


def overridden(person: str, start: datetime, end: datetime, plan: Plan = PLAN) -> Plan:
    """Put somebody else on call."""
    change = Override(1, "doctors", "replace", person, None, start, end)
    return replace(plan, overrides=(change,))


def unconfirmed(end: datetime | None = None) -> Plan:
    """Return the plan while lee has not confirmed."""
    return replace(PLAN, unconfirmed=(Unconfirmed("doctors", "lee", START, end),))


def begun(plan: Plan, after: datetime, until: datetime) -> list[tuple[str, datetime]]:
    """List who begins when."""
    return [(one.person, one.start) for one in shift_start.begun(plan, "doctors", after, until)]


def test_every_state_has_a_next_step_or_is_final() -> None:
    """Whoever is called either presses, is called again, or is relieved; and no end leads on."""
    for state in STATES:
        leads = {event for event in EVENTS if (state, event) in AFTER}
        again = shift_start.next_call(state, CONFIRM, START)
        if state in ACTIVE:
            assert {"pressed", "not pressed", "relieved"} <= leads
            assert again is not None
            assert again > START
        else:
            assert (leads, again) == (set(), None)


@pytest.mark.parametrize(("state", "event"), sorted(AFTER))
def test_every_transition_is_reached(state: State, event: Event) -> None:
    """Each row of the table is what some call or some look leads to."""
    plan, now = PLAN, minutes(10)
    if event in {"pressed", "not pressed", "tried enough"}:
        tries = 2 if event == "tried enough" else 0
        pressed = event == "pressed"
        found = shift_start.happened(view(state, tries=tries), CONFIRM, pressed=pressed)
        assert found == event
        return
    if event == "relieved":
        plan = overridden("osei", START, minutes(60))
    else:
        now = START + shift_start.LATE + timedelta(seconds=1)
    assert shift_start.shift_todo(view(state), plan, now, ()) == event


def test_nobody_presses_until_somebody_does() -> None:
    """The timetable as it is performed: three calls, then one each half hour; a press ends it."""
    now, calls = START, view()
    asked: list[int] = []
    while len(asked) < 5:
        assert shift_start.shift_todo(calls, PLAN, now, ()) == "call"
        asked.append((now - START) // timedelta(minutes=1))
        event = shift_start.happened(calls, CONFIRM, pressed=False)
        state = AFTER[calls.state, event]
        due_at = shift_start.next_call(state, CONFIRM, now)
        assert due_at is not None
        calls = replace(calls, state=state, tries=calls.tries + 1, due_at=due_at)
        assert shift_start.shift_todo(calls, PLAN, due_at - timedelta(seconds=1), ()) == "wait"
        now = due_at
    assert asked == [0, 4, 8, 38, 68]
    assert calls.state == "unconfirmed"
    assert AFTER[calls.state, shift_start.happened(calls, CONFIRM, pressed=True)] == "confirmed"


def test_who_begins_a_shift() -> None:
    """The one who was not on call before, once, at the instant itself, and where it is asked."""
    week = timedelta(days=7)
    assert begun(PLAN, START - week / 2, START + week) == [("lee", START), ("osei", START + week)]
    assert begun(PLAN, START - timedelta(seconds=1), START) == [("lee", START)]
    assert begun(PLAN, START, START + timedelta(days=6)) == []
    assert begun(EXAMPLE, START - week, START + week) == []
    service = replace(PLAN.people["lee"], role="service")
    assert begun(replace(PLAN, people={"lee": service}), START - week / 2, START) == []


def test_an_override_begins_shifts_as_well() -> None:
    """Who takes a night later begins one, and so does whoever comes back after it."""
    plan = overridden("osei", minutes(600), minutes(1200))
    found = begun(plan, START - timedelta(days=1), minutes(2000))
    assert found == [("lee", START), ("osei", minutes(600)), ("lee", minutes(1200))]


def test_until_when_somebody_is_on_call() -> None:
    """Up to the next handoff, an override, or for longer than is looked."""
    assert shift_start.ends(PLAN, "doctors", "lee", START) == START + timedelta(days=7)
    plan = overridden("osei", minutes(600), minutes(1200))
    assert shift_start.ends(plan, "doctors", "lee", START) == minutes(600)
    alone = replace(RULES.layers[0], rotation=("lee",))
    plan = replace(PLAN, schedules={"doctors": replace(RULES, layers=(alone,))})
    assert shift_start.ends(plan, "doctors", "lee", START) is None


def test_who_was_entered_a_moment_ago_is_waited_for() -> None:
    """The plan that runs may be a moment older than the row: that relieves nobody."""
    entered = view(person="osei", made_at=minutes(10), by_hand=True)
    assert shift_start.shift_todo(entered, PLAN, minutes(10), ()) == "wait"
    assert shift_start.shift_todo(entered, PLAN, minutes(11), ()) == "relieved"
    taken = overridden("osei", minutes(10), minutes(60))
    assert shift_start.shift_todo(entered, taken, minutes(10), ()) == "call"


def test_a_file_that_asks_no_more_ends_it_but_not_what_was_handed_over() -> None:
    """Without 'confirm', or the schedule itself, nobody is called; by hand it was asked for."""
    assert shift_start.shift_todo(view(), EXAMPLE, minutes(1), ()) == "relieved"
    assert shift_start.shift_todo(view(by_hand=True), EXAMPLE, minutes(1), ()) == "call"
    assert shift_start.shift_todo(view(), replace(PLAN, schedules={}), minutes(1), ()) == "relieved"


def test_the_backup_is_reported_while_it_is_the_backup_and_somebody_is_missing() -> None:
    """However late it is; else there is nothing to tell."""
    backup = view(person="osei", role="backup")
    assert shift_start.shift_todo(backup, PLAN, minutes(300), {"doctors"}) == "call"
    assert shift_start.shift_todo(backup, PLAN, minutes(300), ()) == "relieved"
    other = overridden("osei", START, minutes(600))
    assert shift_start.shift_todo(backup, other, minutes(300), {"doctors"}) == "relieved"


def test_a_start_that_was_tried_is_never_missed() -> None:
    """Hours later, after a restart, it goes on where it stood."""
    assert shift_start.shift_todo(view(tries=1), PLAN, minutes(300), ()) == "call"
    assert shift_start.shift_todo(view(), PLAN, minutes(121), ()) == "too late"
    assert shift_start.shift_todo(view(), PLAN, minutes(120), ()) == "call"


def test_a_escalation_begins_with_the_backup_and_leaves_nobody_out() -> None:
    """While lee has not confirmed, from the shift's start to its end, and nobody else is."""
    on = ("oncall", unconfirmed(minutes(600)))
    assert escalation.resolve(*on, START) == ("osei", "lee")
    assert escalation.resolve(*on, START - timedelta(seconds=1)) == ("patel",)
    assert escalation.resolve(*on, minutes(600)) == ("lee",)
    assert escalation.resolve("backup", on[1], START) == ("osei",)
    assert escalation.resolve("oncall", PLAN, START) == ("lee",)
    first = escalation.next_step(
        PLAN.escalations["urgent"], on[1], START, after=-1, reachable=NUMBERS
    )
    assert isinstance(first, escalation.Ringing)
    assert first.who == ("osei", "lee")
    other = replace(overridden("patel", START, minutes(60), on[1]))
    assert escalation.resolve("oncall", other, START) == ("patel",)
    assert schedule.unconfirmed(other, "doctors", START) == ()


def test_without_a_backup_whoever_is_on_call_is_rung() -> None:
    """Nobody stands before somebody who never pressed, and the call goes on."""
    alone = replace(RULES, backup="lee")
    plan = replace(unconfirmed(), schedules={"doctors": alone})
    assert escalation.resolve("oncall", plan, START) == ("lee",)
    assert schedule.unconfirmed(plan, "doctors", START) == ("lee",)


def test_begins_are_known_by_who_and_when() -> None:
    """Two looks at the same handoff find the same begin."""
    looks = [START - timedelta(hours=1), START - timedelta(days=1)]
    found = {one for after in looks for one in shift_start.begun(PLAN, "doctors", after, START)}
    assert found == {Begin("doctors", "lee", START)}
