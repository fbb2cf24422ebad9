"""Shifts that begin: who is to confirm, each call about it, and what came of it. All of it blocks.

What it changes can change whom an escalation policy rings, so the running plan looks each time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from sqlalchemy import Connection, Engine, bindparam, text
from sqlmodel import col, select

from pbx.db import audit
from pbx.db.database import changing, reading, writing
from pbx.db.follow_ups import Outcome
from pbx.db.shift_tables import ShiftCall, ShiftStart
from pbx.db.tables import utc_text
from routing.model import Override
from routing.shift_start import ACTIVE, AFTER, Begin, ConfirmView, Event, Role, State

# What the audit calls an event; the person's own deed is the press alone
_DEEDS: dict[Event, str] = {
    "pressed": "shift.confirmed",
    "tried enough": "shift.unconfirmed",
    "too late": "shift.missed",
}
_OURSELVES = "officeline"

Result = Outcome | Literal["canceled", "unknown"]

_NOTE = text("""
    INSERT INTO shift_start
        (schedule, person, role, start, "end", state, tries, due_at,
         made_at, changed_at, "by", by_hand)
    VALUES (:schedule, :person, :role, :start, :end, :state, 0, :due_at, :at, :at, :by, :by_hand)
    ON CONFLICT (schedule, person, role, start) DO NOTHING
""")
_STATE = text("SELECT state FROM shift_start WHERE id = :id")
_MOVE = text("""
    UPDATE shift_start SET state = :state, due_at = :due_at, changed_at = :at,
        tries = tries + :tries, "by" = coalesce(:by, "by")
    WHERE id = :id
""")
_BEGIN = text('UPDATE shift_start SET due_at = :due_at, "end" = :end WHERE id = :id')
_CALL = text("""
    INSERT INTO shift_call (shift, started_at) SELECT id, :at FROM shift_start
    WHERE id = :id AND state IN :active RETURNING id
""").bindparams(bindparam("active", expanding=True))
_END_CALL = text("UPDATE shift_call SET ended_at = :at, result = :result WHERE id = :call")
_CUT_OFF = text("""
    UPDATE shift_start SET due_at = :at WHERE state IN :active
    AND id IN (SELECT shift FROM shift_call WHERE result IS NULL)
""").bindparams(bindparam("active", expanding=True))
_UNKNOWN = text("UPDATE shift_call SET result = 'unknown', ended_at = :at WHERE result IS NULL")
_TAKEN = text("""
    UPDATE shift_start SET state = 'confirmed', due_at = NULL, changed_at = :at, "by" = :by
    WHERE schedule = :schedule AND person = :person AND role = 'oncall' AND state IN :active
""").bindparams(bindparam("active", expanding=True))


@dataclass(frozen=True)
class ShiftRow:
    """One who is to confirm; `view` decides, `by` says who confirmed in another way."""

    id: int
    view: ConfirmView
    end: datetime | None
    by: str | None


@dataclass(frozen=True)
class ShiftCallRow:
    """One call about the start of a shift."""

    person: str
    role: Role
    started_at: datetime
    ended_at: datetime | None
    result: str | None


def note_starts(
    engine: Engine, begun: Iterable[Begin], role: Role, *, at: datetime, end: datetime | None = None
) -> None:
    """Write durably who is to confirm from now on; who stands there already is left alone."""
    with writing(engine, durable=True) as connection:
        for one in begun:
            _note(connection, one, role, at=at, end=end)


def active(engine: Engine) -> list[ShiftRow]:
    """Read everybody who has not confirmed and still should, the oldest first."""
    wanted = (
        select(ShiftStart).where(col(ShiftStart.state).in_(ACTIVE)).order_by(col(ShiftStart.id))
    )
    with reading(engine) as session:
        return [_row(one) for one in session.exec(wanted)]


def shift_history(engine: Engine) -> list[ShiftRow]:
    """Read everything that was ever written, the oldest first."""
    with reading(engine) as session:
        return [_row(one) for one in session.exec(select(ShiftStart).order_by(col(ShiftStart.id)))]


def shift_calls(engine: Engine) -> list[ShiftCallRow]:
    """Read every call about the start of a shift, the oldest first."""
    wanted = select(ShiftCall, ShiftStart).where(ShiftCall.shift == ShiftStart.id)
    with reading(engine) as session:
        return [
            ShiftCallRow(
                who.person, cast("Role", who.role), one.started_at, one.ended_at, one.result
            )
            for one, who in session.exec(wanted.order_by(col(ShiftCall.id)))
        ]


def begin_call(
    engine: Engine, row: ShiftRow, *, at: datetime, due_at: datetime | None, end: datetime | None
) -> int | None:
    """Write durably that somebody is called now, and when again; None if that is past."""
    values = {"id": row.id, "at": utc_text(at), "active": ACTIVE}
    with writing(engine, durable=True) as connection:
        call = connection.execute(_CALL, values).scalar()
        times = {"due_at": due_at and utc_text(due_at), "end": end and utc_text(end)}
        connection.execute(_BEGIN, {"id": row.id, **times})
    return None if call is None else int(call)


def end_call(engine: Engine, call: int, result: Result, at: datetime) -> None:
    """Write what became of a call that changes nothing else."""
    with writing(engine, durable=True) as connection:
        connection.execute(_END_CALL, {"call": call, "result": result, "at": utc_text(at)})


def happen(
    engine: Engine,
    row: ShiftRow,
    event: Event,
    *,
    at: datetime,
    due_at: datetime | None = None,
    call: int | None = None,
    result: Result | None = None,
) -> State | None:
    """Let an event happen to the row as it stands now, with the end of the `call` that brought it.

    Return the state that it led to; None where it changed nothing.
    """
    with changing(engine) as connection:
        if call is not None:
            ended = {"call": call, "result": result, "at": utc_text(at)}
            connection.execute(_END_CALL, ended)
        before = connection.execute(_STATE, {"id": row.id}).scalar()
        state = AFTER.get((cast("State", before), event))
        if state is None:
            return None
        values = {
            "id": row.id,
            "state": state,
            "at": utc_text(at),
            "due_at": utc_text(due_at) if due_at and state in ACTIVE else None,
            "tries": event in {"not pressed", "tried enough"},
            "by": None,
        }
        connection.execute(_MOVE, values)
        if event in _DEEDS:
            by = row.view.person if event == "pressed" else _OURSELVES
            _audit(connection, _DEEDS[event], row.view, by=by, at=at)
    return state


def take_up_shifts(engine: Engine, at: datetime) -> None:
    """At the start: calls that were cut off count as none, and are made again at once."""
    with writing(engine, durable=True) as connection:
        connection.execute(_CUT_OFF, {"at": utc_text(at), "active": ACTIVE})
        connection.execute(_UNKNOWN, {"at": utc_text(at)})


def taken(connection: Connection, overrides: Sequence[Override], *, by: str, now: datetime) -> None:
    """Within a transaction: who is put on call at once, by name, has confirmed by that."""
    for one in overrides:
        if one.person is None or one.kind == "backup" or not one.start <= now < one.end:
            continue
        values = {"schedule": one.schedule, "person": one.person, "by": by, "at": utc_text(now)}
        connection.execute(_TAKEN, {**values, "active": ACTIVE})
        begin = Begin(one.schedule, one.person, one.start)
        _note(connection, begin, "oncall", at=now, end=one.end, by=by, state="confirmed")


def confirm(engine: Engine, schedule: str, person: str, *, by: str, at: datetime) -> None:
    """Let somebody confirm their shift in another way than by the call about it."""
    values = {
        "schedule": schedule,
        "person": person,
        "by": by,
        "at": utc_text(at),
        "active": ACTIVE,
    }
    with changing(engine) as connection:
        connection.execute(_TAKEN, values)
        detail = {"schedule": schedule, "role": "oncall"}
        audit.append(connection, "shift.confirmed", by=by, now=at, about=person, detail=detail)


def handed(connection: Connection, override: Override, *, by: str, now: datetime) -> None:
    """Within a transaction: who was put on call by somebody else is to confirm it, at once."""
    if override.person is not None:
        begin = Begin(override.schedule, override.person, override.start)
        _note(connection, begin, "oncall", at=now, end=override.end, by=by, by_hand=True)


def _audit(connection: Connection, what: str, view: ConfirmView, *, by: str, at: datetime) -> None:
    detail = {"schedule": view.schedule, "role": view.role, "start": utc_text(view.start)}
    audit.append(connection, what, by=by, now=at, about=view.person, detail=detail)


def _note(
    connection: Connection,
    one: Begin,
    role: Role,
    *,
    at: datetime,
    end: datetime | None,
    by: str | None = None,
    state: State = "waiting",
    by_hand: bool = False,
) -> None:
    values = {
        "schedule": one.schedule,
        "person": one.person,
        "role": role,
        "start": utc_text(one.start),
        "end": end and utc_text(end),
        "state": state,
        "due_at": utc_text(at) if state in ACTIVE else None,
        "at": utc_text(at),
        "by": by,
        "by_hand": by_hand,
    }
    connection.execute(_NOTE, values)


def _row(one: ShiftStart) -> ShiftRow:
    view = ConfirmView(
        schedule=one.schedule,
        person=one.person,
        start=one.start,
        role=cast("Role", one.role),
        state=cast("State", one.state),
        tries=one.tries,
        due_at=one.due_at,
        made_at=one.made_at,
        by_hand=one.by_hand,
    )
    return ShiftRow(cast("int", one.id), view, one.end, one.by)
