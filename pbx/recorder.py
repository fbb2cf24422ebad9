"""What happened to each call, from our own verdicts and Asterisk's events, put into the log."""

from __future__ import annotations

import asyncio
import hmac
import re
import threading
from dataclasses import dataclass
from pathlib import Path

import structlog
from sqlalchemy import Engine

from dialplan import names
from pbx.ami.protocol import AmiEvent
from pbx.callflow import Question, Verdict
from pbx.clock import Clock
from pbx.errors import OfficeLineError
from pbx.home import Home
from pbx.store import messages, records
from pbx.store.calls import get_call
from pbx.store.database import open_database
from pbx.store.writer import LogWriter, mark_interrupted
from routing.model import Plan

log = structlog.get_logger()

_LEG = re.compile(rf"Local/([a-z0-9_-]+)@{names.LEG}-")
# What became of a leg, by the DialStatus of Asterisk's DialEnd.
_RESULTS = {
    "BUSY": "busy",
    "NOANSWER": "no answer",
    "CANCEL": "cancelled",
    "ABORT": "cancelled",
    "CONGESTION": "unreachable",
    "CHANUNAVAIL": "unreachable",
}


@dataclass
class _Leg:
    """A phone that rings or talks."""

    call: str
    person: str
    is_desk: bool
    answered: bool = False


@dataclass
class _Live:
    """A call that goes on: what its end must know."""

    urgency: str
    caller: str | None = None
    callback: str = ""
    accepted: bool = False
    message: str = ""
    failsafe: bool = False
    blocked: bool = False


class Recorder:
    """Feeds the writer; messages alone go straight to the disk, and block."""

    def __init__(self, writer: LogWriter, home: Home, plan: Plan, clock: Clock, token: str) -> None:
        self._writer = writer
        self._home = home
        self._plan = plan
        self._clock = clock
        self._token = token
        self._live: dict[str, _Live] = {}
        self._legs: dict[str, _Leg] = {}
        self._engine: Engine | None = None
        self._lock = threading.Lock()

    def open(self) -> None:
        """Open the database, blocking; an OfficeLineError says what is wrong with it."""
        self._engine = open_database(self._home.database)

    def turn(self, question: Question, verdict: Verdict, plan: Plan) -> None:
        """Note what was asked and answered."""
        now = self._clock.now()
        call = question.call
        live = self._live.get(call)
        if live is None:
            live = self._live[call] = _Live(verdict.state.urgency, question.caller)
            line = plan.line_of(question.did)
            self._writer.put(
                records.CallStarted(
                    call,
                    now,
                    line=line.name if line else "",
                    did=question.did,
                    caller=question.caller,
                    plan=plan.hash,
                )
            )
        live.urgency = verdict.state.urgency or live.urgency
        live.callback = verdict.state.callback or live.callback
        live.blocked = verdict.verb == names.REJECT
        if verdict.decision is not None:
            decision = verdict.decision
            self._writer.put(
                records.Decided(
                    call,
                    now,
                    turn=int(question.turn),
                    kind=decision.kind,
                    target=decision.target,
                    urgency=decision.urgency,
                    reasons=decision.reasons,
                )
            )
        detail = {"event": question.event, "verb": verdict.verb}
        self._writer.put(records.EventNoted(call, now, "turn", detail))

    def open_message(self, question: Question, verdict: Verdict) -> None:
        """Make a message durable before anything is said to the caller; blocking."""
        self._open_message(question.call, question.caller, verdict.state.callback, verdict.message)

    def _open_message(
        self, call: str, caller: str | None, callback: str, urgency: str | None
    ) -> None:
        if self._engine is None:
            raise OSError("the database is not open")
        recording = Path(self._home.messages.name) / f"{call}.wav"
        messages.open_message(
            self._engine,
            message_id=call,
            call=call,
            at=self._clock.now(),
            urgency=urgency or "urgent",
            callback_number=callback or caller,
            recording=str(recording),
        )
        with self._lock:
            if live := self._live.get(call):
                live.message = call
        self._writer.put(records.MessageOpened(call, call))

    async def event(self, event: AmiEvent) -> None:
        """Take one of Asterisk's events, in their order."""
        match event.name:
            case "DialBegin":
                self._dial_began(event)
            case "DialEnd":
                self._dial_ended(event)
            case "UserEvent" if event.fields.get("UserEvent") == names.USER_EVENT:
                self._told(event)
            case "Hangup":
                await self._hung_up(event)

    async def resync(self, live: frozenset[str]) -> None:
        """Catch up with what nobody listened to: end what is gone, take up again what goes on."""
        await asyncio.to_thread(self._resync, live)

    def _resync(self, live: frozenset[str]) -> None:
        self._writer.flush()
        if self._engine is None:
            return
        try:
            mark_interrupted(self._engine, live)
            known = [get_call(self._engine, call) for call in live - set(self._live)]
        except OfficeLineError:
            log.exception("calllog.resync_failed")
            return
        for call in set(self._live) - live:
            del self._live[call]
        for history in known:
            if history is not None:
                row = history.call
                self._live[row.id] = _Live(
                    row.urgency or "",
                    row.caller,
                    accepted=row.person is not None,
                    message=row.message or "",
                )

    def _dial_began(self, event: AmiEvent) -> None:
        """A phone begins to ring: the inner dial of a person's Local channel."""
        match = _LEG.match(event.fields.get("Channel", ""))
        leg = event.fields.get("DestUniqueid", "")
        call = event.fields.get("DestLinkedid", "")
        if match is None or not event.fields.get("DestChannel", "").startswith("PJSIP/"):
            return
        person = match[1]
        is_desk = person in self._plan.phones
        self._legs[leg] = _Leg(call, person, is_desk)
        kind: records.LegKind = "desk" if is_desk else "mobile"
        self._writer.put(records.LegStarted(call, leg, self._clock.now(), person, kind))

    def _dial_ended(self, event: AmiEvent) -> None:
        unique = event.fields.get("DestUniqueid", "")
        leg = self._legs.get(unique)
        if leg is None:
            return
        now = self._clock.now()
        status = event.fields.get("DialStatus", "")
        if status != "ANSWER":
            # whoever picked up and pressed nothing, a voicemail for one, declined
            result = "declined" if leg.answered else _RESULTS.get(status, "no answer")
            self._writer.put(records.LegEnded(leg.call, unique, now, result))
            del self._legs[unique]
        elif leg.is_desk:  # a desk phone has no carrier's voicemail: whoever answers is human
            self._writer.put(records.LegAnswered(leg.call, unique, now))
            self._accepted(leg.call, unique, leg.person)

    def _told(self, event: AmiEvent) -> None:
        """Take a word of our own dialplan; without the token it is a stranger's."""
        if not hmac.compare_digest(event.fields.get("Token", ""), self._token):
            log.warning("ami.foreign_user_event")
            return
        call, what = event.fields.get("Call", ""), event.fields.get("What", "")
        leg, person = event.fields.get("Uniqueid", ""), event.fields.get("Who", "")
        now = self._clock.now()
        match what:
            case names.LEG_ANSWERED:
                self._writer.put(records.LegAnswered(call, leg, now))
                if known := self._legs.get(leg):
                    known.answered = True
            case names.LEG_ACCEPTED:
                self._accepted(call, leg, person)
            case names.LEG_DECLINED:
                self._writer.put(records.LegEnded(call, leg, now, "declined"))
                self._legs.pop(leg, None)
            case names.FAILSAFE_ENTERED:
                self._live.setdefault(call, _Live("urgent")).failsafe = True
        self._writer.put(records.EventNoted(call, now, what, {"who": person} if person else {}))

    def _accepted(self, call: str, leg: str, person: str) -> None:
        if live := self._live.get(call):
            live.accepted = True
        self._writer.put(records.LegAcknowledged(call, leg, person, self._clock.now()))

    async def _hung_up(self, event: AmiEvent) -> None:
        unique, call = event.fields.get("Uniqueid", ""), event.fields.get("Linkedid", "")
        now = self._clock.now()
        if unique in self._legs:
            self._legs.pop(unique)
            # a leg that was accepted keeps that result; any other ended without an answer of 1
            self._writer.put(records.LegEnded(call, unique, now, "declined"))
        if unique != call or call not in self._live:
            return
        live = self._live.pop(call)
        if live.urgency == "urgent" and not live.accepted and not live.message:
            await asyncio.to_thread(self._leave_open, call, live)
        self._writer.put(records.CallEnded(call, now, _outcome(live)))

    def _leave_open(self, call: str, live: _Live) -> None:
        """An urgent caller who hung up before anybody accepted leaves a message all the same."""
        try:
            self._open_message(call, live.caller, live.callback, "urgent")
            live.message = call
        except OSError:
            log.exception("message.not_durable", call=call)


def _outcome(live: _Live) -> str:
    if live.accepted:
        return "connected"
    if live.failsafe:
        return "failsafe"
    if live.blocked:
        return "blocked"
    return "message" if live.message else "abandoned"
