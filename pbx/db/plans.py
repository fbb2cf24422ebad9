"""Applied plans. Each is stored as the whole text of its file; the newest one runs.

The only module that writes `plan_applied`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection, Engine, insert, select
from sqlmodel import col

from pbx.base.errors import OfficeLineError
from pbx.db import audit
from pbx.db.database import changing, reading
from pbx.db.statements import new_id, table_of
from pbx.db.tables import PlanApplied

_PLAN = table_of(PlanApplied)
_NEWEST = select(_PLAN.c.text).order_by(_PLAN.c.id.desc()).limit(1)


@dataclass(frozen=True)
class Applied:
    """A plan that went live at `at`; `ok` False: against objections, for the reason in `note`."""

    id: int
    hash: str
    at: datetime
    by: str
    note: str
    ok: bool
    text: str = field(repr=False)


@dataclass(frozen=True)
class PlanTime:
    """That a plan went live, and when."""

    id: int
    hash: str
    at: datetime


def apply_text(
    engine: Engine,
    text: str,
    hash_: str,
    *,
    by: str,
    now: datetime,
    note: str = "",
    ok: bool = True,
    what: str = "plan.applied",
) -> Applied | None:
    """Make this text the running plan; None if it is that already, and nothing is written.

    `what` is how the audit calls it.
    """
    with changing(engine) as connection:
        if connection.scalar(_NEWEST) == text:
            return None
        return _apply(connection, Applied(0, hash_, now, by, note, ok, text), what)


def apply_first(engine: Engine, text: str, hash_: str, *, now: datetime) -> Applied | None:
    """Make this text the running plan if there never was one; else None."""
    with changing(engine) as connection:
        if connection.scalar(_NEWEST) is not None:
            return None
        first = Applied(0, hash_, now, "officeline", "the first start", True, text)
        return _apply(connection, first, "plan.applied")


def list_applied(engine: Engine, limit: int | None = None) -> list[Applied]:
    """Return the applied plans, newest first."""
    wanted = select(PlanApplied).order_by(col(PlanApplied.id).desc()).limit(limit)
    with reading(engine) as session:
        return [_applied(row) for row in session.scalars(wanted)]


def list_times(engine: Engine) -> list[PlanTime]:
    """List when plans were applied, the first one first, without their texts."""
    wanted = select(_PLAN.c.id, _PLAN.c.hash, _PLAN.c.applied_at)
    with reading(engine) as session:
        return [PlanTime(*row) for row in session.execute(wanted.order_by(_PLAN.c.id))]


def get_applied(engine: Engine, plan_id: int) -> Applied:
    """Return one applied plan; raises OfficeLineError if there is none with this id."""
    with reading(engine) as session:
        row = session.get(PlanApplied, plan_id)
    if row is None:
        raise OfficeLineError(
            f"There is no applied plan {plan_id}; 'officeline history' shows the ids."
        )
    return _applied(row)


def _apply(connection: Connection, new: Applied, what: str) -> Applied:
    """Store a plan, whatever its `id`; return it with the one it got."""
    row = {"hash": new.hash, "applied_at": new.at, "by": new.by}
    row |= {"note": new.note, "text": new.text, "ok": new.ok}
    stored = connection.execute(insert(_PLAN).values(row))
    made = replace(new, id=new_id(stored))
    detail = {"plan": made.hash, "forced": not made.ok, "reason": made.note}
    audit.append(connection, what, by=made.by, now=made.at, about=made.id, detail=detail)
    return made


def _applied(row: PlanApplied) -> Applied:
    if row.id is None:
        raise ValueError("a row that was never stored")
    return Applied(row.id, row.hash, row.applied_at, row.by, row.note, row.ok, row.text)
