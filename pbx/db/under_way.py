"""Calls in progress and running follow-up calls, by the call log. All functions block."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Select, bindparam, exists, select

from pbx.db.database import reading
from pbx.db.statements import table_of
from pbx.db.tables import Attempt, Call, Event, Leg

MOST = 500  # maximum calls to read

_CALL, _LEG = table_of(Call), table_of(Leg)
_EVENT, _ATTEMPT = table_of(Event), table_of(Attempt)


def _calls() -> Select[Any]:
    of_call = _EVENT.c.call == _CALL.c.id
    reported = select(_EVENT.c.detail["verb"].as_string()).where(of_call, _EVENT.c.what == "turn")
    verb = reported.order_by(_EVENT.c.at.desc(), _EVENT.c.id.desc()).limit(1).scalar_subquery()
    alone = exists().where(of_call, _EVENT.c.what == bindparam("failsafe"))
    columns = ("id", "started_at", "line", "caller", "urgency", "person", "acknowledged_at")
    return (
        select(*(_CALL.c[name] for name in columns), verb.label("verb"), alone.label("alone"))
        .where(_CALL.c.outcome.is_(None))
        .order_by(_CALL.c.started_at, _CALL.c.id)
        .limit(MOST)
    )


_CALLS = _calls()
_LEGS = (
    select(_LEG.c.call, _LEG.c.person)
    .join_from(_CALL, _LEG)
    .where(_CALL.c.outcome.is_(None), _LEG.c.result.is_(None), _LEG.c.person.is_not(None))
    .order_by(_LEG.c.started_at, _LEG.c.channel)
)
_ATTEMPTS = (
    select(_ATTEMPT.c.message, _ATTEMPT.c.person)
    .where(_ATTEMPT.c.result.is_(None))
    .order_by(_ATTEMPT.c.id)
)


@dataclass(frozen=True)
class UnderWay:
    """A call that goes on; `verb` is what the dialplan was told last, `ringing` whose phones ring.

    `person` accepted it, at `accepted_at`; `failsafe` says that Asterisk went on by itself.
    """

    id: str
    started_at: datetime
    line: str
    caller: str | None
    urgency: str | None
    verb: str | None
    ringing: tuple[str, ...]
    person: str | None
    accepted_at: datetime | None
    failsafe: bool


def calls_under_way(engine: Engine, failsafe: str) -> list[UnderWay]:
    """Return the calls in progress, longest first; `failsafe` is the failsafe's event name."""
    with reading(engine) as session:
        connection = session.connection()
        ringing: defaultdict[str, list[str]] = defaultdict(list)
        for row in connection.execute(_LEGS):
            ringing[row.call].append(row.person)
        return [
            UnderWay(
                row.id,
                row.started_at,
                row.line,
                row.caller,
                row.urgency,
                row.verb,
                tuple(dict.fromkeys(ringing[row.id])),
                row.person,
                row.acknowledged_at,
                bool(row.alone),
            )
            for row in connection.execute(_CALLS, {"failsafe": failsafe})
        ]


def called_now(engine: Engine) -> dict[str, tuple[str, ...]]:
    """Return whom the follow-up is calling now, by message."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    with reading(engine) as session:
        for row in session.connection().execute(_ATTEMPTS):
            found[row.message].append(row.person)
    return {message: tuple(people) for message, people in found.items()}
