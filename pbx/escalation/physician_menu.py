"""The physician's menu: what a person hears and can do about a message after entering the PIN.

As in a patient's call, nothing is kept in memory: the state travels with the channel. The number
that a person calls from never identifies them, because it can be forged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Protocol

import structlog

from dialplan import names
from pbx.base.clock import Clock
from pbx.base.errors import OfficeLineError
from pbx.calls.conversation import Question
from pbx.calls.record.cdr import milliseconds
from pbx.db.message_progress import NotAllHeardError
from pbx.db.outbound import HeardPart
from pbx.escalation.heard_messages import HeardMessages
from pbx.escalation.menu_steps import MenuState, Step, ask_pin, bye, choices, leave
from pbx.escalation.outbound_calls import No, OutboundCalls
from pbx.escalation.pins import CODE_DIGITS
from pbx.escalation.shift_menu import ABOUT_SHIFTS, ShiftMenu

TRIES = 3  # wrong PINs in one call; the person's lock counts over all calls
NOTE_S = 120
SHIFT_KEY = "8"

log = structlog.get_logger()


class PinCheck(Protocol):
    """Checks PINs: see `pbx.escalation.pins`."""

    async def check_pin(self, person: str, pin: str) -> bool:
        """Return whether this is the person's PIN; False while it is locked."""
        ...

    async def identify(self, digits: str) -> str | None:
        """Return the person of a code and a PIN; None if they are wrong."""
        ...

    async def has_pin(self, person: str) -> bool:
        """Return whether a person has a PIN."""
        ...


class PersonCaller(Protocol):
    """Calls a person on their own phone, about a message or to connect its patient."""

    def cannot(self, message_id: str, person: str) -> None:
        """Note that the person we called cannot take the message, so that others are called."""
        ...

    def connect(self, state: MenuState) -> None:
        """Start such a call for the person on the line, and return at once."""
        ...


class PhysicianMenu:
    """Answers the dialplan's questions in the menu; calls `taken` after each acknowledgment."""

    def __init__(
        self,
        messages: HeardMessages,
        shifts: ShiftMenu,
        clock: Clock,
        pins: PinCheck,
        caller: PersonCaller,
        outbound_calls: OutboundCalls,
        taken: Callable[[str, str], None],
    ) -> None:
        self._messages = messages
        self._shifts = shifts
        self._clock = clock
        self._pins = pins
        self._caller = caller
        self._outbound_calls = outbound_calls
        self._taken = taken

    async def answer(self, question: Question) -> Step:
        """Decide the next step; after an error, end the call politely and keep the message open."""
        state = MenuState.decode(question.state)
        try:
            if question.event == names.KEYED and state.asked in ABOUT_SHIFTS:
                return await self._shifts.chosen(state, question.detail)
            if state.request and question.event == names.ARRIVED:
                await self._outbound_calls.accepted(state.request)
            known = await self._heard_out(state, question)
        except OfficeLineError as error:
            log.warning("physician.refused", call=question.call, error=str(error))
            return leave(state, *(("goodbye",) if state.person else ()))
        return known or await self._asked_pin(state)

    async def _heard_out(self, state: MenuState, question: Question) -> Step | None:
        """Answer an event, or play the message again if it has grown since."""
        try:
            return await self._goes_on(state, question)
        except NotAllHeardError as error:
            log.info("physician.unheard", call=state.message, error=str(error))
            return await self._play(state)

    async def _goes_on(self, state: MenuState, question: Question) -> Step | None:
        """Answer an event; None for a new call and for an unknown event."""
        match question.event, state.asked:
            case names.ARRIVED, "dial":
                return await self._call_patient(replace(state, asked="menu"), question.unique)
            case names.KEYED, ("pin" | "menu" | "reached") as asked:
                takes = {"pin": self._pin, "menu": self._chosen, "reached": self._reached}
                return await takes[asked](state, question)
            case names.RECORDED, "note":
                await self._messages.note(state, question)
                return await self._menu(state, "note-saved")
            case names.CALLED, "menu":
                return await self._called(state, question)
        return None

    async def _called(self, state: MenuState, question: Question) -> Step:
        """Continue after the patient's phone rang: ask whether they reached the patient."""
        status, _, up = question.detail.partition(":")
        answered = status == "ANSWER"
        if answered:
            ago = timedelta(milliseconds=milliseconds(up))
            await self._outbound_calls.answered(question.unique, self._clock.now() - ago)
        await self._outbound_calls.ended(question.unique)
        if state.request:
            return bye(state, "goodbye" if answered else "patient-not-reached")
        if answered:
            return choices(state, "reached", "patient-reached")
        return await self._menu(state, "patient-not-reached")

    async def _reached(self, state: MenuState, question: Question) -> Step:
        """Take the answer whether they reached the patient; any other key is one for the menu."""
        if question.detail not in {"1", "2"}:
            return await self._chosen(state, question)
        reached = question.detail == "1"
        if not reached or (await self._messages.get(state)).state != "called back":
            await self._messages.move(state, "called back" if reached else "not reached")
        await self._outbound_calls.said(question.unique, reached=reached)
        return await self._menu(state, "message-called-back" if reached else "message-not-reached")

    async def _pin(self, state: MenuState, question: Question) -> Step:
        digits = question.detail
        if state.origin == "in" and len(digits) < CODE_DIGITS:
            return leave(state)  # star was a mistake, and one key is for the patients' menu
        if state.origin == "called":
            known = state.person if await self._pins.check_pin(state.person, digits) else None
        else:
            known = await self._pins.identify(digits)
        if known is not None and state.request:
            return await self._call_requested(state, question.unique)
        if known is not None:
            step = await self._begin(replace(state, person=known))
            return replace(step, variables={**step.variables, names.KEPT: ""})
        state = replace(state, tries=state.tries + 1)
        if state.tries < TRIES:
            return ask_pin(state, "pin-wrong")
        return leave(state, "pin-no" if state.origin == "called" else "pin-menu")

    async def _asked_pin(self, state: MenuState) -> Step:
        """Ask for the PIN; if the person we called has none, say so and call others."""
        if state.origin == "called" and not await self._pins.has_pin(state.person):
            log.error("physician.without_pin", person=state.person)
            if state.request:
                return bye(state, "pin-none")
            self._caller.cannot(state.message, state.person)
            return bye(state, "message-no-pin")
        return ask_pin(replace(state, asked="pin"))

    async def _begin(self, state: MenuState) -> Step:
        """Play the message that the call is about, or the first waiting one."""
        if not state.message:
            first = await self._messages.first_for(state.person)
            if first is None:
                return self._shifts.menu(state, "no-messages")
            state = replace(state, message=first.id)
        return await self._play(state)

    async def _play(self, state: MenuState, *before: str) -> Step:
        """Say the kind of message, play it, and ask what to do."""
        message = await self._messages.get(state)
        await self._messages.move(state, "delivered")
        say = "message-urgent" if message.urgency == "urgent" else "message-routine"
        state, words = await self._messages.words(state, message)
        return await self._menu(state, *before, say, *words)

    async def _next(self, state: MenuState, *say: str) -> Step:
        """Continue with the next urgent message that nobody has acknowledged; else say goodbye."""
        found = await self._messages.next_urgent()
        if found is None:
            return bye(state, *say)
        return await self._play(replace(state, message=found.id), *say)

    async def _chosen(self, state: MenuState, question: Question) -> Step:
        match question.detail:
            case "1":
                return await self._call_patient(state, question.unique)
            case "2":
                await self._take(state)
                return await self._next(state, *await self._messages.whose(state))
            case "3":
                state, words = await self._messages.words(state, await self._messages.get(state))
                return await self._menu(state, *words)
            case "4":
                asks = {names.SAY: names.sounds(("say-note", "beep")), names.PAUSE: str(NOTE_S)}
                return Step(names.NOTE, replace(state, asked="note"), asks)
            case "5":
                await self._messages.move(state, "closed")
                self._taken(state.message, state.person)
                return await self._next(state, "message-done")
        shift = question.detail == SHIFT_KEY and self._shifts.offers(state)
        return self._shifts.menu(state) if shift else await self._menu(state)

    async def _call_patient(self, state: MenuState, call: str) -> Step:
        """Call the patient from the office's number, over the person's registered phone."""
        await self._messages.check_all_heard(state)
        message = await self._messages.get(state)
        if message.callback_number is None:
            return await self._menu(state, "message-no-number")
        if state.origin == "in":  # from an unknown phone
            number = message.callback_number
            refused = await self._outbound_calls.refuses(state.person, number, message.id)
            if refused is not None:
                return await self._menu(state, refused.say)
            await self._take(state)
            self._caller.connect(state)
            return bye(state, "calling-you")
        heard = HeardPart(state.joins, state.size)
        words = await self._outbound_calls.place_for_message(state.person, message, call, heard)
        if isinstance(words, No):
            return await self._menu(state, words.say)
        await self._take(state)
        return Step(names.CALL_PATIENT, state, words)

    async def _call_requested(self, state: MenuState, call: str) -> Step:
        """Call the patient of a requested call; the number is never spoken."""
        words = await self._outbound_calls.place_requested(state.request, call)
        if isinstance(words, No):
            return bye(state, words.say)
        return Step(names.CALL_PATIENT, replace(state, asked="menu"), words)

    async def _take(self, state: MenuState) -> None:
        await self._messages.move(state, "acknowledged")
        self._taken(state.message, state.person)

    async def _menu(self, state: MenuState, *say: str) -> Step:
        more = ("shift-choice",) if state.origin == "in" and self._shifts.offers(state) else ()
        return choices(state, "menu", *say, "physician-menu", *more)
