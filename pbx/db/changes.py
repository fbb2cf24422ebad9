"""Bounded changes of schedules and hours: made, canceled, listed; never deleted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, TypeVar, cast

from sqlalchemy import Connection, Engine
from sqlmodel import Session, col, select

from pbx.base.errors import OfficeLineError
from pbx.db import audit, shifts
from pbx.db.database import changing, reading
from pbx.db.tables import HoursChanged, ScheduleOverride, utc_text
from routing.model import HoursChange, Override

Change = TypeVar("Change", Override, HoursChange)
Row = TypeVar("Row", ScheduleOverride, HoursChanged)

_NOUNS: dict[type[ScheduleOverride | HoursChanged], str] = {
    ScheduleOverride: "oncall",
    HoursChanged: "hours",
}


@dataclass(frozen=True)
class Made(Generic[Change]):
    """A change with who made it when; `canceled_at` is None while it stands."""

    change: Change
    by: str
    made_at: datetime
    canceled_at: datetime | None


def add_override(engine: Engine, override: Override, *, by: str, now: datetime) -> Override:
    """Store an override, whatever its `id`; return it with the one it got."""
    return add_overrides(engine, [override], by=by, now=now)[0]


def add_overrides(
    engine: Engine, overrides: Sequence[Override], *, by: str, now: datetime
) -> list[Override]:
    """Store overrides in their order, all of them or none; return them with the ids they got.

    Who is put on call at once is known to know it: nobody calls them to confirm the shift.
    """
    ids = _add(
        engine,
        ScheduleOverride,
        overrides,
        by,
        now,
        lambda connection: shifts.taken(connection, overrides, by=by, now=now),
    )
    return [replace(override, id=id_) for override, id_ in zip(overrides, ids, strict=True)]


def hand_over(engine: Engine, override: Override, *, by: str, now: datetime) -> Override:
    """Store an override that begins at once and that its person does not know of yet.

    They are called to confirm it, as at the start of a shift.
    """
    ids = _add(
        engine,
        ScheduleOverride,
        [override],
        by,
        now,
        lambda connection: shifts.handed(connection, override, by=by, now=now),
    )
    return replace(override, id=ids[0])


def add_hours_change(engine: Engine, change: HoursChange, *, by: str, now: datetime) -> HoursChange:
    """Store a change of hours, whatever its `id`; return it with the one it got."""
    return replace(change, id=_add(engine, HoursChanged, [change], by, now)[0])


def cancel_override(engine: Engine, override_id: int, *, by: str, now: datetime) -> Override:
    """Cancel an override and return it; OfficeLineError if there is none, or no longer."""
    row = _cancel(engine, ScheduleOverride, override_id, by, now, "override", "oncall overrides")
    return _override(row)


def cancel_hours_change(engine: Engine, change_id: int, *, by: str, now: datetime) -> HoursChange:
    """Cancel a change of hours and return it; OfficeLineError if there is none, or no longer."""
    row = _cancel(engine, HoursChanged, change_id, by, now, "change of hours", "hours now")
    return _hours_change(row)


def list_overrides(engine: Engine, *, after: datetime | None = None) -> list[Made[Override]]:
    """List overrides in the order they were made, canceled ones too; `after`: that end later."""
    return _listed(engine, ScheduleOverride, _override, after)


def list_hours_changes(engine: Engine, *, after: datetime | None = None) -> list[Made[HoursChange]]:
    """List changes of hours in the order they were made, canceled ones too."""
    return _listed(engine, HoursChanged, _hours_change, after)


def _listed(
    engine: Engine,
    table: type[Row],
    change_of: Callable[[Row], Change],
    after: datetime | None,
) -> list[Made[Change]]:
    wanted = select(table).order_by(col(table.id))
    if after is not None:
        wanted = wanted.where(col(table.end) > after)
    with reading(engine) as session:
        return [
            Made(change_of(row), row.by, row.made_at, row.canceled_at)
            for row in session.exec(wanted)
        ]


def _add(
    engine: Engine,
    table: type[ScheduleOverride | HoursChanged],
    changes: Sequence[Override | HoursChange],
    by: str,
    now: datetime,
    besides: Callable[[Connection], object] = lambda _: None,
) -> list[int]:
    """Store changes, and what `besides` writes in the same transaction; return their ids."""
    if not all(change.start < change.end for change in changes):
        raise OfficeLineError("The change ends before it begins; name an end after its start.")
    ids = []
    with changing(engine) as connection, Session(connection) as session:
        for change in changes:
            row = table(**{**vars(change), "id": None}, by=by, made_at=now)
            session.add(row)
            session.flush()
            ids.append(cast("int", row.id))
            audit.append(
                connection,
                f"{_NOUNS[table]}.changed",
                by=by,
                now=now,
                about=ids[-1],
                detail=_reported(row),
            )
        besides(connection)
    return ids


def _cancel(
    engine: Engine,
    table: type[Row],
    row_id: int,
    by: str,
    now: datetime,
    what: str,
    see: str,
) -> Row:
    with changing(engine) as connection, Session(connection, expire_on_commit=False) as session:
        row = session.get(table, row_id)
        if row is None or row.canceled_at is not None:
            known = f"There is no {what} {row_id}" if row is None else f"The {what} is canceled"
            raise OfficeLineError(f"{known}; see 'officeline {see}'.")
        row.canceled_at = now
        session.add(row)
        session.flush()
        session.expunge(row)
        audit.append(connection, f"{_NOUNS[table]}.canceled", by=by, now=now, about=row_id)
        return row


def _reported(row: ScheduleOverride | HoursChanged) -> dict[str, str]:
    """Lay out a change for the audit, without what it leaves open."""
    reported = row.model_dump(exclude={"id", "by", "made_at", "canceled_at", "start", "end"})
    span = {"start": utc_text(row.start), "end": utc_text(row.end)}
    return {key: value for key, value in reported.items() if value} | span


def _override(row: ScheduleOverride) -> Override:
    return Override(
        id=cast("int", row.id),
        schedule=row.schedule,
        kind=row.kind,
        person=row.person,
        instead_of=row.instead_of,
        start=row.start,
        end=row.end,
        reason=row.reason,
    )


def _hours_change(row: HoursChanged) -> HoursChange:
    return HoursChange(
        id=cast("int", row.id),
        state=row.state,
        start=row.start,
        end=row.end,
        reason=row.reason,
        office_hours=row.office_hours,
    )
