"""Retention holds: calls and messages that must be kept. Holds are lifted but never deleted.

The only module that writes `hold`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Engine, insert, select, union_all, update

from pbx.base.errors import OfficeLineError
from pbx.db import audit
from pbx.db.database import reading, writing
from pbx.db.statements import new_id, table_of
from pbx.db.tables import Call, Message
from pbx.db.trust_tables import HoldRow

_HOLD = table_of(HoldRow)
_HELD = (table_of(Call), table_of(Message))


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
    """Put a hold on a call or message; raises OfficeLineError if it is unknown or on hold."""
    with writing(engine, durable=True) as connection:
        known = union_all(*(select(one.c.id).where(one.c.id == target) for one in _HELD))
        if connection.scalar(known) is None:
            raise OfficeLineError(
                f"There is no call or message '{target}'; 'officeline calls list' and "
                "'officeline inbox list --all' show the ids."
            )
        if connection.scalar(select(_HOLD.c.id).where(*_standing(target))) is not None:
            raise OfficeLineError(f"{target} is already on hold; see 'officeline hold list'.")
        row = insert(_HOLD).values(target=target, reason=reason, by=by, made_at=now)
        made = new_id(connection.execute(row))
        detail = {"reason": reason}
        audit.append(connection, "hold.added", by=by, now=now, about=target, detail=detail)
        return Hold(made, target, reason, by, now, None)


def lift(engine: Engine, target: str, reason: str, *, by: str, now: datetime) -> None:
    """Lift the hold of a call or message; raises OfficeLineError if it has none."""
    with writing(engine, durable=True) as connection:
        lifted = update(_HOLD).where(*_standing(target)).values(lifted_at=now)
        if connection.execute(lifted).rowcount == 0:
            raise OfficeLineError(f"{target} is not on hold; see 'officeline hold list'.")
        detail = {"reason": reason}
        audit.append(connection, "hold.lifted", by=by, now=now, about=target, detail=detail)


def list_holds(engine: Engine) -> list[Hold]:
    """Return all holds in the order they were made, including lifted ones."""
    with reading(engine) as session:
        rows = session.execute(select(_HOLD).order_by(_HOLD.c.id)).mappings()
        return [Hold(**row) for row in rows]


def _standing(target: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return _HOLD.c.target == target, _HOLD.c.lifted_at.is_(None)
