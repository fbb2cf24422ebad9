"""Log what happened to each call, from our verdicts and Asterisk's events."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime
from functools import partial

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from dialplan import names
from pbx.asterisk.ami.events import AsteriskEvent, DialBegin, DialEnd, HangupEvent, UserEvent
from pbx.base.clock import Clock
from pbx.base.errors import OfficeLineError
from pbx.base.phone_numbers import shown_number
from pbx.calls import turns
from pbx.calls.conversation import Plans, Question, Verdict
from pbx.calls.record.call_messages import CallMessages
from pbx.calls.record.catch_up import CatchUp
from pbx.calls.record.deferred_work import DeferredWork
from pbx.calls.record.intake import Intake
from pbx.calls.record.live_calls import RESULTS, Acceptance, LiveCall, LiveLeg, is_human, outcome_of
from pbx.calls.record.spool import Fact, Spool
from pbx.config.home import Home
from pbx.db import records
from pbx.db.batch import UnusableError
from pbx.db.calls import History, get_call
from pbx.db.writer import LogWriter

log = structlog.get_logger()


class Recorder:
    """Feeds the writer; only messages (`CallMessages`) go straight to the database and block.

    `notify` is called, on any thread, if the follow-up has to look at a message.
    """

    def __init__(
        self,
        engine: Engine,
        writer: LogWriter,
        home: Home,
        plans: Plans,
        clock: Clock,
        token: str,
        notify: Callable[[], None] = lambda: None,
    ) -> None:
        self._engine = engine
        self._writer = writer
        self._plans = plans
        self._clock = clock
        self._token = token
        self._live: dict[str, LiveCall] = {}
        self._legs: dict[str, LiveLeg] = {}
        self._deferred_work = DeferredWork()
        intake = Intake(engine, home, plans, clock, notify, self._waiting)
        self.catch_up = CatchUp(engine, home, writer, intake, clock)
        self._messages = CallMessages(intake, Spool(home.spool), writer, clock)
        self.unheard: dict[str, datetime] = {}  # calls to look up in Asterisk's records

    def _waiting(self) -> set[str]:
        """Return the ongoing calls that nobody has accepted. May run on any thread."""
        return {call for call, live in list(self._live.items()) if live.accepted_at is None}

    @property
    def talking(self) -> frozenset[str]:
        """Return the ongoing calls that somebody has accepted."""
        live = list(self._live.items())
        return frozenset(call for call, one in live if one.accepted_at is not None)

    def turn(self, question: Question, verdict: Verdict) -> None:
        """Log a question and its verdict a moment later."""
        self._deferred_work.later(partial(self._turn, question, verdict, self._clock.now()))

    def settle(self) -> None:
        """Log at once what still waits to be logged."""
        self._deferred_work.settle()

    def _turn(self, question: Question, verdict: Verdict, now: datetime) -> None:
        plan = self._plans.by_hash(verdict.state.plan) or self._plans.plan
        call = question.call
        if call not in self._live:
            self._live[call] = LiveCall(verdict.state.urgency, question.caller)
        self._drop(call, self._live[call].take(question, verdict))
        for record in turns.turn_records(question, verdict, plan, now):
            self._writer.put(record)

    def _drop(self, call: str, acceptance: Acceptance | None) -> None:
        """Remove from the log, and soon from the message, an acceptance that connected nobody."""
        if acceptance is not None:
            self._writer.put(records.LegTooLate(call, acceptance.leg, acceptance.at))
            self._messages.void(call, acceptance.person)

    def missed(self, question: Question, verdict: Verdict) -> None:
        """Log a question whose answer came too late: the caller hung up or is with the standby.

        What the standby logged about the call is newer.
        """
        self._deferred_work.settle()
        if question.call not in self._live:
            self._turn(question, verdict, self._clock.now())
            self.unheard[question.call] = self._clock.now()

    def open_message(self, question: Question, verdict: Verdict) -> None:
        """Store a message before the caller hears anything. Blocks."""
        self._messages.open(question.call, verdict.message, turns.draft(question, verdict))

    def leave_message(self, question: Question, verdict: Verdict) -> None:
        """Store a message in the spool, to be imported later. Blocks; raises OSError."""
        self._messages.leave(question.call, turns.draft(question, verdict))

    async def event(self, event: AsteriskEvent) -> None:
        """Handle one of Asterisk's events, in their order."""
        if isinstance(event, DialBegin):  # Asterisk must ring the phone first
            self._deferred_work.later(partial(self._dial_began, event))
            return
        self._deferred_work.settle()
        if self._messages.is_due:
            await asyncio.to_thread(self._messages.take_back)
        match event:
            case DialEnd():
                await self._dial_ended(event)
            case UserEvent():
                await self._reported(event)
            case HangupEvent():
                await self._hung_up(event)

    async def resync(self, ask: Callable[[], Awaitable[frozenset[str]]]) -> frozenset[str]:
        """Catch up after a time without events: end calls that are gone, resume the others.

        `ask` returns the live calls; a call that begins meanwhile does not count as gone.
        """
        self._deferred_work.settle()
        await asyncio.to_thread(self._messages.take_back)
        since, before = self._clock.now(), set(self._live)
        live = await ask()
        await asyncio.to_thread(self._resync, live, since, before)
        return live

    def _resync(self, live: frozenset[str], since: datetime, before: set[str]) -> None:
        self._writer.flush()
        gone = {call: one for call, one in list(self._live.items()) if call in before - live}
        try:
            self.catch_up.end_all(live, gone, since)
            known = [get_call(self._engine, call) for call in live - set(self._live)]
        except (OfficeLineError, OSError, SQLAlchemyError, UnusableError):
            log.exception("calllog.resync_failed")
            return
        for call in gone:
            self.forget(call)
        for live_ in list(self._live.values()):
            live_.patchy = True
        for history in known:
            if history is not None:
                self._take_up(history)

    def _take_up(self, history: History) -> None:
        """Resume a call whose start another process logged."""
        row = history.call
        self._live[row.id] = LiveCall(
            row.urgency or "", row.caller, accepted_at=row.acknowledged_at, person=row.person or ""
        )
        self._live[row.id].patchy = True
        if row.message:
            self._messages.know(row.id, row.message)

    def taken(self, fact: Fact, message: str | None) -> None:
        """Resume a call that the standby answered, from the fact that it left."""
        if fact.question is not None and fact.verdict is not None:
            live = self._live.setdefault(fact.call, LiveCall("", fact.question.caller))
            live.patchy = True
            self._drop(fact.call, live.take(fact.question, fact.verdict))
        if message is not None:
            self._messages.know(fact.call, message)
        self._messages.take_back()

    def held(self, calls: Collection[str]) -> dict[str, LiveCall]:
        """Return what is known about those of these calls whose end we have not seen."""
        return {call: self._live[call] for call in calls if call in self._live}

    def forget(self, call: str) -> None:
        """Forget a call that was ended elsewhere."""
        self._live.pop(call, None)
        self._messages.forget(call)

    def _dial_began(self, event: DialBegin) -> None:
        """Note that a phone begins to ring: the inner dial of a person's Local channel."""
        person, call = names.person_of(event.channel), event.call
        if person is None or not event.leg_channel.startswith("PJSIP/"):
            return
        if call.startswith(names.FOLLOW_UP_CALL):  # a call of the follow-up, not a patient's
            return
        is_desk = is_human(self._plans.plan, person, event.leg_channel)
        self._legs[event.leg] = LiveLeg(call, person, is_desk)
        kind: records.LegKind = "desk" if is_desk else "mobile"
        self._writer.put(records.LegStarted(call, event.leg, event.at, person, kind))

    async def _dial_ended(self, event: DialEnd) -> None:
        unique, now = event.leg, event.at
        leg = self._legs.get(unique)
        if leg is None:
            return
        if event.status != "ANSWER":
            # answered without a key press, for example by voicemail, counts as declined
            result = "declined" if leg.answered else RESULTS.get(event.status, "no answer")
            self._writer.put(records.LegEnded(leg.call, unique, now, result))
            del self._legs[unique]
        elif leg.is_desk:  # a desk phone has no voicemail, so a human answered
            self._writer.put(records.LegAnswered(leg.call, unique, now))
            live = self._live.get(leg.call)
            turn = None if live is None or live.patchy else live.turn
            await self._accepted(leg.call, Acceptance(leg.person, unique, now, turn))

    def is_ours(self, event: UserEvent) -> bool:
        """Return whether our dialplan sent this: a caller cannot know its token."""
        return hmac.compare_digest(event.token, self._token)

    async def _reported(self, event: UserEvent) -> None:
        """Handle an event from our dialplan; ignore it if the token is wrong."""
        if not self.is_ours(event):
            log.warning("ami.foreign_user_event")
            return
        call, what, now = event.about, event.what, event.at
        if call.startswith(names.FOLLOW_UP_CALL) or what.startswith(names.CANARY):
            return  # not a patient's call
        leg, person = event.unique, event.who
        match what:
            case names.LEG_ANSWERED:
                self._writer.put(records.LegAnswered(call, leg, now))
                if known := self._legs.get(leg):
                    known.answered = True
            case names.LEG_ACCEPTED:
                turn = int(event.turn) if event.turn.isdigit() else None
                heard = Acceptance(person, leg, now, turn)
                await self._accepted(call, heard)
            case names.LEG_DECLINED | names.LEG_TOO_LATE:
                result = "declined" if what == names.LEG_DECLINED else "too late"
                self._writer.put(records.LegEnded(call, leg, now, result))
                self._legs.pop(leg, None)
            case names.FULL:
                log.error("line.full", call=call)
                return
            case _:
                self._call_reported(event)
        self._writer.put(records.EventNoted(call, now, what, {"who": person} if person else {}))

    def _call_reported(self, event: UserEvent) -> None:
        """Handle an event about the call itself, not about one of its legs."""
        call = event.about
        match event.what:
            case names.NUMBER_KEYED if call in self._live:
                self._live[call].key_in(self._plans.plan, event.number)
            case names.FAILSAFE_ENTERED:
                caller = shown_number(event.caller, self._plans.plan.office.country)
                self._writer.put(records.CallStarted(call, event.at, "", "", caller, ""))
                self._live.setdefault(call, LiveCall("urgent", caller)).failsafe = True
            case names.FAILSAFE_RECORDED if call in self._live:
                self._drop(call, self._live[call].drop())

    async def _accepted(self, call: str, heard: Acceptance) -> None:
        live = self._live.get(call)
        if live is not None and await self._messages.accepted(call, live, heard):
            self._writer.put(records.LegEnded(call, heard.leg, heard.at, "too late"))
            return
        self._writer.put(records.LegAcknowledged(call, heard.leg, heard.person, heard.at))
        if live is not None:
            live.accept(heard)

    async def _hung_up(self, event: HangupEvent) -> None:
        unique, call, now = event.unique, event.call, event.at
        if unique in self._legs:
            self._legs.pop(unique)
            # a leg that was accepted keeps its result; any other ended without a 1
            self._writer.put(records.LegEnded(call, unique, now, "declined"))
        if unique != call:
            return
        if call not in self._live or self._live[call].patchy:
            if event.is_phone:  # and not one that the office placed
                self.unheard[call] = now
            return
        live = self._live.pop(call)
        if live.is_urgent or call in self._messages:  # other calls have nothing to settle
            await asyncio.to_thread(self._messages.settle, call, live, now)
        left = self._messages.forget(call)
        self._writer.put(records.CallEnded(call, now, outcome_of(live, left_message=left)))
