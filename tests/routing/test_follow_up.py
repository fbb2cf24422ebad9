"""The follow-up: which event leads a message where, and who is called about it when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pbx.config.plan import load
from routing.follow_up import (
    AFTER,
    EVENTS,
    JOINABLE,
    RINGING,
    STATES,
    Event,
    EventRefusedError,
    FollowUpStage,
    MessageView,
    State,
    Todo,
    after,
    next_due,
    next_opening,
    todo_for,
)
from routing.model import Closure, Contact, Days, Override, Person, Plan, Window

ROOT = Path(__file__).parents[2]
EXAMPLE = load(ROOT / "config/office.toml").plan
MONTHS_QUIET = tuple(Window(day, time(0), (day + 1) % 7, time(0)) for day in range(7))
# On call from Monday the 16th: lee, with osei as the backup, who wants messages first and is in
# quiet hours all the time; kim manages the office.
PLAN = replace(
    EXAMPLE,
    people={
        **EXAMPLE.people,
        "osei": replace(EXAMPLE.people["osei"], mode="follow_up", quiet=MONTHS_QUIET),
        "kim": Person("kim", "Kim Ames", "manager"),
        "jo": Person("jo", "Jo Reyes", "nurse"),
    },
)
EVERYBODY = frozenset({"lee", "osei", "patel", "kim", "jo"})
NUMBERS = dict.fromkeys(EVERYBODY, frozenset({"mobile"}))


def local(text: str, fold: int = 0) -> datetime:
    """Read a local time of the office."""
    return datetime.fromisoformat(text).replace(tzinfo=PLAN.office.zone, fold=fold)


NIGHT = local("2026-11-17 22:00")


def without(*people: str) -> dict[str, frozenset[str]]:
    """Take away these people's numbers."""
    return {one: held for one, held in NUMBERS.items() if one not in people}


def message(state: State = "open", since: datetime = NIGHT, urgency: str = "urgent") -> MessageView:
    """Return a message."""
    known = replace(MessageView("m1", "urgent", state, since))
    if state == "acknowledged":
        known = replace(known, acknowledged_by="patel", acknowledged_at=since)
    return known if urgency == "urgent" else replace(known, urgency="routine")


def performed(
    view: MessageView, plan: Plan, now: datetime, until: datetime
) -> Iterator[tuple[datetime, Todo]]:
    """Do what is due as the escalator does, nobody ever answering."""
    at: datetime | None = now
    while at is not None and at < until:
        todo = todo_for(view, plan, NUMBERS, at)
        if todo.breach:
            view = replace(view, breached_at=at)
        yield at, todo
        at = next_due(view, plan, at)


def reported(found: Iterator[tuple[datetime, Todo]]) -> list[str]:
    """Say in words who is called when."""
    return [
        f"{(at - NIGHT) // timedelta(minutes=1)} min: {' '.join(todo.who)}"
        + (", breach" if todo.breach else "")
        for at, todo in found
    ]


def test_the_timetable_in_words() -> None:
    """On call at once and every five minutes, then the backup, everyone, and so on without end."""
    found = performed(message(), PLAN, NIGHT, NIGHT + timedelta(minutes=41))
    assert reported(found) == [
        "0 min: lee",
        "5 min: lee",
        "10 min: lee osei",
        "15 min: lee osei patel kim",
        "20 min: lee osei patel kim",
        "25 min: lee osei patel kim",
        "30 min: lee osei patel kim, breach",
        "35 min: lee osei patel kim",
        "40 min: lee osei patel kim",
    ]


def test_stages_between_two_retries_begin_in_time() -> None:
    """What a stage's time says holds, whatever the retries do."""
    escalation = PLAN.escalations["urgent"]
    follow_up = replace(
        escalation.follow_up, retry_s=480, backup_s=420, everyone_s=600, breach_s=1000
    )
    plan = replace(PLAN, escalations={"urgent": replace(escalation, follow_up=follow_up)})
    found = performed(message(), plan, NIGHT, NIGHT + timedelta(minutes=24))
    assert reported(found) == [
        "0 min: lee",
        "7 min: lee osei",
        "8 min: lee osei",
        "10 min: lee osei patel kim",
        "16 min: lee osei patel kim",
        "16 min: lee osei patel kim, breach",
    ]


def test_a_late_round_calls_those_whose_time_has_come() -> None:
    """After an hour without power everyone is called at once, and the breach is told once."""
    late = NIGHT + timedelta(minutes=62)
    found = performed(message(), PLAN, late, late + timedelta(minutes=5))
    assert reported(found) == [
        "62 min: lee osei patel kim, breach",
        "65 min: lee osei patel kim",
    ]


@pytest.mark.parametrize(
    ("missing", "stage", "called"),
    [
        ((), FollowUpStage.ON_CALL, "lee"),
        (("lee",), FollowUpStage.BACKUP, "osei"),
        (("lee", "osei"), FollowUpStage.EVERYONE, "patel kim"),
        (("lee", "osei", "patel"), FollowUpStage.EVERYONE, "kim"),
        (tuple(EVERYBODY), FollowUpStage.EVERYONE, ""),
    ],
)
def test_nobody_reachable_means_the_next_stage_at_once(
    missing: tuple[str, ...], stage: FollowUpStage, called: str
) -> None:
    """A stage whose people have no number is no step; with nobody at all the timetable goes on."""
    found = todo_for(message(), PLAN, without(*missing), NIGHT)
    assert (found.what, found.stage, " ".join(found.who)) == ("ring", stage, called)
    assert next_due(message(), PLAN, NIGHT) == NIGHT + timedelta(minutes=5)


def test_a_message_that_climbed_does_not_come_down() -> None:
    """Who could not be reached is called along with the next stage."""
    found = todo_for(replace(message(), stage=FollowUpStage.BACKUP), PLAN, NUMBERS, NIGHT)
    assert list(found.who) == ["lee", "osei"]


def test_a_contact_by_time_is_the_one_that_holds() -> None:
    """The contact named is the one for this hour."""
    only = (Window(1, time(20), 2, time(6)),)
    lee = replace(PLAN.people["lee"], contacts=(Contact("second", only), Contact("mobile")))
    plan = replace(PLAN, people={**PLAN.people, "lee": lee})
    numbers = {"lee": frozenset({"mobile", "second"})}
    assert todo_for(message(), plan, numbers, NIGHT).who == {"lee": "second"}
    assert todo_for(message(), plan, numbers, NIGHT + timedelta(hours=9)).who == {"lee": "mobile"}


def test_a_handoff_in_the_middle_calls_whoever_is_on_call_then() -> None:
    """From Monday 08:00 on it is the next one's message, and the backup's is the one after."""
    since = local("2026-11-23 07:52")
    plan = replace(PLAN, people={**PLAN.people, "osei": EXAMPLE.people["osei"]})
    found = [
        f"{at.astimezone(plan.office.zone):%H:%M} {' '.join(todo.who)}"
        for at, todo in performed(message(since=since), plan, since, since + timedelta(minutes=11))
    ]
    assert found == ["07:52 lee", "07:57 lee", "08:02 osei patel"]


def test_an_override_holds_from_its_first_minute() -> None:
    """Who takes the shift in the middle of a follow-up is called from then on."""
    start = NIGHT + timedelta(minutes=5)
    override = Override(1, "doctors", "replace", "patel", None, start, start + timedelta(hours=1))
    plan = replace(PLAN, overrides=(override,))
    found = performed(message(), plan, NIGHT, NIGHT + timedelta(minutes=6))
    assert reported(found) == ["0 min: lee", "5 min: patel"]


@pytest.mark.parametrize("opened", ["2026-11-01 01:50", "2026-03-08 01:50"])
def test_a_jump_of_the_clock_moves_nothing(opened: str) -> None:
    """The timetable counts minutes that pass, on both days on which the clock does not."""
    since = local(opened)
    until = since.astimezone(UTC) + timedelta(minutes=31)
    found = performed(message(since=since), PLAN, since, until)
    passed = [(at.timestamp() - since.timestamp()) / 60 for at, _ in found]
    assert passed == [0, 5, 10, 15, 20, 25, 30]


def test_who_acknowledged_must_call_back_in_time() -> None:
    """Until the deadline nothing is due; then it climbs, and that one is called, too."""
    view = message("acknowledged")
    deadline = NIGHT + timedelta(minutes=30)
    assert next_due(view, PLAN, NIGHT) == deadline
    assert todo_for(view, PLAN, NUMBERS, deadline - timedelta(seconds=1)).what == "wait"
    assert todo_for(view, PLAN, NUMBERS, deadline).what == "overdue"
    again = replace(view, state=after("acknowledged", "overdue"), since=deadline)
    assert list(todo_for(again, PLAN, NUMBERS, deadline).who) == ["lee", "patel"]


def test_a_breach_is_reported_once_each_time_that_it_climbs() -> None:
    """The breach of before it was reopened is not the breach of now."""
    broken = replace(message(), breached_at=NIGHT + timedelta(minutes=30))
    later = NIGHT + timedelta(hours=2)
    assert not todo_for(broken, PLAN, NUMBERS, later).breach
    assert todo_for(replace(broken, since=NIGHT + timedelta(hours=1)), PLAN, NUMBERS, later).breach


@pytest.mark.parametrize(
    ("opened", "reminded"),
    [
        ("2026-11-24 22:00", "2026-11-25 08:30"),  # Tuesday night
        ("2026-11-24 12:00", "2026-11-24 13:00"),  # the lunch break
        ("2026-11-24 10:00", "2026-11-24 13:00"),  # while it is open: after the break
        ("2026-11-27 12:30", "2026-11-30 08:30"),  # the weekend
        ("2026-12-24 17:00", "2026-12-28 08:30"),  # Christmas
        ("2026-10-30 12:30", "2026-11-02 08:30"),  # the clock is set back in between
    ],
)
def test_a_routine_message_rings_nobody_and_is_reported_at_the_opening(
    opened: str, reminded: str
) -> None:
    """Its owner hears of it when the office opens, and again each time until it is closed."""
    view = message(since=local(opened), urgency="routine")
    opening = next_due(view, PLAN, view.since)
    assert opening == local(reminded)
    assert todo_for(view, PLAN, NUMBERS, view.since).what == "wait"
    assert todo_for(view, PLAN, NUMBERS, local(reminded)).what == "remind"
    again = next_due(view, PLAN, local(reminded))
    assert again is not None
    assert again > local(reminded)
    assert todo_for(view, PLAN, NUMBERS, again).what == "remind"


def test_an_office_that_never_opens_is_looked_at_each_day() -> None:
    """A message is never without a timer."""
    plan = replace(PLAN, closures=(Closure(Days(date(2026, 1, 1), date(2027, 12, 31)), "moved"),))
    assert next_opening(plan, NIGHT) == NIGHT + timedelta(days=1)
    view = message(urgency="routine")
    assert todo_for(view, plan, NUMBERS, NIGHT + timedelta(days=1)).what == "wait"


def test_the_table_is_whole_and_nothing_leaves_closed() -> None:
    """Each state can be closed; only a closed one takes nothing."""
    assert {state for state, _ in AFTER} == set(STATES) - {"closed"}
    assert {state for state in STATES if (state, "closed") in AFTER} == set(STATES) - {"closed"}
    assert set(JOINABLE) == {"open", "delivered", "acknowledged"}
    with pytest.raises(EventRefusedError, match="a message that is closed cannot be called back"):
        after("closed", "called back")


@given(st.lists(st.sampled_from(EVENTS), max_size=12))
@settings(max_examples=200)
def test_any_walk_ends_closed_or_with_something_to_do(events: list[Event]) -> None:
    """Whatever happens to an urgent message, it has a timer until it is closed, and then never."""
    view, now = message(), NIGHT
    for event in events:
        now += timedelta(minutes=7)
        try:
            state = after(view.state, event)
        except EventRefusedError:
            continue
        assert view.state != "closed"
        view = replace(view, state=state)
        if event == "acknowledged":
            view = replace(view, acknowledged_by="lee", acknowledged_at=now)
        timer = next_due(view, PLAN, now)
        assert (timer is None) == (view.state == "closed")
        if view.state in RINGING:
            assert timer is not None
            assert now < timer <= now + timedelta(minutes=5)
            assert todo_for(view, PLAN, NUMBERS, now).who
