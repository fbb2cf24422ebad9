"""The FastAGI scripts: `route`, `consult`, `canary`, `pin` and `beat`."""

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

DURABLE_S = 0.5  # how long the caller waits for the database to store a message

log = structlog.get_logger()


class CallLog(Protocol):
    """Takes what handlers log; must not delay a call."""

    def turn(self, question: Question, verdict: Verdict) -> None:
        """Log a question and its verdict."""
        ...

    def missed(self, question: Question, verdict: Verdict) -> None:
        """Log a question whose verdict came too late."""
        ...

    def open_message(self, question: Question, verdict: Verdict) -> None:
        """Store a message before returning. Blocks."""
        ...

    def leave_message(self, question: Question, verdict: Verdict) -> None:
        """Store a message in the spool, without the database. Blocks."""
        ...


class Handlers:
    """Answers Asterisk's questions; `messages` is the folder for recordings.

    `heartbeat_came` is set by each heartbeat that arrives.
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
        # own threads, because the common ones may all be waiting for the database
        self._spilling = ThreadPoolExecutor(max_workers=2, thread_name_prefix="spill")
        self.heartbeat_came = asyncio.Event()

    def route(self, session: AgiSession) -> Awaitable[None] | None:
        """Answer one question with one verdict; store its message first, if there is one."""
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
        if not done:  # the database is slow; do not let the caller wait for it
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
        except OSError:  # record the caller anyway, because the recording alone is found later
            log.exception("message.not_durable", call=question.call)

    def _leave_message(self, question: Question, verdict: Verdict) -> None:
        try:
            self._log.leave_message(question, verdict)
        except OSError:
            log.exception("message.not_durable", call=question.call)

    def _asked(self, session: AgiSession) -> Question:
        return asked(session.request, self._plans.plan.office.country)

    def canary(self, session: AgiSession) -> None:
        """Answer our own test call; log nothing and ring nobody."""
        question = self._asked(session)
        verdict = trial.answer(self._plans, question, self._clock.now())
        session.conclude(variables(verdict, question, ""))

    async def consult(self, session: AgiSession) -> None:
        """Answer one question from the physician's menu."""
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
        """Return whether somebody keyed in their PIN; without an answer, pressing 1 accepts."""
        person, tried, digits, *_ = (*session.request.args, "", "", "")
        known = await self._pins.accept(person, digits)
        if known is not None:
            answer = "yes" if known else "no"
            session.conclude({names.PIN_VERDICT: f"{session.request.uniqueid}/{tried}/{answer}"})

    async def beat(self, session: AgiSession) -> None:
        """Store in Asterisk's database whom the failsafe should ring, and how."""
        dial = on_call_legs(self._plans.plan, self._plans.book, self._clock.now())
        for person, string in dial.items():
            await session.command(
                "DATABASE", "PUT", names.DB_FAMILY, f"{names.DB_TO}/{person}", string
            )
        await session.command("DATABASE", "PUT", names.DB_FAMILY, names.DB_DIAL, names.legs(dial))
        self.heartbeat_came.set()
