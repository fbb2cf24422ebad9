"""Messages as the inbox shows them, with owners and notes. All functions block."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, func, select
from sqlmodel import col

from pbx.db import message_rows
from pbx.db.database import reading, writing
from pbx.db.message_events import note_event
from pbx.db.message_progress import RefusedError, view_of
from pbx.db.message_rows import OPEN_STATES
from pbx.db.messages import MessageRow, row_of
from pbx.db.statements import table_of
from pbx.db.tables import Attempt, Message
from routing.follow_up import MessageView

CLAIMED, NOTED = "claimed", "note"

_ATTEMPT = table_of(Attempt)


@dataclass(frozen=True)
class InboxItem:
    """A message with what its follow-up sees of it; `attempts` counts the calls about it."""

    message: MessageRow
    view: MessageView
    attempts: int


def items(
    engine: Engine, *, closed: bool = False, named: Collection[str] | None = None
) -> list[InboxItem]:
    """Read the messages that are not closed, or those `named`: urgent first, then the oldest.

    With `closed` all of them.
    """
    wanted = select(Message).order_by(
        (col(Message.urgency) == "urgent").desc(), col(Message.opened_at), col(Message.id)
    )
    if named is not None:
        wanted = wanted.where(col(Message.id).in_(named))
    elif not closed:
        wanted = wanted.where(col(Message.state).in_(OPEN_STATES))
    with reading(engine) as session:
        found = session.scalars(wanted).all()
        made = select(_ATTEMPT.c.message, func.count()).group_by(_ATTEMPT.c.message)
        of_these = made.where(_ATTEMPT.c.message.in_([one.id for one in found]))
        counted = dict(session.execute(of_these).all())
        return [InboxItem(row_of(one), view_of(one), counted.get(one.id, 0)) for one in found]


def urgent_waiting(engine: Engine) -> int:
    """Return how many urgent messages somebody still has to be called about."""
    waiting = (
        col(Message.urgency) == "urgent",
        col(Message.state).in_(OPEN_STATES),
        col(Message.due_at).is_not(None),
    )
    with reading(engine) as session:
        return int(session.execute(select(func.count()).where(*waiting)).scalar_one())


def claim(engine: Engine, message_id: str, person: str, at: datetime) -> None:
    """Make somebody the owner of a message that is not closed, durably."""
    with _changing(engine, message_id) as (connection, message):
        if message.state == "closed":
            raise RefusedError(
                f"Message {message_id} is closed, so it has no owner; "
                f"'officeline inbox show {message_id}' shows who closed it."
            )
        detail = {"before": message.owner} if message.owner else {}
        message_rows.change_message(connection, message_id, owner=person)
        note_event(connection, message_id, at, CLAIMED, person, detail)


def add_note(engine: Engine, message_id: str, words: str, person: str, at: datetime) -> None:
    """Write a note on a message, closed ones too, durably."""
    with _changing(engine, message_id) as (connection, _):
        note_event(connection, message_id, at, NOTED, person, {"text": words})


@contextlib.contextmanager
def _changing(engine: Engine, message_id: str) -> Iterator[tuple[Connection, Message]]:
    with writing(engine, durable=True) as connection:
        message = message_rows.stored_message(connection, message_id)
        if message is None:
            raise no_such_message(message_id)
        yield connection, message


def no_such_message(message_id: str) -> RefusedError:
    """Say that there is no such message."""
    return RefusedError(
        f"There is no message '{message_id}'; 'officeline inbox list --all' shows the ids."
    )
