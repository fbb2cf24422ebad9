"""Turns records into rows; the only module that writes `call`, `leg`, `decision` and `event`.

The statements give the same rows in any order and if repeated, because Asterisk's events and our
decisions arrive in any order, and after a reconnect perhaps twice.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from typing import Any, get_args

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Select,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)

from pbx.db import records
from pbx.db.records import Outcome, Record, Why
from pbx.db.statements import Prepared, earlier_of, insert, table_of
from pbx.db.tables import Call, Event, Leg, Message, StoredDecision, UtcTime
from routing.decision import Reason

_CALL, _LEG, _DECISION = table_of(Call), table_of(Leg), table_of(StoredDecision)
_EVENT, _MESSAGE = table_of(Event), table_of(Message)
_IT: BindParameter[str] = bindparam("call")
_CHANNEL: BindParameter[str] = bindparam("leg")
_PERSON: BindParameter[str] = bindparam("person")
_AT = bindparam("at", type_=UtcTime)
_OF_CALL = _LEG.c.call == _IT
_PARTS = ["call", "channel"]

# Any record about a call creates the call's row, even if the call's start was not seen.
_KNOWN = Prepared(
    insert(_CALL).values(id=_IT, started_at=_AT, line="", did="").on_conflict_do_nothing()
)


def _started() -> Prepared:
    """Return the insert of a start; a restarted daemon may repeat it, so the first one counts."""
    put = insert(_CALL).values(
        id=_IT,
        started_at=_AT,
        line=bindparam("line"),
        did=bindparam("did"),
        caller=bindparam("caller"),
        plan=bindparam("plan"),
    )
    kept, new = _CALL.c, put.excluded
    return Prepared(
        put.on_conflict_do_update(
            index_elements=["id"],
            set_={
                "started_at": earlier_of(kept.started_at, new.started_at),
                "line": case((kept.line == "", new.line), else_=kept.line),
                "did": case((kept.did == "", new.did), else_=kept.did),
                "caller": func.coalesce(kept.caller, new.caller),
                "plan": func.coalesce(kept.plan, new.plan),
            },
        )
    )


_DECIDED = Prepared(
    insert(_DECISION)
    .values(
        call=_IT,
        turn=bindparam("turn"),
        at=_AT,
        kind=bindparam("kind"),
        target=bindparam("target"),
        urgency=bindparam("urgency"),
        reasons=bindparam("reasons"),
        facts=bindparam("facts"),
    )
    .on_conflict_do_nothing()
)


def _last(column: ColumnElement[Any], *meant: ColumnElement[bool]) -> Any:
    """Return SQL for a column of the call's last decision."""
    found = select(column).where(_DECISION.c.call == _IT, *meant)
    return found.order_by(_DECISION.c.turn.desc()).limit(1).scalar_subquery()


_LAST_DECISION = Prepared(
    update(_CALL)
    .where(_CALL.c.id == _IT)
    .values(
        decision=_last(_DECISION.c.kind),
        urgency=_last(_DECISION.c.urgency, _DECISION.c.urgency.is_not(None)),
    )
)
_ANSWERED = Prepared(
    update(_CALL).where(_CALL.c.id == _IT).values(answered_at=earlier_of(_CALL.c.answered_at, _AT))
)


def _leg_put(values: dict[str, Any], changed: Any, where: Any = None) -> Prepared:
    """Return an upsert of a leg; `changed` maps the existing and the new row to the changes."""
    put = insert(_LEG).values(call=_IT, channel=_CHANNEL, **values)
    return Prepared(
        put.on_conflict_do_update(
            index_elements=_PARTS, set_=changed(_LEG.c, put.excluded), where=where
        )
    )


_LEG_STARTED = _leg_put(
    {"started_at": _AT, "person": _PERSON, "kind": bindparam("kind")},
    lambda kept, new: {
        "kind": new.kind,
        "person": new.person,
        "started_at": earlier_of(kept.started_at, new.started_at),
    },
)
_LEG_ANSWERED = _leg_put(
    {"answered_at": _AT},
    lambda kept, new: {"answered_at": earlier_of(kept.answered_at, new.answered_at)},
)
_ACKNOWLEDGED = Prepared(
    update(_CALL)
    .where(
        _CALL.c.id == _IT,
        or_(_CALL.c.acknowledged_at.is_(None), _CALL.c.acknowledged_at > _AT),
        ~exists().where(_OF_CALL, _LEG.c.channel == _CHANNEL, _LEG.c.result == "too late"),
    )
    .values(person=_PERSON, acknowledged_at=_AT)
)
_LEG_ACKNOWLEDGED = _leg_put(
    {"person": _PERSON, "acknowledged_at": _AT, "result": "accepted"},
    lambda kept, new: {
        "result": "accepted",
        "person": func.coalesce(kept.person, new.person),
        "acknowledged_at": func.coalesce(kept.acknowledged_at, new.acknowledged_at),
    },
    where=_LEG.c.result.is_distinct_from("too late"),
)
# The call then belongs to the other person who accepted, if there is one.
_LEG_TOO_LATE = _leg_put(
    {"result": "too late"}, lambda *_: {"result": "too late", "acknowledged_at": None}
)


def _first_accepted(column: ColumnElement[Any]) -> Any:
    found = select(column).where(_OF_CALL, _LEG.c.result == "accepted")
    return found.order_by(_LEG.c.acknowledged_at, _LEG.c.channel).limit(1).scalar_subquery()


_NOT_ACKNOWLEDGED = Prepared(
    update(_CALL)
    .where(_CALL.c.id == _IT, _CALL.c.acknowledged_at == _AT)
    .values(
        person=_first_accepted(_LEG.c.person),
        acknowledged_at=_first_accepted(_LEG.c.acknowledged_at),
    )
)
_last_leg = _LEG.alias("last")
_LAST_LEG_ACKNOWLEDGED = Prepared(
    update(_LEG)
    .where(
        _OF_CALL,
        _LEG.c.channel
        == select(_last_leg.c.channel)
        .where(_last_leg.c.call == _IT, _last_leg.c.person == _PERSON)
        .order_by(_last_leg.c.started_at.desc())
        .limit(1)
        .scalar_subquery(),
    )
    .values(result="accepted", acknowledged_at=func.coalesce(_LEG.c.acknowledged_at, _AT))
)
_LEG_ENDED = _leg_put(
    {"ended_at": _AT, "result": bindparam("result")},
    lambda kept, new: {
        "ended_at": func.coalesce(kept.ended_at, new.ended_at),
        "result": func.coalesce(kept.result, new.result),
    },
)
_KNOWN_BY_MESSAGE = Prepared(
    insert(_CALL)
    .from_select(
        ["id", "started_at", "line", "did"],
        select(_IT, _MESSAGE.c.opened_at, literal(""), literal("")).where(
            _MESSAGE.c.id == bindparam("message")
        ),
    )
    .on_conflict_do_nothing()
)
_MESSAGE_OPENED = Prepared(
    update(_CALL).where(_CALL.c.id == _IT).values(message=bindparam("message"))
)
_NOTED = Prepared(
    insert(_EVENT)
    .values(call=_IT, at=_AT, what=bindparam("what"), detail=bindparam("detail"))
    .on_conflict_do_nothing()
)
_STRENGTH = get_args(Outcome)  # the strongest first


def _ended(outcome: str) -> Prepared:
    """Return an update that sets an outcome unless the call already has a stronger one."""
    weaker = _STRENGTH[_STRENGTH.index(outcome) + 1 :]
    replaced = or_(_CALL.c.outcome.is_(None), *(_CALL.c.outcome == one for one in weaker))
    return Prepared(
        update(_CALL).where(_CALL.c.id == _IT, replaced).values(outcome=outcome, ended_at=_AT)
    )


_ENDED = {outcome: _ended(outcome) for outcome in _STRENGTH}
_STEPS: Mapping[type[Record], tuple[Prepared, ...]] = {
    records.CallStarted: (_started(),),
    records.Decided: (_KNOWN, _DECIDED, _LAST_DECISION),
    records.CallAnswered: (_KNOWN, _ANSWERED),
    records.LegStarted: (_KNOWN, _LEG_STARTED),
    records.LegAnswered: (_KNOWN, _LEG_ANSWERED),
    records.LegTooLate: (_KNOWN, _LEG_TOO_LATE, _NOT_ACKNOWLEDGED),
    records.LegEnded: (_KNOWN, _LEG_ENDED),
    records.MessageOpened: (_KNOWN_BY_MESSAGE, _MESSAGE_OPENED),
    records.EventNoted: (_KNOWN, _NOTED),
}


def write_record(connection: Connection, record: Record) -> None:
    """Write one record; raises ValueError if a column cannot hold a value."""
    values = _values(record)
    for statement in _steps(record):
        statement.run(connection, values)


def calls_open(connection: Connection) -> Sequence[str]:
    """Return the ids of the calls without an outcome."""
    return connection.scalars(select(_CALL.c.id).where(_CALL.c.outcome.is_(None))).all()


def interrupt_call(connection: Connection, call: str) -> None:
    """End a call whose end was not recorded, at the time of its last record."""
    parts: tuple[Select[Any], ...] = (
        select(_CALL.c.started_at, _CALL.c.answered_at, _CALL.c.acknowledged_at).where(
            _CALL.c.id == call
        ),
        select(func.max(_DECISION.c.at)).where(_DECISION.c.call == call),
        select(func.max(_EVENT.c.at)).where(_EVENT.c.call == call),
        select(func.max(_LEG.c.started_at), func.max(_LEG.c.ended_at)).where(_LEG.c.call == call),
    )
    times = [at for part in parts for at in connection.execute(part).one() if at is not None]
    ended = update(_CALL).where(_CALL.c.id == call, _CALL.c.outcome.is_(None))
    connection.execute(ended.values(outcome="interrupted", ended_at=max(times)))


def remove_calls(connection: Connection, ids: Collection[str]) -> int:
    """Delete calls with their legs, decisions and events; return how many."""
    return connection.execute(delete(_CALL).where(_CALL.c.id.in_(ids))).rowcount


def _steps(record: Record) -> tuple[Prepared, ...]:
    match record:
        case records.CallEnded():
            return _KNOWN, _ENDED[record.outcome]
        case records.LegAcknowledged():
            leg = _LAST_LEG_ACKNOWLEDGED if record.leg is None else _LEG_ACKNOWLEDGED
            return _KNOWN, _ACKNOWLEDGED, leg
        case _:
            return _STEPS[type(record)]


def _values(record: Record) -> dict[str, Any]:
    values = {part.name: getattr(record, part.name) for part in fields(record)}
    match record:
        case records.Decided():
            values["reasons"] = [_reason(why) for why in record.reasons]
            values["facts"] = dict(record.facts)
        case records.EventNoted():
            # sorted, because the text is what tells one event from another
            values["detail"] = dict(sorted(record.detail.items()))
    return values


def _reason(why: Why) -> dict[str, str | bool]:
    if isinstance(why, Reason):
        return {"rule": why.rule, "matched": why.matched, "because": why.because}
    rule, matched, because = why
    return {"rule": rule, "matched": matched, "because": because}
