"""Read and change messages for the physician's menu: see `pbx.escalation.physician_menu`."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import structlog
from sqlalchemy import Engine

from pbx.asterisk.speech import spoken
from pbx.base.clock import Clock
from pbx.base.errors import OfficeLineError
from pbx.calls.conversation import Plans, Question
from pbx.config.home import Home
from pbx.db import audit, message_progress, messages
from pbx.db.inbox import add_note
from pbx.db.message_progress import NotAllHeardError, RefusedError
from pbx.db.messages import MessageRow
from pbx.escalation.menu_steps import MenuState, words_of
from pbx.escalation.words import words_in
from routing.follow_up import RINGING, follow_up_of

log = structlog.get_logger()


class HeardMessages:
    """Reads and changes the message that a person is hearing on the telephone."""

    def __init__(self, engine: Engine, home: Home, plans: Plans, clock: Clock) -> None:
        self._engine = engine
        self._home = home
        self._plans = plans
        self._clock = clock

    async def first_for(self, person: str) -> MessageRow | None:
        """Return the first message for who calls in: urgent, then unacknowledged or theirs."""
        waiting = await asyncio.to_thread(messages.list_open, self._engine)
        return min(waiting, key=lambda one: _rank(one, person), default=None)

    async def next_urgent(self) -> MessageRow | None:
        """Return the next urgent message that nobody has acknowledged."""
        waiting = await asyncio.to_thread(messages.list_open, self._engine)
        found = (one for one in waiting if one.urgency == "urgent" and one.state in RINGING)
        return next(found, None)

    async def get(self, state: MenuState) -> MessageRow:
        """Return the message; OfficeLineError if there is none."""
        found = await asyncio.to_thread(messages.get_message, self._engine, state.message)
        if found is None:
            raise OfficeLineError(f"There is no message {state.message}.")
        return found

    async def whose(self, state: MenuState) -> tuple[str, ...]:
        """Return prompts that say who has the message and how much time is left to call back.

        Only urgent messages have a limit.
        """
        message, plan = await self.get(state), self._plans.plan
        if message.acknowledged_by != state.person:
            return ("taken",)
        if message.urgency != "urgent" or message.acknowledged_at is None:
            return ("message-yours",)
        limit = timedelta(seconds=follow_up_of(plan, message.escalation or "").callback_s)
        left = message.acknowledged_at + limit - self._clock.now()
        return ("message-yours", *spoken.call_within(round(left.total_seconds())))

    async def move(self, state: MenuState, event: message_progress.MessageMove) -> None:
        """Apply an event to the message; do nothing if it is no longer possible.

        Raises NotAllHeardError if the message has grown since the person heard it.
        """
        settles = event not in {"delivered", "not reached"}
        if settles:
            await self.check_all_heard(state)
        try:
            await asyncio.to_thread(
                message_progress.move,
                self._engine,
                self._plans.plan,
                state.message,
                event,
                at=self._clock.now(),
                person=state.person,
                disposition="closed by telephone" if event == "closed" else None,
                joins=state.joins if settles else None,
            )
        except NotAllHeardError:
            raise
        except RefusedError as error:
            log.info("physician.too_late", call=state.message, error=str(error))

    async def check_all_heard(self, state: MenuState) -> None:
        """Raise NotAllHeardError if the message is longer than what was played."""
        message, folder = await self.get(state), self._home.folder
        now = await asyncio.to_thread(words_in, self._engine, folder, message)
        if now.joins > state.joins or now.size > state.size:
            raise NotAllHeardError(state.message)

    async def words(self, state: MenuState, message: MessageRow) -> tuple[MenuState, list[str]]:
        """Return the message's recordings for Asterisk to play, and a state with their amount.

        The access is logged; a full disk must not prevent the person from hearing the message.
        """
        found = await asyncio.to_thread(words_in, self._engine, self._home.folder, message)
        about, who, now = message.id, state.person, self._clock.now()
        try:
            if found.heard:
                await asyncio.to_thread(
                    audit.record, self._engine, "recording.heard", by=who, now=now, about=about
                )
        except OfficeLineError as error:
            log.error("audit.unwritten", call=about, error=str(error))  # noqa: TRY400  # the sentence says it all
        return replace(state, joins=found.joins, size=found.size), words_of(found.said)

    async def note(self, state: MenuState, question: Question) -> None:
        """Add the note that the person has just dictated."""
        path = note_path(self._home.messages, question.unique, int(question.turn) - 1)
        words = f"dictated: {path.relative_to(self._home.folder)}"
        now = self._clock.now()
        await asyncio.to_thread(add_note, self._engine, state.message, words, state.person, now)


def _rank(message: MessageRow, person: str) -> tuple[bool, bool]:
    theirs = message.state in RINGING or message.acknowledged_by == person
    return message.urgency != "urgent", not theirs


def note_path(folder: Path, unique: str, turn: int) -> Path:
    """Return the path of the note that is recorded after this turn, in the folder of messages."""
    return folder / f"note-{unique}-{turn}.wav"
