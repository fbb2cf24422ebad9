"""The start of a shift: the person is called until they press 1; if they do not, so is the backup.

As for messages, `AFTER` gives the next state for each state and event. A person who has not
confirmed stays on call, but the backup is rung first until they press 1.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Literal, get_args

from routing import schedule
from routing.model import Confirm, Plan

# "waiting" for the next try; "unconfirmed" after all tries, but still called now and then; "over":
# somebody else is on call; "missed": OfficeLine was not running when the call was due.
State = Literal["waiting", "unconfirmed", "confirmed", "over", "missed"]
Event = Literal["pressed", "not pressed", "tried enough", "relieved", "too late"]
Role = Literal["oncall", "backup"]

STATES: tuple[State, ...] = get_args(State)
EVENTS: tuple[Event, ...] = get_args(Event)
ACTIVE: tuple[State, ...] = ("waiting", "unconfirmed")  # the states in which the person is called

# State x event -> state; any other combination changes nothing.
AFTER: Mapping[tuple[State, Event], State] = {
    ("waiting", "pressed"): "confirmed",
    ("waiting", "not pressed"): "waiting",
    ("waiting", "tried enough"): "unconfirmed",
    ("waiting", "relieved"): "over",
    ("waiting", "too late"): "missed",
    ("unconfirmed", "pressed"): "confirmed",
    ("unconfirmed", "not pressed"): "unconfirmed",
    ("unconfirmed", "relieved"): "over",
}

LATE = timedelta(hours=2)  # later than this, the first call about a shift's start is useless
AGAIN = timedelta(minutes=30)  # between calls to a person who has not pressed 1
SETTLED = timedelta(seconds=5)  # by then a schedule change is certainly in the plan
REACHES = (timedelta(days=15), timedelta(days=400))  # how far ahead to search for a shift's end


@dataclass(frozen=True)
class Begin:
    """A person who was not on call before is on call from `start` (UTC)."""

    schedule: str
    person: str
    start: datetime


@dataclass(frozen=True)
class ConfirmView:
    """The state of one confirmation: how many calls ended, when the next is due.

    The `role` "backup" is for the person notified that the shift of `start` was not confirmed.
    `by_hand`: somebody handed the shift over, so it needs a confirmation even if the file asks for
    none.
    """

    schedule: str
    person: str
    start: datetime
    role: Role
    state: State
    tries: int
    due_at: datetime | None
    made_at: datetime
    by_hand: bool = False


Todo = Literal["call", "wait", "relieved", "too late"]


def begun(plan: Plan, name: str, after: datetime, until: datetime) -> Iterator[Begin]:
    """Yield who begins a shift of a schedule within (after, until] and must confirm it.

    An answering service confirms nothing, because somebody always answers there.
    """
    if name not in plan.schedules or plan.schedules[name].confirm is None:
        return
    spans = schedule.shifts(plan, name, after, until + timedelta(microseconds=1))
    for before, later in pairwise(spans):
        for person in later.on_call.people:
            known = plan.people.get(person)
            if person not in before.on_call.people and known and known.role != "service":
                yield Begin(name, person, later.start)


def ends(plan: Plan, name: str, person: str, at: datetime) -> datetime | None:
    """Return until when a person who is on call stays on call; None if beyond `REACHES`."""
    at = at.astimezone(UTC)
    for reach in REACHES:
        for shift in schedule.shifts(plan, name, at, at + reach):
            if person not in shift.on_call.people:
                return shift.start
    return None


def shift_todo(view: ConfirmView, plan: Plan, now: datetime, unconfirmed: Collection[str]) -> Todo:
    """Return what must be done now; `unconfirmed` has the schedules with an unconfirmed person.

    A person who was entered a moment ago may not be in the plan yet; this waits for them.
    """
    if not _concerned(view, plan, now, unconfirmed):
        return "relieved" if now - view.made_at >= SETTLED else "wait"
    fresh = view.role == "oncall" and view.state == "waiting" and view.tries == 0
    if fresh and now - view.start > LATE:
        return "too late"
    return "call" if view.due_at is None or view.due_at <= now else "wait"


def _concerned(view: ConfirmView, plan: Plan, now: datetime, unconfirmed: Collection[str]) -> bool:
    if view.schedule not in plan.schedules:
        return False
    answer = schedule.on_call(plan, view.schedule, now)
    if view.role == "backup":
        return view.schedule in unconfirmed and view.person == answer.backup
    wanted = view.by_hand or plan.schedules[view.schedule].confirm is not None
    return wanted and view.person in answer.people


def happened(view: ConfirmView, confirm: Confirm, *, pressed: bool) -> Event:
    """Return the event that a finished call causes."""
    if pressed:
        return "pressed"
    enough = view.state == "waiting" and view.tries + 1 >= confirm.tries
    return "tried enough" if enough else "not pressed"


def next_call(state: State, confirm: Confirm, now: datetime) -> datetime | None:
    """Return when a person in this state is called again after a call at `now`; None if never."""
    if state not in ACTIVE:
        return None
    return now + (AGAIN if state == "unconfirmed" else timedelta(seconds=confirm.every_s))
