"""Catching up with what nobody of ours listened to: spooled facts, and calls that are gone.

All methods block, and may be run again after any failure: nothing is done twice by it.
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

# A channel leaves Asterisk's list a moment before its record is written.
RECORDING_S = 0.5

log = structlog.get_logger()


class CatchUp:
    """Brings log and inbox up to what happened."""

    def __init__(
        self, engine: Engine, home: Home, writer: LogWriter, intake: Intake, clock: Clock
    ) -> None:
        self._engine = engine
        self._home = home
        self._writer = writer
        self._intake = intake
        self._clock = clock
        self._spool = spool.Spool(home.spool)
        self._recordings: set[str] = set()  # of the failsafe, that messages have

    def take(self, path: Path) -> tuple[spool.Fact, str | None] | None:
        """Take one spooled fact into the database, with its message's id; None if it is none.

        The file goes once the disk has what was in it: told twice, a fact stays one.
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
        """List the facts that wait to be taken in."""
        return self._spool.waiting()

    def end_all(self, live: frozenset[str], held: Mapping[str, LiveCall], since: datetime) -> None:
        """End every call that is not live any more, and take in those that we never heard of.

        `live` was asked for at `since`: calls that began later are not known there.
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
        """Leave to the follow-up the messages of calls that are not live any more."""
        self._intake.orphaned(frozenset(live))

    def end(
        self,
        calls: Mapping[str, datetime],
        held: Mapping[str, LiveCall],
        unsure: Collection[str] = (),
    ) -> frozenset[str]:
        """End these calls, by when they began, as Asterisk's records say; return which.

        `held`: what we know of them. What has no record broke off, but for those that are `unsure`:
        these are left alone, for theirs may come.
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
        """Write down the beginning of calls that nobody of ours heard of, as Asterisk has it."""
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
            return  # it is marked as interrupted
        if live.accepted_at is not None:
            self._writer.put(records.LegAcknowledged(call, None, live.person, live.accepted_at))
        outcome = outcome_of(live, left_message=message is not None)
        self._writer.put(records.CallEnded(call, at, outcome))

    def _take_back(self, history: History, live: LiveCall) -> None:
        """Take back that somebody accepted who was joined to nobody, as Asterisk's records say."""
        row, person = history.call, live.person
        for leg in history.legs:
            if leg.result == "accepted" and leg.acknowledged_at is not None:
                self._writer.put(records.LegTooLate(row.id, leg.channel, leg.acknowledged_at))
        live.drop()
        if row.message:
            self._intake.given_up(row.message, person)

    def _agree(self, history: History) -> None:
        """Settle a message that came after its call's end, as while the database was locked."""
        row, message = history.call, history.message
        if row.urgency == "urgent" and row.outcome == "abandoned" and row.message is None:
            at = row.ended_at or self._clock.now()  # the standby told of it when it was over
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
        """Leave an urgent matter in good hands; a call that broke off may be half a matter."""
        unsaid = broke and not live.urgency and not live.blocked  # nobody could press a key yet
        unheard = broke or not self._intake.heard(live, at)
        if message is None and (live.is_urgent or unsaid) and unheard:
            number, held = live.callback or live.caller, not broke and live.accepted_at is not None
            message = self._intake.opened(
                call, number, "urgent", live.escalation, at=at, holding_=held
            )
        if message is not None:
            # how long they spoke before all broke off nobody knows: as one who was cut off
            ended_at = live.accepted_at if broke and live.accepted_at is not None else at
            message = self._intake.over(message, call, live, ended_at)
            self._writer.put(records.MessageOpened(call, message))
        return message

    def recordings(self) -> dict[str, Path]:
        """List the failsafe's recordings that no message has yet, by their calls."""
        found = {}
        for path in self._home.messages.glob(f"{FAILSAFE}*.wav"):
            match = _FAILSAFE.fullmatch(path.name)
            if match is not None and path.name not in self._recordings:
                found[match[1]] = path
        return found

    def take_recording(self, call: str, path: Path) -> None:
        """See to it that a message of a call that is over has the failsafe's recording."""
        place = f"{self._home.messages.name}/{path.name}"
        if get_call(self._engine, call) is None:  # nobody heard of it but Asterisk, who knows more
            self.end({call: self._clock.now()}, {})
        history = get_call(self._engine, call)
        held = history.message if history is not None else messages.get_message(self._engine, call)
        if held is None or place not in messages.recordings(self._engine, held.id):
            self._put(call, place, held, None if history is None else history.call.caller)
        self._recordings.add(path.name)

    def _put(self, call: str, place: str, held: MessageRow | None, caller: str | None) -> None:
        """Put a recording into the call's message, or open one: a settled one tells nobody."""
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
        else:  # of a call that joined, or said more when the control layer was gone
            messages.add_recording(self._engine, held.id, call, place, now)
