"""Messages of ongoing calls: written to the disk before a prompt, settled when the call ends.

Methods block for the disk and may run on any thread, unless async or described as "at once".
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
    """Knows each call's message; `intake` writes it, or the spool if the database refuses."""

    def __init__(self, intake: Intake, spool: Spool, writer: LogWriter, clock: Clock) -> None:
        self._intake = intake
        self._spool = spool
        self._writer = writer
        self._clock = clock
        self._messages: dict[str, str] = {}
        self._void: SimpleQueue[tuple[str, str]] = SimpleQueue()  # not connected

    def __contains__(self, call: str) -> bool:
        """Return at once whether a call has a message."""
        return call in self._messages

    def know(self, call: str, message: str) -> None:
        """Note at once the message that somebody else opened for a call."""
        self._messages[call] = message

    def forget(self, call: str) -> bool:
        """Forget at once a call that is over; return whether it had a message."""
        return self._messages.pop(call, None) is not None

    def open(self, call: str, urgency: str | None, draft: MessageDraft) -> None:
        """Open a call's message, in the spool if the database cannot be written."""
        try:
            self._open(call, draft.number, urgency, draft.escalation)
        except OSError:
            self.leave(call, draft)
            log.warning("message.spilled", call=call)

    def leave(self, call: str, draft: MessageDraft) -> None:
        """Write a message to the spool, to be imported later. Raises OSError."""
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
        """Note at once that who accepted was not connected; `take_back` updates the message."""
        self._void.put((call, person))

    @property
    def is_due(self) -> bool:
        """Return at once whether there is anything to take back."""
        return not self._void.empty()

    def take_back(self) -> None:
        """Return messages to the follow-up if who accepted them was not connected."""
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
        """Note at the message who accepted; return whether the caller no longer waits for them.

        The caller may just have pressed star or moved on to a later step. If the database is
        locked now, the message is settled when the call ends.
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
        """Settle a call that is over: an urgent caller who spoke to nobody gets a message."""
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
