"""The outcome of a call to a patient: talked, answered too briefly, or not reached.

A voicemail answers like a patient, so the time connected is all we know, unless the person says
more. See docs/adr/0030-a-voicemail-is-no-call-back.md. All functions block.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Engine

from pbx.calls.record.catch_up import RECORDING_S
from pbx.calls.record.cdr import CdrFilter, CdrRow, read_cdr
from pbx.calls.record.reconcile import cdr_path
from pbx.config.home import Home
from pbx.db import message_progress, messages, outbound
from pbx.db.database import file_of
from pbx.db.message_progress import RefusedError
from pbx.db.messages import MessageRow
from pbx.db.outbound import Result
from pbx.db.outbound_tables import OutboundCall
from pbx.escalation.words import words_in
from routing.follow_up import was_cut_off
from routing.model import Plan

log = structlog.get_logger()


def end_talk(
    engine: Engine, plan: Plan, row: OutboundCall, otherwise: str | None, at: datetime
) -> None:
    """End a call; mark its message as called back if they talked.

    `otherwise` is the outcome if no patient was dialed; None if that is known only later.
    """
    talk = None if row.answered_at is None else at - row.answered_at
    _end(engine, plan, row, otherwise, at, talk)


def end_gone(engine: Engine, plan: Plan, live: Collection[str], at: datetime) -> None:
    """End the calls that are no longer live, with the outcomes in Asterisk's records.

    A call without a record was interrupted by a crash of Asterisk; its length is unknown.
    """
    gone = [row for row in outbound.going_on(engine) if row.call not in live]
    records = _records(engine, gone)
    if any(row.placed_at and row.call not in records for row in gone):
        time.sleep(RECORDING_S)
        records = _records(engine, gone)
    for row in gone:
        record = records.get(row.call or "")
        ended_at = at if record is None else record.end or at
        talk = None if row.answered_at is None else timedelta()
        if record is not None and record.talk_ms is not None:
            talk = timedelta(milliseconds=record.talk_ms)
            outbound.answered(engine, record.call, ended_at - talk)
        _end(engine, plan, row, "interrupted", ended_at, talk)


def _end(
    engine: Engine,
    plan: Plan,
    row: OutboundCall,
    otherwise: str | None,
    at: datetime,
    talk: timedelta | None,
) -> None:
    """End a call; `talk` is how long the patient's phone was connected, None if never."""
    message = messages.get_message(engine, row.message) if row.message else None
    talked: Result = "talked"
    if talk is not None:
        escalation = message.escalation if message is not None else None
        brief = was_cut_off(plan, escalation or "", at - talk, at)
        talked = "answered" if brief else "talked"
        if message is not None and not brief:
            _called_back(engine, plan, row, message, at)
    # last, so that after a crash all of this is done again
    outbound.note_ended(engine, row.call or "", otherwise, at, talked)


def _called_back(
    engine: Engine, plan: Plan, row: OutboundCall, message: MessageRow, at: datetime
) -> None:
    """Mark a message as called back, unless it has grown since the person heard it."""
    words = words_in(engine, file_of(engine).parent, message)
    if row.joins is None or row.size is None or words.size > row.size:
        log.info("physician.unheard", call=message.id)
        return
    try:
        message_progress.move(
            engine, plan, message.id, "called back", at=at, person=row.person, joins=row.joins
        )
    except RefusedError as error:
        log.info("physician.too_late", call=message.id, error=str(error))


def _records(engine: Engine, rows: Collection[OutboundCall]) -> dict[str, CdrRow]:
    """Map each call to Asterisk's last record of the person's leg."""
    calls = {row.call: row.asked_at for row in rows if row.call}
    if not calls:
        return {}
    first = min(calls.values())
    held = read_cdr(cdr_path(Home(file_of(engine).parent)), wanted=CdrFilter(first, first, calls))
    return {row.call: row for row in held if row.unique == row.call}
