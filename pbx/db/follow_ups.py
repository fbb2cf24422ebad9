"""The escalator's rounds and attempts: who is called about a message, and what came of it.

All of it blocks, and looks at the message's state in the transaction that writes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Engine, bindparam, text
from sqlmodel import Session, col, select

from pbx.db.database import reading, writing
from pbx.db.messages import OPEN_STATES, note_event
from pbx.db.tables import Attempt, Message, utc_text
from routing import follow_up
from routing.follow_up import RINGING, FollowUpStage, MessageView

Outcome = Literal["acknowledged", "declined", "busy", "no answer", "unreachable"]
# Besides: another one was faster, somebody else took it up meanwhile, or the process ended.
Result = Outcome | Literal["too late", "canceled", "unknown"]

BREACH = "breach"

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


@dataclass(frozen=True)
class AttemptRow:
    """One call to a person about a message."""

    id: int
    message: str
    person: str
    via: str
    stage: FollowUpStage
    started_at: datetime
    ended_at: datetime | None
    result: str | None


@dataclass(frozen=True)
class Round:
    """What is due with a message now, at `at`, who is called, and when it is due again."""

    view: MessageView
    todo: follow_up.Todo
    who: tuple[str, ...]
    at: datetime
    due_at: datetime | None


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
    view: MessageView,
    todo: follow_up.Todo,
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
        note_event(session.connection(), view.id, one.at, BREACH)
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
            climb = {**row, "states": RINGING, "last": FollowUpStage.EVERYONE}
            connection.execute(_CLIMB, climb)


def take_up_messages(engine: Engine, now: datetime) -> None:
    """At the start: calls that were cut off count as unknown, and their messages are due now."""
    row = {"at": utc_text(now), "states": RINGING}
    with writing(engine, durable=True) as connection:
        connection.execute(_CUT_OFF, row)
        connection.execute(_UNKNOWN, {"at": utc_text(now)})
        # no message may be without a timer: looked at once too often is better than never
        connection.execute(_TIMERLESS, {"at": utc_text(now), "states": OPEN_STATES})


def attempts(engine: Engine, message_id: str) -> list[AttemptRow]:
    """Read the attempts to tell somebody of a message, in their order."""
    wanted = select(Attempt).where(Attempt.message == message_id).order_by(col(Attempt.id))
    with reading(engine) as session:
        return [_attempt_row(one) for one in session.exec(wanted)]


def _attempt_row(one: Attempt) -> AttemptRow:
    return AttemptRow(
        id=one.id or 0,
        message=one.message,
        person=one.person,
        via=one.via,
        stage=FollowUpStage(one.stage),
        started_at=one.started_at,
        ended_at=one.ended_at,
        result=one.result,
    )
