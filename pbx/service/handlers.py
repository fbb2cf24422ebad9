"""The FastAGI scripts: `route`, `consult` and `canary` answer for calls; `pin` and `beat`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import structlog

from dialplan import names
from pbx.asterisk.agi.session import AgiClosed, AgiSession
from pbx.base.clock import Clock
from pbx.calls import trial
from pbx.calls.callflow import CallFlow
from pbx.calls.conversation import Plans, Question, Verdict, asked, variables
from pbx.calls.legs import on_call_legs
from pbx.escalation.heard_messages import note_path
from pbx.escalation.physician_menu import PhysicianMenu
from pbx.escalation.pins import Pins

DURABLE_S = 0.5  # how long the database may take over a message while its caller waits

log = structlog.get_logger()


class CallLog(Protocol):
    """Where handlers leave what happened; nothing of it may hold up a call."""

    def turn(self, question: Question, verdict: Verdict) -> None:
        """Note a question and its verdict."""
        ...

    def missed(self, question: Question, verdict: Verdict) -> None:
        """Note a question whose asker did not wait for the verdict."""
        ...

    def open_message(self, question: Question, verdict: Verdict) -> None:
        """Make a message durable before returning; blocking."""
        ...

    def leave_message(self, question: Question, verdict: Verdict) -> None:
        """Make it durable without the database; blocking."""
        ...


class Handlers:
    """Answers Asterisk's questions; `messages` is the folder where recordings go.

    `heartbeat_came` is set by each heartbeat that comes through.
    """

    def __init__(
        self,
        flow: CallFlow,
        plans: Plans,
        call_log: CallLog,
        clock: Clock,
        messages: Path,
        line: PhysicianMenu,
        pins: Pins,
    ) -> None:
        self._flow = flow
        self._plans = plans
        self._log = call_log
        self._clock = clock
        self._messages = messages
        self._line = line
        self._pins = pins
        self._opening: set[asyncio.Task[None]] = set()
        # threads of its own, for the others may all be waiting for the database
        self._spilling = ThreadPoolExecutor(max_workers=2, thread_name_prefix="spill")
        self.heartbeat_came = asyncio.Event()

    def route(self, session: AgiSession) -> Awaitable[None] | None:
        """Answer one question with one verdict, at once; a message in it is durable before."""
        question = self._asked(session)
        verdict = self._flow.answer(question, self._clock.now())
        if verdict.message is not None:
            return self._answer_durably(session, question, verdict)
        self._answer(session, question, verdict)
        return None

    async def _answer_durably(
        self, session: AgiSession, question: Question, verdict: Verdict
    ) -> None:
        opening = asyncio.create_task(asyncio.to_thread(self._open_message, question, verdict))
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)
        done, _ = await asyncio.wait({opening}, timeout=DURABLE_S)
        if not done:  # the database lets us wait: the caller need not
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._spilling, self._leave_message, question, verdict)
        self._answer(session, question, verdict)

    def _answer(self, session: AgiSession, question: Question, verdict: Verdict) -> None:
        record = f"{self._messages}/{question.call}"
        try:
            session.conclude(variables(verdict, question, record))
        except AgiClosed:
            self._log.missed(question, verdict)
            raise
        self._log.turn(question, verdict)

    def _open_message(self, question: Question, verdict: Verdict) -> None:
        try:
            self._log.open_message(question, verdict)
        except OSError:  # the caller is recorded all the same: the file alone is a message too
            log.exception("message.not_durable", call=question.call)

    def _leave_message(self, question: Question, verdict: Verdict) -> None:
        try:
            self._log.leave_message(question, verdict)
        except OSError:
            log.exception("message.not_durable", call=question.call)

    def _asked(self, session: AgiSession) -> Question:
        return asked(session.request, self._plans.plan.office.country)

    def canary(self, session: AgiSession) -> None:
        """Answer for our own test call, of which nothing is logged and nobody rings."""
        question = self._asked(session)
        verdict = trial.answer(self._plans, question, self._clock.now())
        session.conclude(variables(verdict, question, ""))

    async def consult(self, session: AgiSession) -> None:
        """Answer one question of a person at a message, after a PIN."""
        question = self._asked(session)
        step = await self._line.answer(question)
        turn = int(question.turn) if question.turn.isdecimal() else 0
        record = note_path(self._messages, question.unique, turn)
        session.conclude(
            {
                names.VERB: step.verb,
                names.STATE: step.state.encode(),
                names.RECORD: str(record.with_suffix("")),
                **step.variables,
                names.VERDICT: f"{question.unique}/{question.turn}",
            }
        )

    async def pin(self, session: AgiSession) -> None:
        """Say whether somebody keyed in their own PIN; no answer lets a pressed 1 count."""
        person, tried, digits, *_ = (*session.request.args, "", "", "")
        known = await self._pins.accept(person, digits)
        if known is not None:
            answer = "yes" if known else "no"
            session.conclude({names.PIN_VERDICT: f"{session.request.uniqueid}/{tried}/{answer}"})

    async def beat(self, session: AgiSession) -> None:
        """Leave for the failsafe whom to ring, and how, in Asterisk's own database."""
        dial = on_call_legs(self._plans.plan, self._plans.book, self._clock.now())
        for person, string in dial.items():
            await session.command(
                "DATABASE", "PUT", names.DB_FAMILY, f"{names.DB_TO}/{person}", string
            )
        await session.command("DATABASE", "PUT", names.DB_FAMILY, names.DB_DIAL, names.legs(dial))
        self.heartbeat_came.set()
