"""Confirmations of shift starts: who has to confirm, and the calls about it. All functions block.

The only module that writes `shift_start` and `shift_call`. A confirmation can change whom an
escalation policy rings, so a change of its state tells the daemon to reload its plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, cast

from sqlalchemy import ColumnElement, Connection, Engine, select, update
from sqlmodel import col

from pbx.db import audit
from pbx.db.database import changing, reading, writing
from pbx.db.follow_ups import Outcome
from pbx.db.shift_tables import ShiftCall, ShiftStart
from pbx.db.statements import insert, new_id, table_of
from pbx.db.tables import utc_text
from routing.model import Override
from routing.shift_start import ACTIVE, AFTER, Begin, ConfirmView, Event, Role, State

# The audit's name of each event; only a press is done by the person
_DEEDS: dict[Event, str] = {
    "pressed": "shift.confirmed",
    "tried enough": "shift.unconfirmed",
    "too late": "shift.missed",
}
_OURSELVES = "officeline"

Result = Outcome | Literal["canceled", "unknown"]

_SHIFT, _CALL = table_of(ShiftStart), table_of(ShiftCall)
_NOTE = insert(_SHIFT).on_conflict_do_nothing()
_ACTIVE = _SHIFT.c.state.in_(ACTIVE)


@dataclass(frozen=True)
class ShiftRow:
    """Somebody who has to confirm a shift; `by` is who confirmed it other than by the call."""

    id: int
    view: ConfirmView
    end: datetime | None
    by: str | None


def note_starts(
    engine: Engine, begun: Iterable[Begin], role: Role, *, at: datetime, end: datetime | None = None
) -> None:
    """Record durably who has to confirm from now on; existing rows are not changed."""
    with writing(engine, durable=True) as connection:
        for one in begun:
            _note(connection, one, role, at=at, end=end)


def active(engine: Engine) -> list[ShiftRow]:
    """Return everybody who still has to confirm, oldest first."""
    wanted = (
        select(ShiftStart).where(col(ShiftStart.state).in_(ACTIVE)).order_by(col(ShiftStart.id))
    )
    with reading(engine) as session:
        return [_row(one) for one in session.scalars(wanted)]


def begin_call(
    engine: Engine, row: ShiftRow, *, at: datetime, due_at: datetime | None, end: datetime | None
) -> int | None:
    """Record durably a call that starts now and when the next is due; return the call's id.

    Returns None if the person does not have to confirm any more.
    """
    active_ = select(_SHIFT.c.id).where(_SHIFT.c.id == row.id, _ACTIVE)
    with writing(engine, durable=True) as connection:
        call = None
        if connection.scalar(active_) is not None:
            made = connection.execute(insert(_CALL).values(shift=row.id, started_at=at))
            call = new_id(made)
        _change(connection, _SHIFT.c.id == row.id, due_at=due_at, end=end)
    return call


def end_call(engine: Engine, call: int, result: Result, at: datetime) -> None:
    """Record the result of a call that does not change the shift's state."""
    with writing(engine, durable=True) as connection:
        _end_calls(connection, _CALL.c.id == call, result, at)


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
    """Apply an event to the stored row, and record the `result` of the `call` that caused it.

    Returns the new state, or None if the event does not change the stored state.
    """
    with changing(engine) as connection:
        if call is not None:
            _end_calls(connection, _CALL.c.id == call, result, at)
        before = connection.scalar(select(_SHIFT.c.state).where(_SHIFT.c.id == row.id))
        state = AFTER.get((cast("State", before), event))
        if state is None:
            return None
        tried = int(event in {"not pressed", "tried enough"})
        _change(
            connection,
            _SHIFT.c.id == row.id,
            state=state,
            due_at=due_at if state in ACTIVE else None,
            changed_at=at,
            tries=_SHIFT.c.tries + tried,
        )
        if event in _DEEDS:
            by = row.view.person if event == "pressed" else _OURSELVES
            _audit(connection, _DEEDS[event], row.view, by=by, at=at)
    return state


def take_up_shifts(engine: Engine, at: datetime) -> None:
    """At the start of the daemon: end interrupted calls as unknown and repeat them at once."""
    with writing(engine, durable=True) as connection:
        cut_off = select(_CALL.c.shift).where(_CALL.c.result.is_(None))
        _change(connection, _ACTIVE, _SHIFT.c.id.in_(cut_off), due_at=at)
        _end_calls(connection, _CALL.c.result.is_(None), "unknown", at)


def taken(connection: Connection, overrides: Sequence[Override], *, by: str, now: datetime) -> None:
    """Within a transaction: confirm the shift of everybody whom an override puts on call now."""
    for one in overrides:
        if one.person is None or one.kind == "backup" or not one.start <= now < one.end:
            continue
        _confirm(connection, one.schedule, one.person, by, now)
        begin = Begin(one.schedule, one.person, one.start)
        _note(connection, begin, "oncall", at=now, end=one.end, by=by, state="confirmed")


def confirm(engine: Engine, schedule: str, person: str, *, by: str, at: datetime) -> None:
    """Confirm a person's shift other than by the call about it."""
    with changing(engine) as connection:
        _confirm(connection, schedule, person, by, at)
        detail = {"schedule": schedule, "role": "oncall"}
        audit.append(connection, "shift.confirmed", by=by, now=at, about=person, detail=detail)


def handed(connection: Connection, override: Override, *, by: str, now: datetime) -> None:
    """Within a transaction: ask a person to confirm at once whom somebody else put on call."""
    if override.person is not None:
        begin = Begin(override.schedule, override.person, override.start)
        _note(connection, begin, "oncall", at=now, end=override.end, by=by, by_hand=True)


def bring_shifts_back(connection: Connection, now: datetime) -> None:
    """Within a transaction: move future times, written by a wrong clock, back to `now`."""
    _change(connection, _SHIFT.c.due_at > now + timedelta(days=1), due_at=now)
    _change(connection, _SHIFT.c.made_at > now, made_at=now)


def _change(connection: Connection, *meant: ColumnElement[bool], **values: Any) -> None:
    connection.execute(update(_SHIFT).where(*meant).values(**values))


def _end_calls(
    connection: Connection, meant: ColumnElement[bool], result: Result | None, at: datetime
) -> None:
    connection.execute(update(_CALL).where(meant).values(ended_at=at, result=result))


def _confirm(connection: Connection, schedule: str, person: str, by: str, at: datetime) -> None:
    """Mark the person's open confirmations as confirmed."""
    of_person = (
        _SHIFT.c.schedule == schedule,
        _SHIFT.c.person == person,
        _SHIFT.c.role == "oncall",
    )
    confirmed = {"state": "confirmed", "due_at": None, "changed_at": at, "by": by}
    _change(connection, *of_person, _ACTIVE, **confirmed)


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
        "start": one.start,
        "end": end,
        "state": state,
        "tries": 0,
        "due_at": at if state in ACTIVE else None,
        "made_at": at,
        "changed_at": at,
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
