"""Holds: calls and messages that must be kept; lifted, never deleted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from pbx.base.errors import OfficeLineError
from pbx.db import audit
from pbx.db.database import damage_sentence, file_of, reading, writing
from pbx.db.tables import Call, Message
from pbx.db.trust_tables import HoldRow


@dataclass(frozen=True)
class Hold:
    """A hold on `target`, a call's or message's id; `lifted_at` is None while it holds."""

    id: int
    target: str
    reason: str
    by: str
    made_at: datetime
    lifted_at: datetime | None


def add_hold(engine: Engine, target: str, reason: str, *, by: str, now: datetime) -> Hold:
    """Hold a call or message; OfficeLineError if there is none of this id, or it is held."""
    try:
        with writing(engine, durable=True) as connection, Session(connection) as session:
            if session.get(Call, target) is None and session.get(Message, target) is None:
                raise OfficeLineError(
                    f"There is no call or message '{target}'; 'officeline calls list' and "
                    "'officeline inbox list --all' show the ids."
                )
            if session.exec(_standing(target)).first() is not None:
                raise OfficeLineError(f"{target} is held already; see 'officeline hold list'.")
            row = HoldRow(target=target, reason=reason, by=by, made_at=now)
            session.add(row)
            session.flush()
            detail = {"reason": reason}
            audit.append(connection, "hold.added", by=by, now=now, about=target, detail=detail)
            return _hold(row)
    except DBAPIError as error:
        raise damage_sentence(error, file_of(engine)) from error


def lift(engine: Engine, target: str, reason: str, *, by: str, now: datetime) -> None:
    """Lift the hold of a call or message; OfficeLineError if it has none."""
    try:
        with writing(engine, durable=True) as connection, Session(connection) as session:
            row = session.exec(_standing(target)).first()
            if row is None:
                raise OfficeLineError(f"{target} is not held; see 'officeline hold list'.")
            row.lifted_at = now
            session.add(row)
            session.flush()
            detail = {"reason": reason}
            audit.append(connection, "hold.lifted", by=by, now=now, about=target, detail=detail)
    except DBAPIError as error:
        raise damage_sentence(error, file_of(engine)) from error


def list_holds(engine: Engine) -> list[Hold]:
    """List every hold in the order they were made, lifted ones too."""
    with reading(engine) as session:
        return [_hold(row) for row in session.exec(select(HoldRow).order_by(col(HoldRow.id)))]


def _standing(target: str) -> SelectOfScalar[HoldRow]:
    return select(HoldRow).where(HoldRow.target == target, col(HoldRow.lifted_at).is_(None))


def _hold(row: HoldRow) -> Hold:
    return Hold(cast("int", row.id), row.target, row.reason, row.by, row.made_at, row.lifted_at)
