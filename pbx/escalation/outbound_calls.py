"""Calls to patients, each within the office's limits; what is refused is never dialed."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from dialplan import names
from pbx.base.clock import Clock
from pbx.base.errors import OfficeLineError
from pbx.calls.conversation import Plans
from pbx.db import calls, outbound
from pbx.db.messages import MessageRow
from pbx.db.outbound import HeardPart, OutboundRequest, OverError, Request, Since
from pbx.escalation import talks
from routing import outbound as limits
from routing.instants import MIDNIGHT, instant, local_day
from routing.model import Line, Plan

RINGING = timedelta(minutes=2)  # of a call that lasts as long as it may, before it was answered

log = structlog.get_logger()


@dataclass(frozen=True)
class No:
    """Why a patient is not called, in half a sentence, and the prompt that says so."""

    why: str
    say: str


class OutboundCalls:
    """Asks the limits before each call to a patient, and keeps the count."""

    def __init__(self, engine: Engine, plans: Plans, clock: Clock) -> None:
        self._engine = engine
        self._plans = plans
        self._clock = clock
        self._late: dict[str, tuple[str | None, datetime]] = {}  # ends that are not written yet

    async def refuses(self, person: str, number: str, message: str | None = None) -> No | None:
        """Say whether a person may not call this number now; what is refused of a message is noted.

        It may still be refused when it is placed.
        """
        return await asyncio.to_thread(self._refuses, person, number, message)

    async def place_for_message(
        self, person: str, message: MessageRow, call: str, heard: HeardPart | None = None
    ) -> dict[str, str] | No:
        """Place the call to a message's patient: what the dialplan must know to dial, or why not.

        `call` is the id of the person's leg; they `heard` so much of the message.
        """
        return await asyncio.to_thread(self._place_message, person, message, call, heard)

    async def place_requested(self, request: int, call: str) -> dict[str, str] | No:
        """Place the call that a command asked for, which shows the person's direct line if any."""
        return await asyncio.to_thread(self._place_requested, request, call)

    async def accepted(self, request: int) -> None:
        """Note that whom a command has called pressed 1."""
        await asyncio.to_thread(outbound.accepted, self._engine, request)

    async def answered(self, call: str, at: datetime) -> None:
        """Note when the patient answered, unless that is known."""
        try:
            await asyncio.to_thread(outbound.answered, self._engine, call, at)
        except OfficeLineError as error:  # Asterisk tells it again at the end
            log.warning("outbound.unwritten", call=call, error=str(error))

    async def ended(
        self, call: str, otherwise: str | None = None, at: datetime | None = None
    ) -> None:
        """Note the end of a person's leg, or of the patient's.

        See `pbx.escalation.talks.end_talk`. What the database does not take now it takes later.
        """
        at = at or self._clock.now()
        try:
            await asyncio.to_thread(self._ended, call, otherwise, at)
        except (OfficeLineError, SQLAlchemyError) as error:
            log.warning("outbound.unwritten", call=call, error=type(error).__name__)
            self._late[call] = (otherwise, at)

    async def said(self, call: str, *, reached: bool) -> None:
        """Note that the person says whether they reached the patient."""
        result: outbound.Result = "talked" if reached else "answered"
        await asyncio.to_thread(outbound.said, self._engine, call, result)

    async def resync(self, live: Collection[str]) -> None:
        """End what nobody heard the end of; `live` are the calls that there are."""
        try:
            plan, now = self._plans.plan, self._clock.now()
            await asyncio.to_thread(talks.end_gone, self._engine, plan, live, now)
        except OfficeLineError as error:
            log.warning("outbound.unwritten", error=str(error))

    async def take(self) -> Request | None:
        """Take up a call that a command asked for; and what the database did not take before."""
        for call, (otherwise, at) in list(self._late.items()):
            await asyncio.to_thread(self._ended, call, otherwise, at)
            del self._late[call]
        return await asyncio.to_thread(outbound.take_request, self._engine, self._clock.now())

    async def drop(self, request: Request, no: No) -> None:
        """End a request that is refused before anybody was called."""
        now = self._clock.now()
        await asyncio.to_thread(outbound.note_refused, self._engine, request.id, no.why, now)

    def _ended(self, call: str, otherwise: str | None, at: datetime) -> None:
        for row in outbound.going_on(self._engine, call):
            talks.end_talk(self._engine, self._plans.plan, row, otherwise, at)

    def _refuses(self, person: str, number: str, message: str | None) -> No | None:
        plan, now = self._plans.plan, self._clock.now()
        no = forbidden(plan, number)
        if no is None:
            no = limit_reached(
                plan, number, *outbound.counts(self._engine, person, counted_since(plan, now), now)
            )
        if no is not None:
            self._noted(person, message, no)
        return no

    def _place(self, wanted: OutboundRequest, line: Line | None) -> dict[str, str] | No:
        plan, now = self._plans.plan, self._clock.now()
        assess = partial(limit_reached, plan, wanted.number)
        no = forbidden(plan, wanted.number)
        no = no or outbound.place_outbound(
            self._engine, wanted, counted_since(plan, now), assess, now
        )
        if no is not None:
            self._noted(wanted.person, wanted.message, no)
            if wanted.request:
                outbound.note_refused(self._engine, wanted.request, no.why, now)
            return no
        return {
            names.SAY: "calling-patient",
            names.DIAL: f"PJSIP/{wanted.number}@{names.TRUNK_OUT}",
            names.LONGEST: str(limits.longest_s(plan.outbound, wanted.number)),
            names.SHOW: limits.shown(plan, line),
        }

    def _place_message(
        self, person: str, message: MessageRow, call: str, heard: HeardPart | None
    ) -> dict[str, str] | No:
        did = calls.dialed_did(self._engine, message.call)
        number = message.callback_number or ""
        wanted = OutboundRequest(person, number, call, message=message.id, heard=heard)
        return self._place(wanted, self._plans.plan.line_of(did))

    def _place_requested(self, request: int, call: str) -> dict[str, str] | No:
        row = outbound.get_request(self._engine, request)
        if row is None:
            raise OverError(f"There is no call {request}; request another one.")
        lines = self._plans.plan.lines
        own = next((line for line in lines if line.owner == row.person), None)
        return self._place(OutboundRequest(row.person, row.number, call, request=request), own)

    def _noted(self, person: str, message: str | None, no: No) -> None:
        log.warning("outbound.refused", person=person, why=no.why)
        if message is not None:
            outbound.note_refusal(self._engine, message, person, no.why, self._clock.now())


def forbidden(plan: Plan, number: str) -> No | None:
    """Say that a number is never called."""
    why = limits.refused(plan, number)
    return None if why is None else No(why, "number-refused")


def limit_reached(plan: Plan, number: str, today: int, running: int) -> No | None:
    """Say which limit a person's next call would break."""
    why = limits.capped(plan.outbound, number, today=today, running=running)
    if why is None:
        return None
    return No(why, "limit-reached" if today >= plan.outbound.per_day else "lines-busy")


def counted_since(plan: Plan, now: datetime) -> Since:
    """Tell from when on calls count: from the office's midnight, and as long as one may last."""
    zone = plan.office.zone
    day = instant(local_day(now, zone), MIDNIGHT, zone).astimezone(UTC)
    return Since(day, timedelta(minutes=plan.outbound.minutes) + RINGING)
