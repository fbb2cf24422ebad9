"""The states of a message, and when the escalator must call whom about it.

Two tables decide: `AFTER` gives the next state for each state and event, and the follow-up's
timetable (`routing.model.FollowUp`) gives whom to call when about an unacknowledged urgent message.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Literal, get_args

from routing import hours, people, schedule
from routing.escalation import resolve
from routing.instants import DAY
from routing.model import BACKUP, ONCALL, Escalation, FollowUp, Plan, Urgency
from routing.people import Numbers

State = Literal["open", "delivered", "acknowledged", "called back", "closed"]
# What can happen to a message. `joined`: the patient called again about it. `overdue`: the person
# who acknowledged it did not call back in time. `cut off`: the call was disconnected so soon after
# it was accepted that the two cannot have talked. `not reached`: a call back did not reach the
# patient.
Event = Literal[
    "delivered",
    "acknowledged",
    "called back",
    "not reached",
    "closed",
    "joined",
    "overdue",
    "cut off",
]

STATES: tuple[State, ...] = get_args(State)
EVENTS: tuple[Event, ...] = get_args(Event)
RINGING: tuple[State, ...] = ("open", "delivered")  # an urgent message in these causes calls

# State x event -> state; any other combination is refused.
AFTER: Mapping[tuple[State, Event], State] = {
    ("open", "delivered"): "delivered",
    ("open", "acknowledged"): "acknowledged",
    ("open", "called back"): "called back",
    ("open", "closed"): "closed",
    ("open", "joined"): "open",
    ("open", "cut off"): "open",
    ("delivered", "delivered"): "delivered",
    ("delivered", "acknowledged"): "acknowledged",
    ("delivered", "called back"): "called back",
    ("delivered", "closed"): "closed",
    ("delivered", "joined"): "open",  # nobody has heard the new recording
    ("acknowledged", "delivered"): "acknowledged",
    ("acknowledged", "called back"): "called back",
    ("acknowledged", "not reached"): "acknowledged",
    ("acknowledged", "closed"): "closed",
    ("acknowledged", "joined"): "open",
    ("acknowledged", "overdue"): "delivered",
    ("acknowledged", "cut off"): "open",
    ("called back", "delivered"): "called back",
    ("called back", "called back"): "called back",
    ("called back", "not reached"): "acknowledged",
    ("called back", "closed"): "closed",
}
# A second call joins a message in these states; after the call back it becomes a new message.
JOINABLE: tuple[State, ...] = tuple(state for state in STATES if (state, "joined") in AFTER)


class EventRefusedError(ValueError):
    """This event cannot happen to a message in its current state."""


def after(state: State, event: Event) -> State:
    """Return the state that an event leads to; EventRefusedError if there is none."""
    found = AFTER.get((state, event))
    if found is None:
        raise EventRefusedError(f"a message that is {state} cannot be {event}")
    return found


class FollowUpStage(IntEnum):
    """How far a message has escalated; each stage also calls the people of the stages below."""

    ON_CALL = 0
    BACKUP = 1
    EVERYONE = 2


@dataclass(frozen=True)
class MessageView:
    """What the follow-up of a message depends on.

    `since` is when the follow-up began; `escalation` may be empty. `stage` is the lowest stage to
    call now; it is ahead of the timetable if nobody of the earlier stages could be reached.
    `acknowledged_by` is kept when the call back is overdue, and names the person who accepted a
    call that was cut off.
    """

    id: str
    urgency: Urgency
    state: State
    since: datetime
    escalation: str = ""
    stage: FollowUpStage = FollowUpStage.ON_CALL
    breached_at: datetime | None = None
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None


@dataclass(frozen=True)
class Todo:
    """What the escalator must do now.

    "ring" calls everybody in `who` together (person to contact; empty if nobody has a contact), and
    `breach` is true if the promised response time ends now. "overdue" restarts the escalation of an
    acknowledged message, "remind" notifies the owner, and "wait" does nothing yet.
    """

    what: Literal["ring", "overdue", "remind", "wait"]
    stage: FollowUpStage = FollowUpStage.ON_CALL
    who: Mapping[str, str] = field(default_factory=dict)
    breach: bool = False


def todo_for(view: MessageView, plan: Plan, numbers: Numbers, now: datetime) -> Todo:
    """Return what must be done about a message at this instant, when its timer is due."""
    if view.state == "closed":
        return Todo("wait")
    follow_up = escalation_of(view, plan).follow_up
    if view.urgency == "urgent" and view.state in RINGING:
        broken = view.breached_at is not None and view.breached_at >= view.since
        breach = not broken and _passed(view, now) >= follow_up.breach_s
        stage, who = _callable(view, plan, numbers, now)
        return Todo("ring", stage, who, breach)
    deadline = call_back_by(view, plan)
    if deadline is not None:
        return Todo("overdue" if now >= deadline else "wait")
    is_open = hours.state(plan, now) == "open"
    return Todo("remind" if is_open and next_opening(plan, view.since) <= now else "wait")


def next_due(view: MessageView, plan: Plan, now: datetime) -> datetime | None:
    """Return when something must be done next if nothing happens until then; None once closed.

    A deadline that has passed is returned unchanged; any other result is later than `now`.
    """
    if view.state == "closed":
        return None
    if view.urgency == "urgent" and view.state in RINGING:
        return next_round(escalation_of(view, plan).follow_up, view.since, now)
    return call_back_by(view, plan) or next_opening(plan, now)


def call_back_by(view: MessageView, plan: Plan) -> datetime | None:
    """Return the call-back deadline of an acknowledged urgent message, or None if it has none."""
    if view.urgency != "urgent" or view.state != "acknowledged" or view.acknowledged_at is None:
        return None
    limit = timedelta(seconds=escalation_of(view, plan).follow_up.callback_s)
    return view.acknowledged_at.astimezone(UTC) + limit


def next_round(follow_up: FollowUp, since: datetime, now: datetime) -> datetime:
    """Return the timetable's next instant after `now`: a retry, or the moment a stage begins."""
    since, now = since.astimezone(UTC), now.astimezone(UTC)  # local times ignore DST changes
    passed = (now - since) // timedelta(seconds=follow_up.retry_s)
    retry = since + max(0, passed + 1) * timedelta(seconds=follow_up.retry_s)
    steps = (since + timedelta(seconds=one) for one in _begins(follow_up))
    return min([retry, *(step for step in steps if step > now)])


def next_opening(plan: Plan, after_: datetime) -> datetime:
    """Return when the office opens next, or a day from now if it stays closed for long."""
    after_ = after_.astimezone(UTC)
    for reach in (2 * DAY, hours.REACH):  # nearly always it opens within two days
        was_open = hours.state(plan, after_) == "open"
        for stretch in hours.spans(plan, after_, after_ + reach):
            if stretch.state == "open" and not was_open:
                return stretch.start
            was_open = stretch.state == "open"
    return after_ + DAY


def escalation_of(view: MessageView, plan: Plan) -> Escalation:
    """Return the escalation policy of a message, or the plan's first if it no longer exists."""
    return _escalation(view.escalation, plan)


def follow_up_of(plan: Plan, escalation: str) -> FollowUp:
    """Return the follow-up timetable of an escalation policy, or of the plan's first if gone."""
    return _escalation(escalation, plan).follow_up


def response_s(plan: Plan) -> int:
    """Return the shortest promised response time of all escalation policies, in seconds."""
    return min(
        (one.follow_up.breach_s for one in plan.escalations.values()), default=FollowUp().breach_s
    )


def was_cut_off(plan: Plan, escalation: str, accepted_at: datetime, ended_at: datetime) -> bool:
    """Return whether an accepted call ended so soon that the two cannot have talked."""
    spoke = ended_at.astimezone(UTC) - accepted_at.astimezone(UTC)
    return spoke < timedelta(seconds=follow_up_of(plan, escalation).cut_off_s)


def shortest_cut_off(plan: Plan) -> timedelta:
    """Return the shortest call that any escalation policy does not count as cut off."""
    limits = (escalation.follow_up.cut_off_s for escalation in plan.escalations.values())
    return timedelta(seconds=min(limits, default=FollowUp().cut_off_s))


def _escalation(name: str, plan: Plan) -> Escalation:
    return plan.escalations.get(name, next(iter(plan.escalations.values()), Escalation("", ())))


def _passed(view: MessageView, now: datetime) -> float:
    """Return the seconds since the follow-up began."""
    return (now.astimezone(UTC) - view.since.astimezone(UTC)).total_seconds()


def _begins(follow_up: FollowUp) -> tuple[int, int, int]:
    return follow_up.backup_s, follow_up.everyone_s, follow_up.breach_s


def _callable(
    view: MessageView, plan: Plan, numbers: Numbers, now: datetime
) -> tuple[FollowUpStage, dict[str, str]]:
    """Return the first stage, from the one that is due, in which anybody has a contact now."""
    passed = _passed(view, now)
    follow_up = escalation_of(view, plan).follow_up
    by_time = FollowUpStage.BACKUP if passed >= follow_up.backup_s else FollowUpStage.ON_CALL
    stage = max(view.stage, FollowUpStage.EVERYONE if passed >= follow_up.everyone_s else by_time)
    for one in FollowUpStage:
        if one < stage:
            continue
        found = {
            person: via
            for person in dict.fromkeys(_people(view, plan, one, now))
            if person in plan.people
            and (via := people.contact(plan.people[person], plan, numbers, now)) is not None
        }
        if found:
            return one, found
    return FollowUpStage.EVERYONE, {}


def _people(view: MessageView, plan: Plan, stage: FollowUpStage, now: datetime) -> Iterator[str]:
    """Yield the people of a stage and all stages below; `follow_up` and quiet hours are ignored."""
    name = escalation_of(view, plan).schedule
    yield from resolve(ONCALL, plan, now, schedule_name=name)
    if view.acknowledged_by is not None:
        yield view.acknowledged_by  # knows this message already
    if stage >= FollowUpStage.BACKUP:
        yield from resolve(BACKUP, plan, now, schedule_name=name)
    if stage >= FollowUpStage.EVERYONE:
        yield from schedule.everyone(plan)
        yield from (one.id for one in plan.people.values() if one.role == "manager")
