"""Calls to patients: asked for, taken up once, placed within the limits. All functions block.

What was placed is counted from these rows, so that no restart gives anybody a new day.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeVar

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import col, select

from dialplan import names
from pbx.base.errors import OfficeLineError
from pbx.db import audit
from pbx.db.database import damage_sentence, file_of, reading, writing
from pbx.db.messages import note_event
from pbx.db.outbound_tables import OutboundCall
from pbx.db.tables import utc_text

State = Literal["asked", "calling", "accepted", "dialed", "connected"]
# Of a patient who was dialed: "answered" is by somebody or something, and for too short a time.
Result = Literal["talked", "answered", "not reached"]
NOT_CALLED = "not called"  # in a message's history
EXPIRES = timedelta(seconds=60)  # a request that nobody took up until then is never dialed
CALL_ID = f"{names.FOLLOW_UP_CALL}callback-"  # how the ids of calls begin that a request leads to

_ASK = text("""
    INSERT INTO outbound_call (person, number, "by", asked_at, state)
    VALUES (:person, :number, :by, :at, 'asked')
""")
_ASKED = text("SELECT 1 FROM outbound_call WHERE result IS NULL AND state = 'asked' LIMIT 1")
_EXPIRE = text("""
    UPDATE outbound_call SET result = 'expired', ended_at = :at
    WHERE result IS NULL AND state = 'asked' AND asked_at NOT BETWEEN :oldest AND :newest
""")
_TAKE = text("""
    UPDATE outbound_call SET state = 'calling', call = :prefix || id
    WHERE id = (SELECT min(id) FROM outbound_call WHERE result IS NULL AND state = 'asked')
    RETURNING id, person, number, call
""")
_WITHDRAW = text("""
    UPDATE outbound_call SET result = 'withdrawn', ended_at = :at
    WHERE id = :id AND result IS NULL AND state = 'asked'
""")
_ACCEPT = text("""
    UPDATE outbound_call SET state = 'accepted'
    WHERE id = :id AND result IS NULL AND state = 'calling'
""")
_REFUSE = text("""
    UPDATE outbound_call SET result = :result, ended_at = :at WHERE id = :id AND result IS NULL
""")
_TODAY = text("SELECT count(*) FROM outbound_call WHERE person = :person AND placed_at >= :since")
_RUNNING = text("""
    SELECT count(*) FROM outbound_call WHERE result IS NULL AND placed_at > :longest_ago
""")
_PLACE_NEW = text("""
    INSERT INTO outbound_call (person, number, message, "by", asked_at, state, call, placed_at,
                               joins, size)
    VALUES (:person, :number, :message, '', :at, 'dialed', :call, :at, :joins, :size)
""")
_PLACE_ASKED = text("""
    UPDATE outbound_call SET state = 'dialed', placed_at = :at
    WHERE id = :request AND call = :call AND result IS NULL AND placed_at IS NULL
""")
_ANSWERED = text("""
    UPDATE outbound_call SET state = 'connected', answered_at = :at
    WHERE call = :call AND result IS NULL AND state = 'dialed'
""")
_ENDED = text("""
    UPDATE outbound_call SET ended_at = :at, result = CASE
        WHEN answered_at IS NOT NULL THEN :talked
        WHEN placed_at IS NOT NULL THEN 'not reached'
        ELSE :otherwise END
    WHERE call = :call AND result IS NULL AND (placed_at IS NOT NULL OR :otherwise IS NOT NULL)
""")
_SAID = text("""
    UPDATE outbound_call SET result = :result
    WHERE id = (SELECT max(id) FROM outbound_call WHERE call = :call)
      AND result IN ('talked', 'answered')
""")
_ABOUT = text("""
    SELECT DISTINCT message FROM outbound_call
    WHERE result IS NULL AND message IS NOT NULL AND placed_at > :longest_ago
""")
_DID = text("SELECT did FROM call WHERE id = :call")

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
    row = {"person": person, "number": number, "by": by, "at": utc_text(at)}
    with _changing(engine) as connection:
        audit.append(connection, "callback.asked", by=by, now=at, about=person)
        return int(connection.execute(_ASK, row).lastrowid)


def take_request(engine: Engine, at: datetime) -> Request | None:
    """Take up the oldest request, once and for all; those that came too late are never dialed."""
    with engine.connect() as connection:
        if connection.execute(_ASKED).first() is None:
            return None
    row = {
        "at": utc_text(at),
        "oldest": utc_text(at - EXPIRES),
        "newest": utc_text(at + EXPIRES),  # a clock that was set back makes nothing young again
        "prefix": CALL_ID,
    }
    with _changing(engine) as connection:
        connection.execute(_EXPIRE, row)
        found = connection.execute(_TAKE, row).first()
        return None if found is None else Request(found.id, found.person, found.number, found.call)


def withdraw(engine: Engine, request: int, at: datetime) -> bool:
    """Take a request back, unless it was taken up; tell whether that was in time."""
    with _changing(engine) as connection:
        row = {"id": request, "at": utc_text(at)}
        return connection.execute(_WITHDRAW, row).rowcount == 1


def accepted(engine: Engine, request: int) -> None:
    """Note that the person pressed 1."""
    with _changing(engine) as connection:
        connection.execute(_ACCEPT, {"id": request})


def note_refused(engine: Engine, request: int, why: str, at: datetime) -> None:
    """Note why a request is not dialed, which ends it."""
    with _changing(engine) as connection:
        row = {"id": request, "at": utc_text(at), "result": f"refused: {why}"}
        connection.execute(_REFUSE, row)


def counts(engine: Engine, person: str, since: Since, at: datetime) -> tuple[int, int]:
    """Count the calls that a person placed today, and those of everybody that last."""
    with engine.connect() as connection:
        return _counts(connection, person, since, at)


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
    row = {
        "person": wanted.person,
        "number": wanted.number,
        "call": wanted.call,
        "message": wanted.message,
        "request": wanted.request,
        "at": utc_text(at),
        "joins": wanted.heard and wanted.heard.joins,
        "size": wanted.heard and wanted.heard.size,
    }
    with _changing(engine) as connection:
        objection = assess(*_counts(connection, wanted.person, since, at))
        if objection is not None:
            return objection
        if not wanted.request:
            connection.execute(_PLACE_NEW, row)
        elif connection.execute(_PLACE_ASKED, row).rowcount != 1:
            raise OverError(f"Call {wanted.request} is over; ask for another one.")
    return None


def answered(engine: Engine, call: str, at: datetime) -> None:
    """Note that the patient who was dialed over this leg answered."""
    with _changing(engine) as connection:
        connection.execute(_ANSWERED, {"call": call, "at": utc_text(at)})


def going_on(engine: Engine, call: str | None = None) -> list[OutboundCall]:
    """List what was taken up and is not over, or the one of a person's leg."""
    wanted = select(OutboundCall).where(
        col(OutboundCall.result).is_(None), OutboundCall.state != "asked"
    )
    if call is not None:
        wanted = wanted.where(OutboundCall.call == call)
    with reading(engine) as session:
        rows = list(session.exec(wanted.order_by(col(OutboundCall.id))))
        session.expunge_all()
        return rows


def note_ended(
    engine: Engine, call: str, otherwise: str | None, at: datetime, talked: Result = "talked"
) -> None:
    """Note that a person's leg is over, or the patient's over it.

    `otherwise` is what came of it where no patient was dialed; None: that is told later. `talked`
    is what came of it where the patient's phone was answered.
    """
    row = {"call": call, "otherwise": otherwise, "at": utc_text(at), "talked": talked}
    with _changing(engine) as connection:
        connection.execute(_ENDED, row)


def said(engine: Engine, call: str, result: Result) -> None:
    """Note what a person says of the last call over their leg, which was answered."""
    with _changing(engine) as connection:
        connection.execute(_SAID, {"call": call, "result": result})


def called_about(engine: Engine, longest: timedelta, at: datetime) -> frozenset[str]:
    """Name the messages whose patients are being called, or talk; none for longer than that."""
    with engine.connect() as connection:
        row = {"longest_ago": utc_text(at - longest)}
        return frozenset(connection.execute(_ABOUT, row).scalars())


def note_refusal(engine: Engine, message: str, person: str, why: str, at: datetime) -> None:
    """Note in a message's history why its patient was not called."""
    with _changing(engine) as connection:
        note_event(connection, message, at, NOT_CALLED, person, {"why": why})


def dialed_did(engine: Engine, call: str) -> str:
    """Read which of our numbers a patient had dialed; empty where the log does not know."""
    with engine.connect() as connection:
        return str(connection.execute(_DID, {"call": call}).scalar() or "")


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
        rows = list(session.exec(wanted.limit(limit)))
        session.expunge_all()
        return rows


def _counts(connection: Connection, person: str, since: Since, at: datetime) -> tuple[int, int]:
    row = {
        "person": person,
        "since": utc_text(since.day),
        "longest_ago": utc_text(at - since.longest),
    }
    today = connection.execute(_TODAY, row).scalar_one()
    return int(today), int(connection.execute(_RUNNING, row).scalar_one())


@contextlib.contextmanager
def _changing(engine: Engine) -> Iterator[Connection]:
    """Hold a durable transaction; StoreError says what is wrong with the database."""
    try:
        with writing(engine, durable=True) as connection:
            yield connection
    except DBAPIError as error:
        raise damage_sentence(error, file_of(engine)) from error
