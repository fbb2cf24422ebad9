"""The messages of calls that go on: durable before anything is said, settled with the call's end.

A method blocks for the disk, on whatever thread, unless it is async or says "at once".
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from queue import Empty, SimpleQueue

import structlog
from sqlalchemy.exc import SQLAlchemyError

from pbx.base.clock import Clock
from pbx.base.errors import OfficeLineError
from pbx.calls.record.intake import Intake
from pbx.calls.record.live_calls import Acceptance, LiveCall
from pbx.calls.record.spool import Fact, Spool
from pbx.calls.turns import MessageDraft
from pbx.db import records
from pbx.db.writer import LogWriter

log = structlog.get_logger()


class CallMessages:
    """Knows the message of each call, and has `intake` write it; without a database the spool."""

    def __init__(self, intake: Intake, spool: Spool, writer: LogWriter, clock: Clock) -> None:
        self._intake = intake
        self._spool = spool
        self._writer = writer
        self._clock = clock
        self._messages: dict[str, str] = {}
        self._void: SimpleQueue[tuple[str, str]] = SimpleQueue()  # calls, who accepted in vain

    def __contains__(self, call: str) -> bool:
        """Tell at once whether a call has a message."""
        return call in self._messages

    def know(self, call: str, message: str) -> None:
        """Take up, at once, which message a call has that others opened."""
        self._messages[call] = message

    def forget(self, call: str) -> bool:
        """Let go, at once, of a call that is over; tell whether it had a message."""
        return self._messages.pop(call, None) is not None

    def open(self, call: str, urgency: str | None, draft: MessageDraft) -> None:
        """Open a call's message; in the spool, where the database cannot be written."""
        try:
            self._open(call, draft.number, urgency, draft.escalation)
        except OSError:
            self.leave(call, draft)
            log.warning("message.spilled", call=call)

    def leave(self, call: str, draft: MessageDraft) -> None:
        """Leave a message for the database, which gets it later; OSError."""
        self._spool.put(Fact(call, self._clock.now(), (), draft))

    def _open(
        self,
        call: str,
        number: str | None,
        urgency: str | None,
        escalation: str,
        *,
        over: bool = False,
    ) -> None:
        message = self._intake.opened(
            call, number, urgency or "urgent", escalation, holding_=not over
        )
        self._messages[call] = message
        self._writer.put(records.MessageOpened(call, message))

    def void(self, call: str, person: str) -> None:
        """Note, at once, that somebody accepted in vain; `take_back` tells the message."""
        self._void.put((call, person))

    @property
    def is_due(self) -> bool:
        """Tell at once whether there is anything to take back."""
        return not self._void.empty()

    def take_back(self) -> None:
        """Let the follow-up have the messages again that somebody accepted in vain."""
        while True:
            try:
                call, person = self._void.get_nowait()
            except Empty:
                return
            if message := self._messages.get(call):
                try:
                    self._intake.given_up(message, person)
                except (OfficeLineError, OSError, SQLAlchemyError):
                    log.exception("message.not_durable", call=call)

    async def accepted(self, call: str, live: LiveCall, heard: Acceptance) -> bool:
        """Note at its message who accepted; tell whether the caller waits for them no more.

        The caller may have pressed star, or be in a later step, or be so in this very moment. What
        a locked database does not take now is settled with the call's end.
        """
        message, intake = self._messages.get(call), self._intake
        if message and not (live.accepted_at or live.is_past(heard.turn)):
            try:
                await asyncio.to_thread(intake.accepted, message, call, heard.person, heard.at)
                if live.is_past(heard.turn):
                    await asyncio.to_thread(intake.given_up, message, heard.person)
            except (OfficeLineError, OSError, SQLAlchemyError):
                log.exception("message.not_durable", call=call)
        return live.is_past(heard.turn)

    def settle(self, call: str, live: LiveCall, ended_at: datetime) -> None:
        """Leave a call in good hands: an urgent caller who spoke to nobody leaves a message."""
        heard = self._intake.heard(live, ended_at)
        try:
            if (live.unjudged or call not in self) and live.is_urgent and not heard:
                number, over = live.callback or live.caller, live.accepted_at is None
                try:
                    self._open(call, number, "urgent", live.escalation, over=over)
                except OSError:
                    self.leave(call, MessageDraft(number, "urgent", live.escalation))
            if message := self._messages.get(call):
                anew = self._intake.over(message, call, live, ended_at)
                self._writer.put(records.MessageOpened(call, anew))
        except (OfficeLineError, OSError, SQLAlchemyError):
            log.exception("message.not_durable", call=call)
