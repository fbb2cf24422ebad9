"""Temporary changes of schedules and hours: they are added, canceled and listed, never deleted.

The only module that writes `schedule_override` and `hours_change`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Generic, TypeVar

from sqlalchemy import Connection, Engine, Table, insert, select, update

from pbx.base.errors import OfficeLineError
from pbx.db import audit, shifts
from pbx.db.database import changing, reading
from pbx.db.overlay import Values, hours_change_of, override_of
from pbx.db.statements import new_id, table_of
from pbx.db.tables import HoursChanged, ScheduleOverride, utc_text
from routing.model import HoursChange, Override

Change = TypeVar("Change", Override, HoursChange)


@dataclass(frozen=True)
class _Kind(Generic[Change]):
    """A kind of change: its table, how a row is read, and what people and the audit call it."""

    table: Table
    of: Callable[[Values], Change]
    noun: str
    what: str
    see: str


_OVERRIDES = _Kind(
    table_of(ScheduleOverride), override_of, "oncall", "override", "oncall overrides"
)
_HOURS = _Kind(table_of(HoursChanged), hours_change_of, "hours", "change of hours", "hours now")


@dataclass(frozen=True)
class Made(Generic[Change]):
    """A change, who made it and when; `canceled_at` is None while it applies."""

    change: Change
    by: str
    made_at: datetime
    canceled_at: datetime | None


def add_override(engine: Engine, override: Override, *, by: str, now: datetime) -> Override:
    """Store an override, ignoring its `id`; return it with its new id."""
    return add_overrides(engine, [override], by=by, now=now)[0]


def add_overrides(
    engine: Engine, overrides: Sequence[Override], *, by: str, now: datetime
) -> list[Override]:
    """Store overrides in order, all or none; return them with their new ids.

    A person who is put on call at once counts as informed, so nobody calls them to confirm.
    """
    ids = _add(
        engine,
        _OVERRIDES,
        overrides,
        by,
        now,
        lambda connection: shifts.taken(connection, overrides, by=by, now=now),
    )
    return [replace(override, id=id_) for override, id_ in zip(overrides, ids, strict=True)]


def hand_over(engine: Engine, override: Override, *, by: str, now: datetime) -> Override:
    """Store an override that begins at once and that its person does not know about yet.

    The person is called to confirm it, as at the start of a shift.
    """
    ids = _add(
        engine,
        _OVERRIDES,
        [override],
        by,
        now,
        lambda connection: shifts.handed(connection, override, by=by, now=now),
    )
    return replace(override, id=ids[0])


def add_hours_change(engine: Engine, change: HoursChange, *, by: str, now: datetime) -> HoursChange:
    """Store a change of hours, ignoring its `id`; return it with its new id."""
    return replace(change, id=_add(engine, _HOURS, [change], by, now)[0])


def cancel_override(engine: Engine, override_id: int, *, by: str, now: datetime) -> Override:
    """Cancel an override and return it; OfficeLineError if it does not exist or is over."""
    return _cancel(engine, _OVERRIDES, override_id, by, now)


def cancel_hours_change(engine: Engine, change_id: int, *, by: str, now: datetime) -> HoursChange:
    """Cancel a change of hours and return it; OfficeLineError if it does not exist or is over."""
    return _cancel(engine, _HOURS, change_id, by, now)


def list_overrides(engine: Engine, *, after: datetime | None = None) -> list[Made[Override]]:
    """Return overrides in creation order, canceled ones too; `after`: only those ending later."""
    return _listed(engine, _OVERRIDES, after)


def list_hours_changes(engine: Engine, *, after: datetime | None = None) -> list[Made[HoursChange]]:
    """List changes of hours in the order they were made, canceled ones too."""
    return _listed(engine, _HOURS, after)


def _listed(engine: Engine, kind: _Kind[Change], after: datetime | None) -> list[Made[Change]]:
    wanted = select(kind.table).order_by(kind.table.c.id)
    if after is not None:
        wanted = wanted.where(kind.table.c.end > after)
    with reading(engine) as session:
        return [
            Made(kind.of(row), row["by"], row["made_at"], row["canceled_at"])
            for row in session.execute(wanted).mappings()
        ]


def _add(
    engine: Engine,
    kind: _Kind[Change],
    changes: Sequence[Change],
    by: str,
    now: datetime,
    besides: Callable[[Connection], object] = lambda _: None,
) -> list[int]:
    """Store changes, run `besides` in the same transaction, and return the changes' ids."""
    if not all(change.start < change.end for change in changes):
        raise OfficeLineError("The change ends before it begins; name an end after its start.")
    ids = []
    with changing(engine) as connection:
        for change in changes:
            row = {**vars(change), "id": None, "by": by, "made_at": now}
            made = connection.execute(insert(kind.table).values(row))
            ids.append(new_id(made))
            what, detail = f"{kind.noun}.changed", _laid_out(change)
            audit.append(connection, what, by=by, now=now, about=ids[-1], detail=detail)
        besides(connection)
    return ids


def _cancel(engine: Engine, kind: _Kind[Change], id_: int, by: str, now: datetime) -> Change:
    of_id = kind.table.c.id == id_
    with changing(engine) as connection:
        row = connection.execute(select(kind.table).where(of_id)).mappings().first()
        if row is None or row["canceled_at"] is not None:
            known = (
                f"There is no {kind.what} {id_}" if row is None else f"The {kind.what} is canceled"
            )
            raise OfficeLineError(f"{known}; see 'officeline {kind.see}'.")
        connection.execute(update(kind.table).where(of_id).values(canceled_at=now))
        audit.append(connection, f"{kind.noun}.canceled", by=by, now=now, about=id_)
        return kind.of(row)


def _laid_out(change: Override | HoursChange) -> dict[str, str]:
    """Return a change as text fields for the audit, without its empty fields."""
    span = {"start": utc_text(change.start), "end": utc_text(change.end)}
    return {key: value for key, value in vars(change).items() if value and key != "id"} | span
