"""Calls to patients, each checked against the office's limits before it is dialed."""

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

RINGING = timedelta(minutes=2)  # added to the longest talk time, for the time before the answer

log = structlog.get_logger()


@dataclass(frozen=True)
class No:
    """Why a patient is not called, as part of a sentence, and the prompt for it."""

    why: str
    say: str


class OutboundCalls:
    """Checks the limits before each call to a patient, and counts the calls."""

    def __init__(self, engine: Engine, plans: Plans, clock: Clock) -> None:
        self._engine = engine
        self._plans = plans
        self._clock = clock
        self._late: dict[str, tuple[str | None, datetime]] = {}  # ends still to be written

    async def refuses(self, person: str, number: str, message: str | None = None) -> No | None:
        """Return why a person may not call this number now, else None; note it at the message.

        The call may still be refused when it is placed.
        """
        return await asyncio.to_thread(self._refuses, person, number, message)

    async def place_for_message(
        self, person: str, message: MessageRow, call: str, heard: HeardPart | None = None
    ) -> dict[str, str] | No:
        """Place the call to a message's patient; return the dialplan's variables, or why not.

        `call` is the id of the person's leg; `heard` is how much of the message they heard.
        """
        return await asyncio.to_thread(self._place_message, person, message, call, heard)

    async def place_requested(self, request: int, call: str) -> dict[str, str] | No:
        """Place the call that a command requested; it shows the person's direct line, if any."""
        return await asyncio.to_thread(self._place_requested, request, call)

    async def accepted(self, request: int) -> None:
        """Note that the person of a requested call pressed 1."""
        await asyncio.to_thread(outbound.accepted, self._engine, request)

    async def answered(self, call: str, at: datetime) -> None:
        """Note when the patient answered, unless that is noted already."""
        try:
            await asyncio.to_thread(outbound.answered, self._engine, call, at)
        except OfficeLineError as error:  # the event at the end of the call says it again
            log.warning("outbound.unwritten", call=call, error=str(error))

    async def ended(
        self, call: str, otherwise: str | None = None, at: datetime | None = None
    ) -> None:
        """Note the end of the person's or the patient's leg.

        See `pbx.escalation.talks.end_talk`. If the database refuses, it is written later.
        """
        at = at or self._clock.now()
        try:
            await asyncio.to_thread(self._ended, call, otherwise, at)
        except (OfficeLineError, SQLAlchemyError) as error:
            log.warning("outbound.unwritten", call=call, error=type(error).__name__)
            self._late[call] = (otherwise, at)

    async def said(self, call: str, *, reached: bool) -> None:
        """Note that the person answered whether they reached the patient."""
        result: outbound.Result = "talked" if reached else "answered"
        await asyncio.to_thread(outbound.said, self._engine, call, result)

    async def resync(self, live: Collection[str]) -> None:
        """End the calls whose end we missed: those that are not `live`."""
        try:
            plan, now = self._plans.plan, self._clock.now()
            await asyncio.to_thread(talks.end_gone, self._engine, plan, live, now)
        except OfficeLineError as error:
            log.warning("outbound.unwritten", error=str(error))

    async def take(self) -> Request | None:
        """Return the next requested call, if any; also write ends that are still unwritten."""
        for call, (otherwise, at) in list(self._late.items()):
            await asyncio.to_thread(self._ended, call, otherwise, at)
            del self._late[call]
        return await asyncio.to_thread(outbound.take_request, self._engine, self._clock.now())

    async def drop(self, request: Request, no: No) -> None:
        """End a request that was refused before anybody was called."""
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
    """Return a refusal if the number must never be called."""
    why = limits.refused(plan, number)
    return None if why is None else No(why, "number-refused")


def limit_reached(plan: Plan, number: str, today: int, running: int) -> No | None:
    """Return a refusal if a person's next call would exceed a limit."""
    why = limits.capped(plan.outbound, number, today=today, running=running)
    if why is None:
        return None
    return No(why, "limit-reached" if today >= plan.outbound.per_day else "lines-busy")


def counted_since(plan: Plan, now: datetime) -> Since:
    """Return since when calls count: today's in the office's time zone, and ongoing ones."""
    zone = plan.office.zone
    day = instant(local_day(now, zone), MIDNIGHT, zone).astimezone(UTC)
    return Since(day, timedelta(minutes=plan.outbound.minutes) + RINGING)
