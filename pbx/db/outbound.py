"""Calls to patients: requested, taken up once, placed within the limits. All functions block.

The only module that writes `outbound_call`. The daily limits are counted from these rows, so that
a restart does not reset them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    case,
    delete,
    func,
    insert,
    select,
    true,
    update,
)
from sqlmodel import col

from dialplan import names
from pbx.base.errors import OfficeLineError
from pbx.db import audit
from pbx.db.database import reading, writing
from pbx.db.message_events import note_event
from pbx.db.outbound_tables import OutboundCall
from pbx.db.statements import new_id, table_of

State = Literal["asked", "calling", "accepted", "dialed", "connected"]
# The result for a dialed patient. "answered": by a person or a machine, but too short for a talk.
Result = Literal["talked", "answered", "not reached"]
NOT_CALLED = "not called"  # in a message's history
EXPIRES = timedelta(seconds=60)  # a request that is not taken up within this time is never dialed
CALL_ID = f"{names.FOLLOW_UP_CALL}callback-"  # prefix of the call ids that are created for requests

_PLACED = table_of(OutboundCall)
_GOES_ON = _PLACED.c.result.is_(None)
_WAITS = _GOES_ON & (_PLACED.c.state == "asked")

T = TypeVar("T")


class OverError(OfficeLineError):
    """The request is over, or its patient was already dialed."""


@dataclass(frozen=True)
class Request:
    """A call requested by a command and now taken up; `call` is the id for the person's leg."""

    id: int
    person: str
    number: str
    call: str


@dataclass(frozen=True)
class HeardPart:
    """How much of a message somebody heard: see `pbx.escalation.words`."""

    joins: int
    size: int


@dataclass(frozen=True)
class OutboundRequest:
    """A call to a patient, about to be placed over the person's leg `call`.

    `request` led to it (0 if none); `heard` is how much of `message` the person heard.
    """

    person: str
    number: str
    call: str
    message: str | None = None
    request: int = 0
    heard: HeardPart | None = None


@dataclass(frozen=True)
class Since:
    """The calls that count: placed since the office's `day` began, or running up to `longest`."""

    day: datetime
    longest: timedelta


def ask(engine: Engine, person: str, number: str, *, by: str, at: datetime) -> int:
    """Store a request for a call durably, for the daemon to take up; return the request's id."""
    row = {"person": person, "number": number, "by": by, "asked_at": at, "state": "asked"}
    with writing(engine, durable=True) as connection:
        audit.append(connection, "callback.asked", by=by, now=at, about=person)
        made = connection.execute(insert(_PLACED).values(**row))
        return new_id(made)


def take_request(engine: Engine, at: datetime) -> Request | None:
    """Take up the oldest request that waits, once; None if none does. Older than EXPIRES end."""
    with reading(engine) as session:
        if session.scalar(select(_PLACED.c.id).where(_WAITS).limit(1)) is None:
            return None
    # requests from the future count as expired, too: the clock may have been set back
    in_time = _PLACED.c.asked_at.between(at - EXPIRES, at + EXPIRES)
    oldest = select(_PLACED.c.id).where(_WAITS).order_by(_PLACED.c.id).limit(1)
    with writing(engine, durable=True) as connection:
        _change(connection, _WAITS, ~in_time, result="expired", ended_at=at)
        if (request := connection.scalar(oldest)) is None:
            return None
        call = f"{CALL_ID}{request}"
        _change(connection, _PLACED.c.id == request, state="calling", call=call)
        found = connection.execute(select(_PLACED).where(_PLACED.c.id == request)).one()
        return Request(found.id, found.person, found.number, call)


def withdraw(engine: Engine, request: int, at: datetime) -> bool:
    """Withdraw a request that was not taken up yet; return whether it was withdrawn."""
    with writing(engine, durable=True) as connection:
        withdrawn = {"result": "withdrawn", "ended_at": at}
        return _change(connection, _PLACED.c.id == request, _WAITS, **withdrawn) == 1


def accepted(engine: Engine, request: int) -> None:
    """Note that the person pressed 1."""
    calling = (_PLACED.c.id == request, _GOES_ON, _PLACED.c.state == "calling")
    with writing(engine, durable=True) as connection:
        _change(connection, *calling, state="accepted")


def note_refused(engine: Engine, request: int, why: str, at: datetime) -> None:
    """End a request that is not dialed, with the reason."""
    with writing(engine, durable=True) as connection:
        over = {"result": f"refused: {why}", "ended_at": at}
        _change(connection, _PLACED.c.id == request, _GOES_ON, **over)


def counts(engine: Engine, person: str, since: Since, at: datetime) -> tuple[int, int]:
    """Return how many calls the person placed today, and how many of anybody's are running."""
    with reading(engine) as session:
        return _counts(session.connection(), person, since, at)


def place_outbound(
    engine: Engine,
    wanted: OutboundRequest,
    since: Since,
    assess: Callable[[int, int], T | None],
    at: datetime,
) -> T | None:
    """Record durably that a patient is dialed now; return None, or the objection of `assess`.

    `assess` gets the two numbers of `counts`; if it objects, nothing is written. It runs in the
    write transaction, so that no other call can be placed in between. Raises OverError if the
    request is over or was already dialed.
    """
    with writing(engine, durable=True) as connection:
        objection = assess(*_counts(connection, wanted.person, since, at))
        if objection is not None:
            return objection
        dialed = {"state": "dialed", "placed_at": at}
        if not wanted.request:
            _place_new(connection, wanted, at, **dialed)
            return None
        asked = (_PLACED.c.id == wanted.request, _PLACED.c.call == wanted.call)
        if _change(connection, *asked, _GOES_ON, _PLACED.c.placed_at.is_(None), **dialed) != 1:
            raise OverError(f"Call {wanted.request} is over; request another one.")
    return None


def _place_new(
    connection: Connection, wanted: OutboundRequest, at: datetime, **dialed: Any
) -> None:
    row = {
        "person": wanted.person,
        "number": wanted.number,
        "message": wanted.message,
        "by": "",
        "asked_at": at,
        "call": wanted.call,
        "joins": wanted.heard and wanted.heard.joins,
        "size": wanted.heard and wanted.heard.size,
    }
    connection.execute(insert(_PLACED).values(**row, **dialed))


def answered(engine: Engine, call: str, at: datetime) -> None:
    """Record that the patient who was dialed from this leg answered."""
    dialed = (_PLACED.c.call == call, _GOES_ON, _PLACED.c.state == "dialed")
    with writing(engine, durable=True) as connection:
        _change(connection, *dialed, state="connected", answered_at=at)


def going_on(engine: Engine, call: str | None = None) -> list[OutboundCall]:
    """Return the calls that were taken up and are not over, optionally only those of one leg."""
    wanted = select(OutboundCall).where(
        col(OutboundCall.result).is_(None), col(OutboundCall.state) != "asked"
    )
    if call is not None:
        wanted = wanted.where(col(OutboundCall.call) == call)
    with reading(engine) as session:
        rows = list(session.scalars(wanted.order_by(col(OutboundCall.id))))
        session.expunge_all()
        return rows


def note_ended(
    engine: Engine, call: str, otherwise: str | None, at: datetime, talked: Result = "talked"
) -> None:
    """Record that a person's leg, or the patient's leg dialed from it, is over.

    `talked` is the result if the patient's phone was answered. `otherwise` is the result if no
    patient was dialed; with None, a call without a dialed patient stays open.
    """
    was_placed = _PLACED.c.placed_at.is_not(None)
    result = case(
        (_PLACED.c.answered_at.is_not(None), talked),
        (was_placed, "not reached"),
        else_=otherwise,
    )
    over = was_placed if otherwise is None else true()
    with writing(engine, durable=True) as connection:
        _change(connection, _PLACED.c.call == call, _GOES_ON, over, ended_at=at, result=result)


def said(engine: Engine, call: str, result: Result) -> None:
    """Record the result that the person reports for the last answered call of their leg."""
    last = select(func.max(_PLACED.c.id)).where(_PLACED.c.call == call).scalar_subquery()
    was_answered = _PLACED.c.result.in_(("talked", "answered"))
    with writing(engine, durable=True) as connection:
        _change(connection, _PLACED.c.id == last, was_answered, result=result)


def called_about(engine: Engine, longest: timedelta, at: datetime) -> frozenset[str]:
    """Return the ids of messages whose patient is being called, at most `longest` ago."""
    about = (_GOES_ON, _PLACED.c.message.is_not(None), _PLACED.c.placed_at > at - longest)
    with reading(engine) as session:
        return frozenset(session.scalars(select(_PLACED.c.message).where(*about).distinct()))


def note_refusal(engine: Engine, message: str, person: str, why: str, at: datetime) -> None:
    """Record in a message's history why its patient was not called."""
    with writing(engine, durable=True) as connection:
        note_event(connection, message, at, NOT_CALLED, person, {"why": why})


def get_request(engine: Engine, request: int) -> OutboundCall | None:
    """Return one call in its current state, or None if it does not exist."""
    with reading(engine) as session:
        found = session.get(OutboundCall, request)
        if found is not None:
            session.expunge(found)
        return found


def placed(
    engine: Engine, since: datetime | None = None, until: datetime | None = None, limit: int = 50
) -> list[OutboundCall]:
    """Return at most `limit` calls requested from `since` until before `until`, newest first."""
    asked_at = col(OutboundCall.asked_at)
    wanted = select(OutboundCall).order_by(asked_at.desc(), col(OutboundCall.id).desc())
    if since is not None:
        wanted = wanted.where(asked_at >= since)
    if until is not None:
        wanted = wanted.where(asked_at < until)
    with reading(engine) as session:
        rows = list(session.scalars(wanted.limit(limit)))
        session.expunge_all()
        return rows


def _counts(connection: Connection, person: str, since: Since, at: datetime) -> tuple[int, int]:
    of_person = (_PLACED.c.person == person, _PLACED.c.placed_at >= since.day)
    running = (_GOES_ON, _PLACED.c.placed_at > at - since.longest)
    today, going_on_ = (
        connection.execute(select(func.count()).select_from(_PLACED).where(*meant)).scalar_one()
        for meant in (of_person, running)
    )
    return today, going_on_


def _change(connection: Connection, *meant: ColumnElement[bool], **values: Any) -> int:
    """Set columns of the matching calls; return how many were changed."""
    return connection.execute(update(_PLACED).where(*meant).values(**values)).rowcount


def bring_outbound_back(connection: Connection, now: datetime) -> None:
    """Within a transaction: move future times, written by a wrong clock, back to `now`."""
    _change(connection, _PLACED.c.placed_at > now, placed_at=now)


def remove_outbound(connection: Connection, ids: Collection[int]) -> int:
    """Delete calls to patients, within a transaction; return how many."""
    return connection.execute(delete(_PLACED).where(_PLACED.c.id.in_(ids))).rowcount
