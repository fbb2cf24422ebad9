"""The start of a shift: whoever begins is called until they press 1, and the backup is told.

As for messages, `AFTER` says which event leads from which state to which. A shift that nobody
confirmed takes nobody's turn away: the backup is rung first, until somebody presses.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Literal, get_args

from routing import schedule
from routing.model import Confirm, Plan

# "waiting" for the next try; "unconfirmed" after all of them, and called on now and then; "over":
# somebody else is on call; "missed": nobody called in time, because nothing ran.
State = Literal["waiting", "unconfirmed", "confirmed", "over", "missed"]
Event = Literal["pressed", "not pressed", "tried enough", "relieved", "too late"]
Role = Literal["oncall", "backup"]

STATES: tuple[State, ...] = get_args(State)
EVENTS: tuple[Event, ...] = get_args(Event)
ACTIVE: tuple[State, ...] = ("waiting", "unconfirmed")  # in these somebody is called

# State x event -> state; what is not here changes nothing.
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

LATE = timedelta(hours=2)  # after that the first call about a shift's start is no news
AGAIN = timedelta(minutes=30)  # between the calls to somebody who never pressed
SETTLED = timedelta(seconds=5)  # how soon a change of the schedule is surely in the plan
REACHES = (timedelta(days=15), timedelta(days=400))  # how far ahead a shift's end is looked for


@dataclass(frozen=True)
class Begin:
    """Somebody who was not on call before is from `start` (UTC) on."""

    schedule: str
    person: str
    start: datetime


@dataclass(frozen=True)
class ConfirmView:
    """What decides of somebody who is to confirm: how many calls ended, when the next is due.

    The `role` "backup" is for who is told that the shift of `start` was not confirmed. `by_hand`:
    the shift was handed over by somebody, and is confirmed even where the file asks for nothing.
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
    """List who begins a shift of a schedule within (after, until], if they are to confirm that.

    An answering service is human whoever answers there, and confirms nothing.
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
    """Say until when somebody who is on call now stays so; None for longer than is looked."""
    at = at.astimezone(UTC)
    for reach in REACHES:
        for shift in schedule.shifts(plan, name, at, at + reach):
            if person not in shift.on_call.people:
                return shift.start
    return None


def shift_todo(view: ConfirmView, plan: Plan, now: datetime, unconfirmed: Collection[str]) -> Todo:
    """Say what must be done; `unconfirmed` are the schedules with somebody who never pressed.

    Who was entered a moment ago may be missing in the plan still, and is waited for.
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
    """Name what a call that ended means."""
    if pressed:
        return "pressed"
    enough = view.state == "waiting" and view.tries + 1 >= confirm.tries
    return "tried enough" if enough else "not pressed"


def next_call(state: State, confirm: Confirm, now: datetime) -> datetime | None:
    """Say when somebody in this state is called again after a call at `now`; None: never."""
    if state not in ACTIVE:
        return None
    return now + (AGAIN if state == "unconfirmed" else timedelta(seconds=confirm.every_s))
