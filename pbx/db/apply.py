"""Records made into rows. Each statement gives the same rows whatever the order, however often.

Asterisk's events and our verdicts arrive when they like, and after a reconnect perhaps twice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any, get_args

from sqlalchemy import Connection

from pbx.db import records
from pbx.db.records import Outcome, Record, Why
from pbx.db.tables import utc_text
from routing.decision import Reason

# Whatever is heard of a call, the call is then known, if only by hearsay.
_KNOWN = """
    INSERT INTO call (id, started_at, line, did) VALUES (:call, :at, '', '')
    ON CONFLICT (id) DO NOTHING
"""
# A daemon that was restarted in mid-call tells the start again, later: the first telling counts.
_STARTED = """
    INSERT INTO call (id, started_at, line, did, caller, plan)
    VALUES (:call, :at, :line, :did, :caller, :plan)
    ON CONFLICT (id) DO UPDATE SET
        started_at = min(call.started_at, excluded.started_at),
        line = CASE WHEN call.line = '' THEN excluded.line ELSE call.line END,
        did = CASE WHEN call.did = '' THEN excluded.did ELSE call.did END,
        caller = coalesce(call.caller, excluded.caller),
        plan = coalesce(call.plan, excluded.plan)
"""
_DECIDED = """
    INSERT INTO decision (call, turn, at, kind, target, urgency, reasons, facts)
    VALUES (:call, :turn, :at, :kind, :target, :urgency, :reasons, :facts)
    ON CONFLICT (call, turn) DO NOTHING
"""
_LAST_DECISION = """
    UPDATE call SET
        decision = (SELECT kind FROM decision WHERE call = :call ORDER BY turn DESC LIMIT 1),
        urgency = (SELECT urgency FROM decision WHERE call = :call AND urgency IS NOT NULL
                   ORDER BY turn DESC LIMIT 1)
    WHERE id = :call
"""
_ANSWERED = """
    UPDATE call SET answered_at = min(coalesce(answered_at, :at), :at) WHERE id = :call
"""
_LEG_STARTED = """
    INSERT INTO leg (call, channel, started_at, person, kind)
    VALUES (:call, :leg, :at, :person, :kind)
    ON CONFLICT (call, channel) DO UPDATE SET kind = excluded.kind, person = excluded.person,
        started_at = min(coalesce(leg.started_at, excluded.started_at), excluded.started_at)
"""
_LEG_ANSWERED = """
    INSERT INTO leg (call, channel, answered_at) VALUES (:call, :leg, :at)
    ON CONFLICT (call, channel)
    DO UPDATE SET
        answered_at = min(coalesce(leg.answered_at, excluded.answered_at), excluded.answered_at)
"""
_ACKNOWLEDGED = """
    UPDATE call SET person = :person, acknowledged_at = :at
    WHERE id = :call AND (acknowledged_at IS NULL OR acknowledged_at > :at) AND NOT EXISTS
        (SELECT 1 FROM leg WHERE call = :call AND channel = :leg AND result = 'too late')
"""
_LEG_ACKNOWLEDGED = """
    INSERT INTO leg (call, channel, person, acknowledged_at, result)
    SELECT :call, :leg, :person, :at, 'accepted' WHERE :leg IS NOT NULL
    ON CONFLICT (call, channel) DO UPDATE SET result = 'accepted',
        person = coalesce(leg.person, excluded.person),
        acknowledged_at = coalesce(leg.acknowledged_at, excluded.acknowledged_at)
        WHERE leg.result IS NOT 'too late'
"""
# The call is then of whoever else accepted, if anybody did.
_LEG_TOO_LATE = """
    INSERT INTO leg (call, channel, result) VALUES (:call, :leg, 'too late')
    ON CONFLICT (call, channel) DO UPDATE SET result = 'too late', acknowledged_at = NULL
"""
_NOT_ACKNOWLEDGED = """
    UPDATE call SET (person, acknowledged_at) =
        (SELECT person, acknowledged_at FROM leg WHERE call = :call AND result = 'accepted'
         ORDER BY acknowledged_at LIMIT 1)
    WHERE id = :call AND acknowledged_at = :at
"""
_LAST_LEG_ACKNOWLEDGED = """
    UPDATE leg SET result = 'accepted', acknowledged_at = coalesce(acknowledged_at, :at)
    WHERE :leg IS NULL AND call = :call AND channel =
        (SELECT channel FROM leg WHERE call = :call AND person = :person
         ORDER BY started_at DESC LIMIT 1)
"""
_LEG_ENDED = """
    INSERT INTO leg (call, channel, ended_at, result) VALUES (:call, :leg, :at, :result)
    ON CONFLICT (call, channel) DO UPDATE SET ended_at = coalesce(leg.ended_at, excluded.ended_at),
        result = coalesce(leg.result, excluded.result)
"""
_MESSAGE_OPENED = (
    """
        INSERT INTO call (id, started_at, line, did)
        SELECT :call, opened_at, '', '' FROM message WHERE id = :message
        ON CONFLICT (id) DO NOTHING
    """,
    "UPDATE call SET message = :message WHERE id = :call",
)
_ENDED = """
    UPDATE call SET outcome = :outcome, ended_at = :at
    WHERE id = :call AND (outcome IS NULL OR outcome IN (SELECT value FROM json_each(:weaker)))
"""
_NOTED = """
    INSERT INTO event (call, at, what, detail) VALUES (:call, :at, :what, :detail)
    ON CONFLICT (call, at, what, detail) DO NOTHING
"""

_STATEMENTS: Mapping[type[Record], tuple[str, ...]] = {
    records.CallStarted: (_STARTED,),
    records.Decided: (_KNOWN, _DECIDED, _LAST_DECISION),
    records.CallAnswered: (_KNOWN, _ANSWERED),
    records.LegStarted: (_KNOWN, _LEG_STARTED),
    records.LegAnswered: (_KNOWN, _LEG_ANSWERED),
    records.LegAcknowledged: (_KNOWN, _ACKNOWLEDGED, _LEG_ACKNOWLEDGED, _LAST_LEG_ACKNOWLEDGED),
    records.LegTooLate: (_KNOWN, _LEG_TOO_LATE, _NOT_ACKNOWLEDGED),
    records.LegEnded: (_KNOWN, _LEG_ENDED),
    records.MessageOpened: _MESSAGE_OPENED,
    records.CallEnded: (_KNOWN, _ENDED),
    records.EventNoted: (_KNOWN, _NOTED),
}

_STRENGTH = get_args(Outcome)  # the strongest first


def write_record(connection: Connection, record: Record) -> None:
    """Write one record; a value that no column can hold is a ValueError.

    The statements are SQLite's own, and pass SQLAlchemy by: its own make of each costs more than
    the database does, hundreds of times a second.
    """
    values = _values(record)
    for statement in _STATEMENTS[type(record)]:
        connection.exec_driver_sql(statement, values)


def _values(record: Record) -> dict[str, Any]:
    values = {part.name: _plain(getattr(record, part.name)) for part in fields(record)}
    match record:
        case records.Decided():
            values["reasons"] = json.dumps([_reason(why) for why in record.reasons])
            values["facts"] = None if record.facts is None else json.dumps(dict(record.facts))
        case records.EventNoted():
            # sorted, because the text is what tells one event from another
            values["detail"] = json.dumps(dict(record.detail), sort_keys=True)
        case records.CallEnded():
            rank = _STRENGTH.index(record.outcome)
            values["weaker"] = json.dumps(_STRENGTH[rank + 1 :])
    return values


def _plain(value: Any) -> Any:
    return utc_text(value) if isinstance(value, datetime) else value


def _reason(why: Why) -> dict[str, str | bool]:
    if isinstance(why, Reason):
        return {"rule": why.rule, "matched": why.matched, "because": why.because}
    rule, matched, because = why
    return {"rule": rule, "matched": matched, "because": because}
