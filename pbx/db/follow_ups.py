"""The escalator's rounds and attempts: who is called about a message, with which result.

The only module that writes `attempt`. All functions block, and read the message's state in the
transaction that writes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Engine, Row, delete, insert, select, update

from pbx.db import message_rows
from pbx.db.database import reading, writing
from pbx.db.message_events import note_event
from pbx.db.statements import table_of
from pbx.db.tables import Attempt
from routing import follow_up
from routing.follow_up import RINGING, FollowUpStage, MessageView

Outcome = Literal["acknowledged", "declined", "busy", "no answer", "unreachable"]
# Besides: another one was faster, somebody else took it up meanwhile, or the process ended.
Result = Outcome | Literal["too late", "canceled", "unknown"]

BREACH = "breach"

_ATTEMPT = table_of(Attempt)
_BEGIN = insert(_ATTEMPT).returning(_ATTEMPT)


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
    """Record durably, in one transaction, who is called now and when each message is due next.

    Returns the attempts of each round, or None for a round whose message needs no calls any more.
    """
    with writing(engine, durable=True) as connection:
        return [_begin(connection, one) for one in rounds]


def begin_round(
    engine: Engine,
    view: MessageView,
    todo: follow_up.Todo,
    who: Iterable[str],
    *,
    at: datetime,
    due_at: datetime | None,
) -> list[AttemptRow] | None:
    """Record one round; see `begin_rounds`."""
    return begin_rounds(engine, [Round(view, todo, tuple(who), at, due_at)])[0]


def _begin(connection: Connection, one: Round) -> list[AttemptRow] | None:
    """Write one round."""
    view, todo = one.view, one.todo
    message = message_rows.stored_message(connection, view.id)
    if message is None or message.state not in RINGING or message.due_at is None:
        return None
    broken = {"breached_at": one.at} if todo.breach else {}
    message_rows.change_message(connection, view.id, stage=todo.stage, due_at=one.due_at, **broken)
    if todo.breach:
        note_event(connection, view.id, one.at, BREACH)
    begun = {"message": view.id, "stage": int(todo.stage), "started_at": one.at}
    return [
        _attempt(connection.execute(_BEGIN, {**begun, "person": who, "via": todo.who[who]}).one())
        for who in one.who
    ]


def end_attempt(engine: Engine, attempt_id: int, result: Result, at: datetime) -> None:
    """Record an attempt's result; if its whole round failed, make the next stage due at once."""
    ended = update(_ATTEMPT).where(_ATTEMPT.c.id == attempt_id)
    with writing(engine, durable=True) as connection:
        connection.execute(ended.values(ended_at=at, result=result))
        if result == "unreachable":
            message_rows.climb_stage(connection, attempt_id, at)


def take_up_messages(engine: Engine, now: datetime) -> None:
    """At the start of the daemon: end interrupted calls as unknown; their messages are due now."""
    cut_off = update(_ATTEMPT).where(_ATTEMPT.c.result.is_(None))
    with writing(engine, durable=True) as connection:
        message_rows.resume_timers(connection, now)
        connection.execute(cut_off.values(result="unknown", ended_at=now))


def remove_attempts(connection: Connection, message_ids: Collection[str]) -> None:
    """Delete the attempts of messages, within a transaction."""
    connection.execute(delete(_ATTEMPT).where(_ATTEMPT.c.message.in_(message_ids)))


def attempts(engine: Engine, message_id: str) -> list[AttemptRow]:
    """Return the calls to people about a message, in order."""
    wanted = select(_ATTEMPT).where(_ATTEMPT.c.message == message_id).order_by(_ATTEMPT.c.id)
    with reading(engine) as session:
        return [_attempt(row) for row in session.execute(wanted)]


def _attempt(row: Row[Any]) -> AttemptRow:
    return AttemptRow(**(row._asdict() | {"stage": FollowUpStage(row.stage)}))
