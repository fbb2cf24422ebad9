"""Applied plans: every one is kept as its file's whole text, and the newest runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from sqlalchemy import Connection, Engine
from sqlmodel import Session, col, select

from pbx.base.errors import OfficeLineError
from pbx.db import audit
from pbx.db.database import changing, reading
from pbx.db.tables import PlanApplied


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
        row = PlanApplied(hash=hash_, applied_at=now, by=by, note=note, text=text, ok=ok)
        return _apply(connection, row, what)


def apply_first(engine: Engine, text: str, hash_: str, *, now: datetime) -> Applied | None:
    """Make this text the running plan if there never was one; else None."""
    with changing(engine) as connection, Session(connection) as session:
        if session.exec(select(PlanApplied.id).limit(1)).first() is not None:
            return None
        note = "the first start"
        row = PlanApplied(hash=hash_, applied_at=now, by="officeline", note=note, text=text)
        return _apply(connection, row, "plan.applied")


def list_applied(engine: Engine, limit: int | None = None) -> list[Applied]:
    """List what was applied, the running one first."""
    wanted = select(PlanApplied).order_by(col(PlanApplied.id).desc()).limit(limit)
    with reading(engine) as session:
        return [_applied(row) for row in session.exec(wanted)]


def list_times(engine: Engine) -> list[PlanTime]:
    """List when plans were applied, the first one first, without their texts."""
    wanted = select(PlanApplied.id, PlanApplied.hash, PlanApplied.applied_at)
    with reading(engine) as session:
        rows = session.exec(wanted.order_by(col(PlanApplied.id))).all()
    return [PlanTime(cast("int", id_), hash_, at) for id_, hash_, at in rows]


def get_applied(engine: Engine, plan_id: int) -> Applied:
    """Read one applied plan; OfficeLineError if there is none of this id."""
    with reading(engine) as session:
        row = session.get(PlanApplied, plan_id)
    if row is None:
        raise OfficeLineError(
            f"There is no applied plan {plan_id}; 'officeline history' shows the ids."
        )
    return _applied(row)


def _apply(connection: Connection, row: PlanApplied, what: str) -> Applied | None:
    with Session(connection) as session:
        newest = select(PlanApplied.text).order_by(col(PlanApplied.id).desc()).limit(1)
        if session.exec(newest).first() == row.text:
            return None
        session.add(row)
        session.flush()
        made = _applied(row)
    detail = {"plan": made.hash, "forced": not made.ok, "reason": made.note}
    audit.append(connection, what, by=made.by, now=made.at, about=made.id, detail=detail)
    return made


def _applied(row: PlanApplied) -> Applied:
    if row.id is None:
        raise ValueError("a row that was never stored")
    return Applied(row.id, row.hash, row.applied_at, row.by, row.note, row.ok, row.text)
