"""A message's timers, and what people do with it. All functions block.

Every change reads the state in the transaction that writes it, so that simultaneous changes from
the telephone, the command line and the escalator never contradict each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from sqlalchemy import Connection, Engine, func, select
from sqlmodel import col

from pbx.base.errors import OfficeLineError
from pbx.db import message_events, message_rows
from pbx.db.database import reading, writing
from pbx.db.message_events import is_shared, note_event
from pbx.db.messages import MessageRow, row_of
from pbx.db.statements import table_of
from pbx.db.tables import Message
from routing import follow_up
from routing.follow_up import RINGING, FollowUpStage, MessageView, State
from routing.model import Plan, Urgency

MessageMove = Literal[
    "delivered", "acknowledged", "called back", "not reached", "closed", "overdue", "cut off"
]
Timer = tuple[MessageView, datetime | None]  # a message and its next due time
REMINDED = "reminded"
PUSHED, PUSH_FAILED = "pushed", "push failed"

_MESSAGE = table_of(Message)
# The columns of a message that an event can change.
_MOVED = (
    "state", "stage", "due_at", "reopened_at", "breached_at", "disposition",
    "delivered_by", "delivered_at", "acknowledged_by", "acknowledged_at",
    "called_back_by", "called_back_at", "closed_by", "closed_at",
)  # fmt: skip


class RefusedError(OfficeLineError):
    """An event that the message's state does not allow."""


class NotAllHeardError(RefusedError):
    """An attempt to settle a message without having heard all of it."""

    def __init__(self, message_id: str) -> None:
        super().__init__(
            f"Message {message_id} is unchanged, because somebody called after its recording was "
            f"played; 'officeline inbox play {message_id}' plays all of it."
        )


@dataclass(frozen=True)
class MessageStanding:
    """A message's state, who brought it there, and everybody who acted on it.

    `people` are the last persons who acknowledged it, called back and closed it.
    """

    state: State
    by: str | None
    people: frozenset[str]


def move(
    engine: Engine,
    plan: Plan,
    message_id: str,
    event: MessageMove,
    *,
    at: datetime,
    person: str | None = None,
    disposition: str | None = None,
    due_at: datetime | None = None,
    spoke_in: str | None = None,
    joins: int | None = None,
) -> MessageRow:
    """Apply an event to a message durably, set its timer and return the changed message.

    The person and the time of each action are stored. After "cut off", the follow-up starts again
    at `due_at` (default: `at`), unless it is already calling about other calls of the message.
    `spoke_in` is the call in which the person spoke with the caller; that does not settle a message
    that also contains other calls. `joins` is how many calls had joined the message when the person
    heard it.

    Raises RefusedError if the message does not exist or its state does not allow the event, and
    NotAllHeardError if a call has joined the message since the person heard it.
    """
    with writing(engine, durable=True) as connection:
        message = message_rows.stored_message(connection, message_id)
        if message is None:
            raise RefusedError(
                f"There is no message {message_id}; 'officeline inbox list' shows the ids."
            )
        if spoke_in is not None and is_shared(connection, message_id, spoke_in):
            raise RefusedError(
                f"Message {message_id} is unchanged, because it also contains other calls; "
                f"'officeline inbox play {message_id}' plays them."
            )
        if joins is not None and message_events.count_joins(connection, message_id) > joins:
            raise NotAllHeardError(message_id)
        view = view_of(message)
        try:
            state = follow_up.after(view.state, event)
        except follow_up.EventRefusedError as error:
            raise RefusedError(
                f"Message {message_id} is unchanged, because {error}; "
                f"'officeline inbox show {message_id}' shows its history."
            ) from error
        _enter(message, event, state, person, at)
        if event == "overdue":
            message.reopened_at, message.stage = follow_up.call_back_by(view, plan) or at, 0
            message.due_at = message.breached_at = at
        elif event == "cut off":
            goes_on = view.state in RINGING and is_shared(connection, message_id, message.call)
            _cut_off(message, due_at or at, at, goes_on=goes_on)
        elif state not in RINGING or view.urgency != "urgent":
            message.due_at = follow_up.next_due(view_of(message), plan, at)
        if disposition is not None:
            message.disposition = disposition
        moved = {name: getattr(message, name) for name in _MOVED}
        message_rows.change_message(connection, message_id, **moved)
        detail = {} if disposition is None else {"disposition": disposition}
        note_event(connection, message_id, at, event, person, detail)
    return row_of(message)


def _cut_off(message: Message, due_at: datetime, at: datetime, *, goes_on: bool) -> None:
    """Restart the follow-up at `due_at`; if it `goes_on`, only make sure it is due by then."""
    if goes_on and message.due_at is not None:
        message.due_at = min(message.due_at, due_at)
    else:
        message.reopened_at, message.stage, message.due_at = at, 0, due_at


def _enter(
    message: Message, event: MessageMove, state: State, person: str | None, at: datetime
) -> None:
    """Set the state, and who brought the message there and when."""
    message.state = state
    if event == "overdue":
        return
    if not person:
        raise ValueError(f"somebody must have {event} the message")
    if event == "not reached":  # they called back in vain: keep the original deadline
        message.acknowledged_by = message.acknowledged_by or person
        message.acknowledged_at = message.acknowledged_at or at
        message.called_back_by = message.called_back_at = None
        return
    if event == "cut off":  # they accepted but are called again: not acknowledged yet
        message.acknowledged_by, message.acknowledged_at = person, None
        return
    word = event.replace(" ", "_")
    setattr(message, f"{word}_by", person)
    setattr(message, f"{word}_at", at)


def due_messages(engine: Engine, now: datetime, limit: int) -> list[MessageView]:
    """Return at most `limit` messages whose timer has run out, urgent ones first, then by time."""
    found: list[MessageView] = []
    with reading(engine) as session:
        for urgency in ("urgent", "routine"):
            wanted = select(Message).where(
                col(Message.urgency) == urgency, col(Message.due_at) <= now
            )
            left = wanted.order_by(col(Message.due_at)).limit(limit - len(found))
            found += [view_of(message) for message in session.scalars(left)]
    return found


def nearest(engine: Engine) -> datetime | None:
    """Return when the next timer runs out, or None if no timer is set."""
    with reading(engine) as session:
        times = [
            session.scalar(
                select(func.min(_MESSAGE.c.due_at)).where(
                    _MESSAGE.c.urgency == urgency, _MESSAGE.c.due_at.is_not(None)
                )
            )
            for urgency in ("urgent", "routine")
        ]
    return min((one for one in times if one is not None), default=None)


def put_off(engine: Engine, timers: Sequence[Timer]) -> None:
    """Set the timers of messages whose state has not changed since they were read."""
    with writing(engine) as connection:
        for view, due_at in timers:
            message_rows.set_due_at(connection, view.id, view.state, due_at)


def remind(engine: Engine, timers: Sequence[Timer], *, at: datetime) -> list[str | None]:
    """Record reminders and set the timers; return each message's owner, or None if it has none."""
    with writing(engine) as connection:
        return [_reminded(connection, view, due_at, at) for view, due_at in timers]


def _reminded(
    connection: Connection, view: MessageView, due_at: datetime | None, at: datetime
) -> str | None:
    message_rows.set_due_at(connection, view.id, view.state, due_at)
    note_event(connection, view.id, at, REMINDED)
    return connection.scalar(select(_MESSAGE.c.owner).where(_MESSAGE.c.id == view.id))


def note_push(
    engine: Engine, message_id: str, person: str, why: str | None, *, at: datetime
) -> None:
    """Record in a message's history that a push was sent, or in `why` the reason it failed."""
    what, detail = (PUSHED, {}) if why is None else (PUSH_FAILED, {"why": why})
    with writing(engine) as connection:
        note_event(connection, message_id, at, what, person, detail)


def standings(engine: Engine, message_ids: Iterable[str]) -> dict[str, MessageStanding]:
    """Return the standing of each message that exists, by message id."""
    wanted = select(Message).where(col(Message.id).in_(list(message_ids)))
    with reading(engine) as session:
        return {one.id: _standing(one) for one in session.scalars(wanted)}


def _standing(message: Message) -> MessageStanding:
    took = {
        "acknowledged": message.acknowledged_by,
        "called back": message.called_back_by,
        "closed": message.closed_by,
    }
    people = frozenset(who for who in took.values() if who)
    return MessageStanding(cast("State", message.state), took.get(message.state), people)


def view_of(message: Message) -> MessageView:
    """Return the fields of a row that routing decisions need."""
    return MessageView(
        id=message.id,
        urgency=cast("Urgency", message.urgency),
        state=cast("State", message.state),
        since=message.reopened_at or message.opened_at,
        escalation=message.escalation or "",
        stage=FollowUpStage(message.stage),
        breached_at=message.breached_at,
        acknowledged_by=message.acknowledged_by,
        acknowledged_at=message.acknowledged_at,
    )
