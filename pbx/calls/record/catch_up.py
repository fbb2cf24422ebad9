"""Catching up with what happened while nobody listened: spooled facts and ended calls.

All methods block. They may be repeated after any failure; nothing is done twice.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path

import structlog
from sqlalchemy import Engine

from pbx.base.clock import Clock
from pbx.calls.record import cdr_outcomes, spool
from pbx.calls.record.flags import NO_NUMBER
from pbx.calls.record.intake import FAILSAFE, Intake
from pbx.calls.record.live_calls import LiveCall, outcome_of
from pbx.calls.record.reconcile import cdr_path
from pbx.config.home import Home
from pbx.db import messages, records
from pbx.db.batch import write_batch
from pbx.db.calls import History, get_call
from pbx.db.ledger import calls_named, open_calls
from pbx.db.messages import MessageRow
from pbx.db.writer import LogWriter, mark_interrupted
from routing import outbound
from routing.follow_up import JOINABLE

_FAILSAFE = re.compile(rf"{FAILSAFE}(\d+\.\d+)\.wav")

# Asterisk removes a channel from its list shortly before it writes its record.
RECORDING_S = 0.5

log = structlog.get_logger()


class CatchUp:
    """Brings the log and the inbox up to date."""

    def __init__(
        self, engine: Engine, home: Home, writer: LogWriter, intake: Intake, clock: Clock
    ) -> None:
        self._engine = engine
        self._home = home
        self._writer = writer
        self._intake = intake
        self._clock = clock
        self._spool = spool.Spool(home.spool)
        self._recordings: set[str] = set()  # of the failsafe, already in messages

    def take(self, path: Path) -> tuple[spool.Fact, str | None] | None:
        """Import one spooled fact; return it with its message's id, or None if it is unreadable.

        The file is deleted after the database has its content; importing it twice is harmless.
        """
        fact = spool.read(path)
        if fact is None:
            log.error("spool.unreadable")
            self._spool.set_aside(path)
            return None
        write_batch(self._engine, fact.records, durable=True)
        message = None
        if (draft := fact.draft) is not None:
            message = self._intake.opened(
                fact.call, draft.number, draft.urgency, draft.escalation, at=fact.at
            )
            opened = records.MessageOpened(fact.call, message)
            write_batch(self._engine, [opened], durable=True)
        self._spool.done(path)
        return fact, message

    def waiting(self) -> list[Path]:
        """List the facts that wait to be imported."""
        return self._spool.waiting()

    def end_all(self, live: frozenset[str], held: Mapping[str, LiveCall], since: datetime) -> None:
        """End every call that is no longer live, and log the calls that we never heard of.

        `live` was read at `since`, so it lacks calls that began later.
        """
        under_way = open_calls(self._engine)
        live |= {call for call, at in under_way.items() if at >= since}
        gone = {call: at for call, at in under_way.items() if call not in live}
        if set(gone) - set(
            cdr_outcomes.read_outcomes(cdr_path(self._home), gone, self._intake.plan.office.country)
        ):
            time.sleep(RECORDING_S)
        of_late = cdr_outcomes.of_late(
            cdr_path(self._home), self._clock.now(), self._intake.plan.office.country
        )
        known = {one.id for one in calls_named(self._engine, of_late)}
        unheard = {
            call: one.start
            for call, one in of_late.items()
            if call not in known and call not in live
        }
        self.end(gone | unheard, held)
        self.release(live)

    def release(self, live: Collection[str]) -> None:
        """Hand the messages of calls that are no longer live to the follow-up."""
        self._intake.orphaned(frozenset(live))

    def end(
        self,
        calls: Mapping[str, datetime],
        held: Mapping[str, LiveCall],
        unsure: Collection[str] = (),
    ) -> frozenset[str]:
        """End these calls as Asterisk's records say; return which were ended.

        `held` is what we know about them. A call without a record was interrupted, unless it is in
        `unsure`: it is left alone, because its record may still be written.
        """
        found = cdr_outcomes.read_outcomes(
            cdr_path(self._home), calls, self._intake.plan.office.country
        )
        ending = frozenset(calls) - (frozenset(unsure) - set(found))
        self._begin(found)
        for call in ending:
            self._end(call, held.get(call), found.get(call))
        self._writer.flush()
        for call in mark_interrupted(self._engine, ending - set(found)):
            self._writer.tell(records.CallEnded(call, self._clock.now(), "interrupted"))
        return ending

    def _begin(self, found: Mapping[str, cdr_outcomes.Ended]) -> None:
        """Log the start of calls that we never heard of, from Asterisk's records."""
        known = {one.id for one in calls_named(self._engine, found) if one.line or one.caller}
        for call, one in found.items():
            if call in known:
                continue
            self._writer.put(records.CallStarted(call, one.start, "", "", one.caller, ""))
            if one.failsafe:
                self._writer.put(records.EventNoted(call, one.start, "failsafe"))
        self._writer.flush()

    def _end(self, call: str, live: LiveCall | None, ended: cdr_outcomes.Ended | None) -> None:
        history = get_call(self._engine, call)
        if history is None:
            return
        if history.call.outcome is not None:
            self._agree(history)
            return
        row = history.call
        live = live or LiveCall(row.urgency or "", row.caller, blocked=row.decision == "reject")
        if live.accepted_at is None and row.acknowledged_at is not None:
            live.accepted_at, live.person = row.acknowledged_at, row.person or ""
        if ended is not None and ended.refutes(live):
            self._take_back(history, live)
        heard = live.accepted_at is not None
        if ended is not None:
            live = ended.completes(live)
        at = ended.end if ended is not None else self._clock.now()
        message = row.message or (history.message.id if history.message is not None else None)
        if message and live.accepted_at and not heard:
            self._intake.accepted(message, call, live.person, live.accepted_at)
        message = self._draft(call, live, message, at, broke=ended is None)
        if ended is None:
            return  # the call is then marked as interrupted
        if live.accepted_at is not None:
            self._writer.put(records.LegAcknowledged(call, None, live.person, live.accepted_at))
        outcome = outcome_of(live, left_message=message is not None)
        self._writer.put(records.CallEnded(call, at, outcome))

    def _take_back(self, history: History, live: LiveCall) -> None:
        """Take back an acceptance if Asterisk's records show that nobody was connected."""
        row, person = history.call, live.person
        for leg in history.legs:
            if leg.result == "accepted" and leg.acknowledged_at is not None:
                self._writer.put(records.LegTooLate(row.id, leg.channel, leg.acknowledged_at))
        live.drop()
        if row.message:
            self._intake.given_up(row.message, person)

    def _agree(self, history: History) -> None:
        """Settle a message that was written after its call ended (the database was locked)."""
        row, message = history.call, history.message
        if row.urgency == "urgent" and row.outcome == "abandoned" and row.message is None:
            at = row.ended_at or self._clock.now()  # the standby reported it after its end
            self._draft(row.id, LiveCall("urgent", row.caller), None, at, broke=False)
            self._writer.put(records.CallEnded(row.id, at, "message"))
            return
        if message is None or message.state != "open" or row.acknowledged_at is None:
            return
        live = LiveCall("urgent", row.caller, accepted_at=row.acknowledged_at)
        live.person = row.person or ""
        broke = row.outcome == "interrupted"
        if not broke:
            self._intake.accepted(message.id, row.id, live.person, live.accepted_at)
        self._intake.over(message.id, row.id, live, row.acknowledged_at if broke else row.ended_at)

    def _draft(
        self, call: str, live: LiveCall, message: str | None, at: datetime, *, broke: bool
    ) -> str | None:
        """Make sure an urgent call has a message, and so does a call that was interrupted."""
        unsaid = broke and not live.urgency and not live.blocked  # had no chance to press a key
        unheard = broke or not self._intake.heard(live, at)
        if message is None and (live.is_urgent or unsaid) and unheard:
            number, held = live.callback or live.caller, not broke and live.accepted_at is not None
            message = self._intake.opened(
                call, number, "urgent", live.escalation, at=at, holding_=held
            )
        if message is not None:
            # how long they talked is unknown, so treat it like a call that was cut off
            ended_at = live.accepted_at if broke and live.accepted_at is not None else at
            message = self._intake.over(message, call, live, ended_at)
            self._writer.put(records.MessageOpened(call, message))
        return message

    def recordings(self) -> dict[str, Path]:
        """Map calls to the failsafe's recordings that are not yet in a message."""
        found = {}
        for path in self._home.messages.glob(f"{FAILSAFE}*.wav"):
            match = _FAILSAFE.fullmatch(path.name)
            if match is not None and path.name not in self._recordings:
                found[match[1]] = path
        return found

    def take_recording(self, call: str, path: Path) -> None:
        """Make sure that a message of an ended call has the failsafe's recording."""
        place = f"{self._home.messages.name}/{path.name}"
        if get_call(self._engine, call) is None:  # only Asterisk's records know this call
            self.end({call: self._clock.now()}, {})
        history = get_call(self._engine, call)
        held = history.message if history is not None else messages.get_message(self._engine, call)
        if held is None or place not in messages.recordings(self._engine, held.id):
            self._put(call, place, held, None if history is None else history.call.caller)
        self._recordings.add(path.name)

    def _put(self, call: str, place: str, held: MessageRow | None, caller: str | None) -> None:
        """Put a recording into the call's message, or into a new one if that is settled."""
        now = self._clock.now()
        if held is None or held.state not in JOINABLE:
            number = caller if held is None else held.callback_number
            message = self._intake.opened(call, number, "urgent", "", at=now, holding_=False)
            if outbound.callback_number(self._intake.plan, number) is None:
                messages.flag(self._engine, message, [NO_NUMBER], now)
            write_batch(self._engine, [records.MessageOpened(call, message)], durable=True)
            if place in messages.recordings(self._engine, message):
                return
            held = messages.get_message(self._engine, message)
        if held is None:
            return
        if held.call == call and not (self._home.folder / str(held.recording)).exists():
            messages.attach_recording(self._engine, held.id, place)
        else:  # a joined call, or more words while the control layer was down
            messages.add_recording(self._engine, held.id, call, place, now)
