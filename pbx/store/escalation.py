"""The escalator's rows: timers, attempts, and what people do with a message. All of it blocks.

Every change looks at the state in the transaction that writes it, so that what comes at the same
time from the telephone, the command line and the escalator never contradicts itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from sqlalchemy import Engine, bindparam, text
from sqlmodel import Session, col, select

from pbx.errors import OfficeLineError
from pbx.store import messages
from pbx.store.database import reading, writing
from pbx.store.messages import OPEN_STATES, MessageRow, is_shared, note, row_of
from pbx.store.tables import Attempt, Message, from_utc_text, utc_text
from routing import relay
from routing.model import Plan, Urgency
from routing.relay import RINGING, Stage, State, View

Outcome = Literal["acknowledged", "declined", "busy", "no answer", "unreachable"]
# Besides: another one was faster, somebody else took it up meanwhile, or the process ended.
Result = Outcome | Literal["too late", "cancelled", "unknown"]

Act = Literal["delivered", "acknowledged", "called back", "closed", "overdue", "cut off"]
BREACH, REMINDED = "breach", "reminded"
PUSHED, PUSH_FAILED = "pushed", "push failed"

_NEAREST = text("SELECT min(due_at) FROM message WHERE urgency = :urgency AND due_at IS NOT NULL")
_SET_DUE = text("UPDATE message SET due_at = :due_at WHERE id = :id AND state = :state")
_END_ATTEMPT = text("UPDATE attempt SET ended_at = :at, result = :result WHERE id = :id")
# If none of those who were called together could be reached, and no call goes on, the next stage
# is due at once.
_CLIMB = text("""
    UPDATE message SET stage = stage + 1, due_at = :at
    WHERE id = (SELECT message FROM attempt WHERE id = :id) AND state IN :states
      AND stage = (SELECT stage FROM attempt WHERE id = :id) AND stage < :last
      AND NOT EXISTS (
        SELECT 1 FROM attempt AS other JOIN attempt AS this ON this.message = other.message
        WHERE this.id = :id AND (other.result IS NULL
          OR (other.started_at = this.started_at AND other.result <> 'unreachable')))
""").bindparams(bindparam("states", expanding=True))
_CUT_OFF = text("""
    UPDATE message SET due_at = :at
    WHERE id IN (SELECT message FROM attempt WHERE result IS NULL) AND state IN :states
""").bindparams(bindparam("states", expanding=True))
_TIMERLESS = text(
    "UPDATE message SET due_at = :at WHERE state IN :states AND due_at IS NULL"
).bindparams(bindparam("states", expanding=True))
_UNKNOWN = text("UPDATE attempt SET result = 'unknown', ended_at = :at WHERE result IS NULL")


class RefusedError(OfficeLineError):
    """What a message in its state does not take."""


class UnheardError(RefusedError):
    """What nobody settles who has not heard all of a message."""

    def __init__(self, message_id: str) -> None:
        super().__init__(
            f"Message {message_id} stays as it is, because somebody called since its words were "
            f"heard; 'officeline inbox play {message_id}' has them all."
        )


@dataclass(frozen=True)
class AttemptRow:
    """One call to a person about a message."""

    id: int
    message: str
    person: str
    via: str
    stage: Stage
    started_at: datetime
    ended_at: datetime | None
    result: str | None


@dataclass(frozen=True)
class Round:
    """What is due with a message now, at `at`, who is called, and when it is due again."""

    view: View
    todo: relay.Todo
    who: tuple[str, ...]
    at: datetime
    due_at: datetime | None


@dataclass(frozen=True)
class Standing:
    """How a message stands: who brought it to its state, and all who ever took it up."""

    state: State
    by: str | None
    people: frozenset[str]


def move(
    engine: Engine,
    plan: Plan,
    message_id: str,
    event: Act,
    *,
    at: datetime,
    person: str | None = None,
    disposition: str | None = None,
    due_at: datetime | None = None,
    spoke_in: str | None = None,
    joins: int | None = None,
) -> MessageRow:
    """Let an event befall a message, durably, and set its timer; RefusedError if it cannot.

    Whatever a person does is kept with that person and the instant. A call joins a message through
    `messages.open_message` alone. The relay begins with what was cut off at `due_at`, or at once;
    where it calls about other calls of the message already, it goes on from where it is.
    `spoke_in` is the call in which they spoke with the caller: that settles nothing of a message
    that other calls are in, too (`messages.is_shared`). `joins` is how often a call had joined when
    they heard its words: UnheardError if one did since then.
    """
    with writing(engine, durable=True) as connection, Session(connection) as session:
        message = session.get(Message, message_id)
        if message is None:
            raise RefusedError(
                f"There is no message {message_id}; 'officeline inbox list' shows what there is."
            )
        if spoke_in is not None and is_shared(connection, message_id, spoke_in):
            raise RefusedError(
                f"Message {message_id} stays as it is, because other calls are in it, too; "
                f"'officeline inbox play {message_id}' has their words."
            )
        if joins is not None and messages.joins(connection, message_id) > joins:
            raise UnheardError(message_id)
        view = view_of(message)
        try:
            state = relay.after(view.state, event)
        except relay.RefusedError as error:
            raise RefusedError(
                f"Message {message_id} stays as it is, because {error}; "
                f"'officeline inbox show {message_id}' tells what happened to it."
            ) from error
        _enter(message, event, state, person, at)
        if event == "overdue":
            message.reopened_at, message.stage = relay.call_back_by(view, plan) or at, 0
            message.due_at = message.breached_at = at
        elif event == "cut off":
            climbs = view.state in RINGING and is_shared(connection, message_id, message.call)
            _cut_off(message, due_at or at, at, climbs=climbs)
        elif state not in RINGING or view.urgency != "urgent":
            message.due_at = relay.next_due(view_of(message), plan, at)
        if disposition is not None:
            message.disposition = disposition
        session.add(message)
        session.flush()
        row = row_of(message)
        detail = {} if disposition is None else {"disposition": disposition}
        note(connection, message_id, at, event, person, detail)
        session.commit()  # the transaction itself is committed by `writing`
    return row


def _cut_off(message: Message, due_at: datetime, at: datetime, *, climbs: bool) -> None:
    """Let the relay begin with what was cut off; what others wait for goes on, and no later."""
    if climbs and message.due_at is not None:
        message.due_at = min(message.due_at, due_at)
    else:
        message.reopened_at, message.stage, message.due_at = at, 0, due_at


def _enter(message: Message, event: Act, state: State, person: str | None, at: datetime) -> None:
    """Set the state, and who brought the message there."""
    message.state = state
    if event == "overdue":
        return
    if not person:
        raise ValueError(f"somebody must have {event} the message")
    if event == "cut off":  # they accepted, and are called again: it is not acknowledged yet
        message.acknowledged_by, message.acknowledged_at = person, None
        return
    word = event.replace(" ", "_")
    setattr(message, f"{word}_by", person)
    setattr(message, f"{word}_at", at)


def due(engine: Engine, now: datetime, limit: int) -> list[View]:
    """Read the messages whose timer has run out, at most `limit`: urgent first, then by time."""
    found: list[View] = []
    with reading(engine) as session:
        for urgency in ("urgent", "routine"):
            wanted = select(Message).where(Message.urgency == urgency, col(Message.due_at) <= now)
            left = wanted.order_by(col(Message.due_at)).limit(limit - len(found))
            found += [view_of(message) for message in session.exec(left)]
    return found


def nearest(engine: Engine) -> datetime | None:
    """Tell when the next timer runs out; None if there is none."""
    with engine.connect() as connection:
        times = [
            connection.execute(_NEAREST, {"urgency": urgency}).scalar()
            for urgency in ("urgent", "routine")
        ]
    return min((from_utc_text(one) for one in times if one is not None), default=None)


def begin_rounds(engine: Engine, rounds: Iterable[Round]) -> list[list[AttemptRow] | None]:
    """Write durably, at once, who is called now and when each message is due next.

    Of each round come its attempts, or None if the message moved on.
    """
    with writing(engine, durable=True) as connection, Session(connection) as session:
        begun = [_begin(session, one) for one in rounds]
        session.flush()
        rows = [None if made is None else [_attempt_row(one) for one in made] for made in begun]
        session.commit()
    return rows


def begin_round(
    engine: Engine,
    view: View,
    todo: relay.Todo,
    who: Iterable[str],
    *,
    at: datetime,
    due_at: datetime | None,
) -> list[AttemptRow] | None:
    """Write one round; see `begin_rounds`."""
    return begin_rounds(engine, [Round(view, todo, tuple(who), at, due_at)])[0]


def _begin(session: Session, one: Round) -> list[Attempt] | None:
    """Put one round into the session."""
    view, todo = one.view, one.todo
    message = session.get(Message, view.id)
    if message is None or message.state not in RINGING or message.due_at is None:
        return None
    message.stage, message.due_at = todo.stage, one.due_at
    if todo.breach:
        message.breached_at = one.at
        note(session.connection(), view.id, one.at, BREACH)
    attempts = [
        Attempt(message=view.id, person=who, via=todo.who[who], stage=todo.stage, started_at=one.at)
        for who in one.who
    ]
    session.add_all([message, *attempts])
    return attempts


def end_attempt(engine: Engine, attempt_id: int, result: Result, at: datetime) -> None:
    """Write what became of an attempt; if nobody of its round can be reached, climb at once."""
    with writing(engine, durable=True) as connection:
        row = {"id": attempt_id, "at": utc_text(at), "result": result}
        connection.execute(_END_ATTEMPT, row)
        if result == "unreachable":
            climb = {**row, "states": RINGING, "last": Stage.EVERYONE}
            connection.execute(_CLIMB, climb)


def put_off(engine: Engine, view: View, due_at: datetime | None) -> None:
    """Set the timer of a message that needs nothing now, unless it has moved on."""
    with writing(engine) as connection:
        row = {"id": view.id, "state": view.state, "due_at": due_at and utc_text(due_at)}
        connection.execute(_SET_DUE, row)


def remind(engine: Engine, view: View, *, at: datetime, due_at: datetime | None) -> str | None:
    """Write that a message's owner is reminded, and return the owner; None if it has none."""
    with writing(engine) as connection:
        row = {"id": view.id, "state": view.state, "due_at": due_at and utc_text(due_at)}
        connection.execute(_SET_DUE, row)
        note(connection, view.id, at, REMINDED)
        owner = connection.execute(text("SELECT owner FROM message WHERE id = :id"), row).scalar()
    return None if owner is None else str(owner)


def note_push(
    engine: Engine, message_id: str, person: str, why: str | None, *, at: datetime
) -> None:
    """Write into a message's history that somebody was sent a push, or why that failed."""
    what, detail = (PUSHED, {}) if why is None else (PUSH_FAILED, {"why": why})
    with writing(engine) as connection:
        note(connection, message_id, at, what, person, detail)


def take_up(engine: Engine, now: datetime) -> None:
    """At the start: calls that were cut off count as unknown, and their messages are due now."""
    row = {"at": utc_text(now), "states": RINGING}
    with writing(engine, durable=True) as connection:
        connection.execute(_CUT_OFF, row)
        connection.execute(_UNKNOWN, {"at": utc_text(now)})
        # no message may be without a timer: looked at once too often is better than never
        connection.execute(_TIMERLESS, {"at": utc_text(now), "states": OPEN_STATES})


def standing(engine: Engine, message_ids: Iterable[str]) -> dict[str, Standing]:
    """Read how messages stand."""
    wanted = select(Message).where(col(Message.id).in_(list(message_ids)))
    with reading(engine) as session:
        return {one.id: _standing(one) for one in session.exec(wanted)}


def _standing(message: Message) -> Standing:
    took = {
        "acknowledged": message.acknowledged_by,
        "called back": message.called_back_by,
        "closed": message.closed_by,
    }
    people = frozenset(who for who in took.values() if who)
    return Standing(cast("State", message.state), took.get(message.state), people)


def attempts(engine: Engine, message_id: str) -> list[AttemptRow]:
    """Read the attempts to tell somebody of a message, in their order."""
    wanted = select(Attempt).where(Attempt.message == message_id).order_by(col(Attempt.id))
    with reading(engine) as session:
        return [_attempt_row(one) for one in session.exec(wanted)]


def view_of(message: Message) -> View:
    """Reduce a row to what decides of it."""
    return View(
        id=message.id,
        urgency=cast("Urgency", message.urgency),
        state=cast("State", message.state),
        since=message.reopened_at or message.opened_at,
        ladder=message.ladder or "",
        stage=Stage(message.stage),
        breached_at=message.breached_at,
        acknowledged_by=message.acknowledged_by,
        acknowledged_at=message.acknowledged_at,
    )


def _attempt_row(one: Attempt) -> AttemptRow:
    return AttemptRow(
        id=one.id or 0,
        message=one.message,
        person=one.person,
        via=one.via,
        stage=Stage(one.stage),
        started_at=one.started_at,
        ended_at=one.ended_at,
        result=one.result,
    )
