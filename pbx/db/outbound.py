"""Calls to patients: asked for, taken up once, placed within the limits. All functions block.

What alone writes `outbound_call`.
What was placed is counted from these rows, so that no restart gives anybody a new day.
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
# Of a patient who was dialed: "answered" is by somebody or something, and for too short a time.
Result = Literal["talked", "answered", "not reached"]
NOT_CALLED = "not called"  # in a message's history
EXPIRES = timedelta(seconds=60)  # a request that nobody took up until then is never dialed
CALL_ID = f"{names.FOLLOW_UP_CALL}callback-"  # how the ids of calls begin that a request leads to

_PLACED = table_of(OutboundCall)
_GOES_ON = _PLACED.c.result.is_(None)
_WAITS = _GOES_ON & (_PLACED.c.state == "asked")

T = TypeVar("T")


class OverError(OfficeLineError):
    """A request that is over, or led to a call already."""


@dataclass(frozen=True)
class Request:
    """A call that a command asked for, taken up: `call` is to be the id of the person's leg."""

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

    It answers a `request` by its id, or belongs to a `message`, of which so much was `heard`.
    """

    person: str
    number: str
    call: str
    message: str | None = None
    request: int = 0
    heard: HeardPart | None = None


@dataclass(frozen=True)
class Since:
    """From when on calls count: the office's `day`, and those that last, for the `longest` time."""

    day: datetime
    longest: timedelta


def ask(engine: Engine, person: str, number: str, *, by: str, at: datetime) -> int:
    """Ask a running office durably for a call; return the request's id."""
    row = {"person": person, "number": number, "by": by, "asked_at": at, "state": "asked"}
    with writing(engine, durable=True) as connection:
        audit.append(connection, "callback.asked", by=by, now=at, about=person)
        made = connection.execute(insert(_PLACED).values(**row))
        return new_id(made)


def take_request(engine: Engine, at: datetime) -> Request | None:
    """Take up the oldest request, once and for all; those that came too late are never dialed."""
    with reading(engine) as session:
        if session.scalar(select(_PLACED.c.id).where(_WAITS).limit(1)) is None:
            return None
    # a clock that was set back makes nothing young again
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
    """Take a request back, unless it was taken up; tell whether that was in time."""
    with writing(engine, durable=True) as connection:
        withdrawn = {"result": "withdrawn", "ended_at": at}
        return _change(connection, _PLACED.c.id == request, _WAITS, **withdrawn) == 1


def accepted(engine: Engine, request: int) -> None:
    """Note that the person pressed 1."""
    calling = (_PLACED.c.id == request, _GOES_ON, _PLACED.c.state == "calling")
    with writing(engine, durable=True) as connection:
        _change(connection, *calling, state="accepted")


def note_refused(engine: Engine, request: int, why: str, at: datetime) -> None:
    """Note why a request is not dialed, which ends it."""
    with writing(engine, durable=True) as connection:
        over = {"result": f"refused: {why}", "ended_at": at}
        _change(connection, _PLACED.c.id == request, _GOES_ON, **over)


def counts(engine: Engine, person: str, since: Since, at: datetime) -> tuple[int, int]:
    """Count the calls that a person placed today, and those of everybody that last."""
    with reading(engine) as session:
        return _counts(session.connection(), person, since, at)


def place_outbound(
    engine: Engine,
    wanted: OutboundRequest,
    since: Since,
    assess: Callable[[int, int], T | None],
    at: datetime,
) -> T | None:
    """Write durably that a patient is dialed now, unless `assess` objects; return its objection.

    It is asked with `counts`, and nobody else can place a call until this one is written. OverError
    if the request is over, or was dialed before.
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
    """Note that the patient who was dialed over this leg answered."""
    dialed = (_PLACED.c.call == call, _GOES_ON, _PLACED.c.state == "dialed")
    with writing(engine, durable=True) as connection:
        _change(connection, *dialed, state="connected", answered_at=at)


def going_on(engine: Engine, call: str | None = None) -> list[OutboundCall]:
    """List what was taken up and is not over, or the one of a person's leg."""
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
    """Note that a person's leg is over, or the patient's over it.

    `otherwise` is the outcome if no patient was dialed; None if that is known only later. `talked`
    is what came of it where the patient's phone was answered.
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
    """Note what a person says of the last call over their leg, which was answered."""
    last = select(func.max(_PLACED.c.id)).where(_PLACED.c.call == call).scalar_subquery()
    was_answered = _PLACED.c.result.in_(("talked", "answered"))
    with writing(engine, durable=True) as connection:
        _change(connection, _PLACED.c.id == last, was_answered, result=result)


def called_about(engine: Engine, longest: timedelta, at: datetime) -> frozenset[str]:
    """Name the messages whose patients are being called, or talk; none for longer than that."""
    about = (_GOES_ON, _PLACED.c.message.is_not(None), _PLACED.c.placed_at > at - longest)
    with reading(engine) as session:
        return frozenset(session.scalars(select(_PLACED.c.message).where(*about).distinct()))


def note_refusal(engine: Engine, message: str, person: str, why: str, at: datetime) -> None:
    """Note in a message's history why its patient was not called."""
    with writing(engine, durable=True) as connection:
        note_event(connection, message, at, NOT_CALLED, person, {"why": why})


def get_request(engine: Engine, request: int) -> OutboundCall | None:
    """Read one call as it stands."""
    with reading(engine) as session:
        found = session.get(OutboundCall, request)
        if found is not None:
            session.expunge(found)
        return found


def placed(
    engine: Engine, since: datetime | None = None, until: datetime | None = None, limit: int = 50
) -> list[OutboundCall]:
    """List the calls that were asked for in a span, the latest first; an open end is no limit."""
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
    """Set columns of the calls that are meant; return of how many."""
    return connection.execute(update(_PLACED).where(*meant).values(**values)).rowcount


def bring_outbound_back(connection: Connection, now: datetime) -> None:
    """Within a transaction: let nothing be placed in the future, which a wrong clock wrote."""
    _change(connection, _PLACED.c.placed_at > now, placed_at=now)


def remove_outbound(connection: Connection, ids: Collection[int]) -> int:
    """Delete calls to patients, within a transaction; return how many."""
    return connection.execute(delete(_PLACED).where(_PLACED.c.id.in_(ids))).rowcount
