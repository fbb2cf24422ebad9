"""Calls that the office makes to its own people: about a message, to connect them, about a shift.

Each goes through the person's leg of the dialplan, so the office's number is shown, a voicemail
accepts nothing, and nothing of a message is heard before a press and the PIN.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime

import structlog

from dialplan import names
from pbx.asterisk.ami.client import AmiClient, AmiTimeout, AmiUnavailable
from pbx.asterisk.ami.events import HangupEvent, OriginateResponse, UserEvent
from pbx.calls.conversation import Plans
from pbx.db.follow_ups import Outcome
from pbx.db.outbound import Request
from pbx.escalation.errand import CONFIRM_S, Errand, about_message
from pbx.escalation.menu_steps import MenuState
from routing import outbound, people

ON_THE_LINE_S = 120.0  # how long nobody is called who still talks to us; then call waiting must do
AWAY_S = 15.0  # how long a call waits for an Asterisk that is away, as at our own start
REASON_S = 1.0  # why a call failed may be heard after that it did
# What came of the phone: the cause of a hangup (Q.850) with which its leg ended. Whatever else it
# is, the number does not work now. OriginateResponse gives no reason of a Local channel's failure.
_CAUSES: dict[str, Outcome] = {
    "0": "no answer",
    "16": "no answer",
    "17": "busy",
    "19": "no answer",
    "21": "declined",
}

log = structlog.get_logger()


class FollowUpDialer:
    """Calls people by AMI; `events` tells it what became of its calls."""

    def __init__(self, ami: AmiClient, plans: Plans) -> None:
        self._ami = ami
        self._plans = plans
        self._count = itertools.count(1)
        self._errands = 0  # that go on, those that wait for a phone too
        self._calls: dict[str, asyncio.Future[Outcome]] = {}  # by the channel that we originated
        self._came: dict[str, Outcome] = {}  # of these, what came of the phone so far
        self._doubted: dict[str, asyncio.Event] = {}  # of these, those that perhaps do not exist
        self._by_press: set[str] = set()  # of these, those that a pressed 1 settles
        self._about: dict[tuple[str, str], str] = {}  # message and person -> channel
        self._tasks: set[asyncio.Task[Outcome]] = set()
        self._lines: dict[str, asyncio.Event] = {}  # by channel, until it is hung up
        self._last: dict[str, asyncio.Event] = {}  # by person, whether their last call is over

    async def deliver(self, message_id: str, person: str, *, urgent: bool, attempt: int) -> Outcome:
        """Call somebody about a message; see `pbx.escalation.ringing.PersonDialer`."""
        del attempt  # the row is written before, and its outcome after, by who asked
        state = MenuState(person, message_id, "called")
        return await self._call(about_message(state, urgent=urgent))

    def rings(self, message_id: str, person: str) -> bool:
        """Tell whether their phone rings; see `pbx.escalation.ringing.PersonDialer`."""
        return (message_id, person) in self._about

    async def confirm(self, person: str, say: Iterable[str]) -> Outcome:
        """Call somebody about a shift: they hear these prompts and press 1."""
        done = f"{names.SAY}=shift-confirmed"
        errand = Errand(person, "", names.sounds(say), names.SHIFT, done, CONFIRM_S)
        return await self._call(errand)

    def connect(self, state: MenuState) -> None:
        """Call a person back on their own phone, and then the patient of a message."""
        state = replace(state, origin="called", asked="dial", tries=0)
        task = asyncio.create_task(self._call(about_message(state, urgent=True)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def call_back(self, request: Request) -> Outcome:
        """Call somebody on their mobile as a command asked; return when that call is over.

        Who is on the phone with us is busy: nobody is dialed later than was asked.
        """
        last = self._last.get(request.person)
        if last is not None and not last.is_set():
            return "busy"
        mobile = self._plans.book.get(request.person, {}).get("mobile")
        if mobile is None:
            return "unreachable"
        state = MenuState(request.person, "", "called", request=request.id)
        errand = about_message(state, urgent=False)
        named = replace(errand, about=request.call, channel=request.call, dial=mobile)
        return await self._call(named)

    def taken(self, message_id: str, person: str) -> None:
        """Hear that this person acknowledged while our call lasted."""
        channel = self._about.get((message_id, person), "")
        self._settle(channel, "acknowledged")

    def cannot(self, message_id: str, person: str) -> None:
        """Hear that this person answered and cannot take the message: the next are called."""
        channel = self._about.get((message_id, person), "")
        self._settle(channel, "unreachable")

    @property
    def idle(self) -> bool:
        """Tell whether no call of ours goes on, or waits for its turn."""
        return not self._errands

    def event(self, event: UserEvent | HangupEvent | OriginateResponse) -> None:
        """Take one of Asterisk's events about a channel of ours."""
        match event:
            case UserEvent():
                if event.what == names.LEG_ANSWERED and event.call in self._calls:
                    self._came[event.call] = "declined"  # until somebody accepts
            case HangupEvent():
                self._hung_up(event)
            case OriginateResponse():
                if event.failed and event.unique in self._calls:
                    self._fails_soon(event.unique)
                elif event.unique in self._by_press:
                    self._settle(event.unique, "acknowledged")

    def _hung_up(self, event: HangupEvent) -> None:
        channel, call = event.unique, event.call
        if call in self._calls and event.is_phone:
            self._came.setdefault(call, _CAUSES.get(event.cause, "unreachable"))
        if line := self._lines.pop(channel, None):
            line.set()
        if channel not in self._calls:
            return
        if event.state == "Up":
            self._settle(channel, "declined")
        else:
            self._fails_soon(channel)

    def _fails_soon(self, channel: str) -> None:
        asyncio.get_running_loop().call_later(REASON_S, self._failed, channel)

    def _failed(self, channel: str) -> None:
        """Nobody accepted: what came of the phone is heard by now."""
        self._settle(channel, self._came.get(channel, "unreachable"))

    @property
    def under_way(self) -> frozenset[str]:
        """The calls of which no end was heard yet."""
        return frozenset(self._lines)

    def resync(self, before: frozenset[str], live: frozenset[str]) -> None:
        """Hear, after every connect, which of the calls `before` go on: the others are over."""
        for channel in before:
            if channel not in live:
                if line := self._lines.pop(channel, None):
                    line.set()
                self._failed(channel)
            if channel in self._doubted:
                self._doubted[channel].set()

    def _settle(self, channel: str, outcome: Outcome) -> None:
        found = self._calls.get(channel)
        if found is not None and not found.done():
            found.set_result(outcome)
        if channel in self._doubted:
            self._doubted[channel].set()

    async def _call(self, errand: Errand) -> Outcome:
        self._errands += 1
        try:
            return await self._in_turn(errand)
        finally:
            self._errands -= 1

    async def _in_turn(self, errand: Errand) -> Outcome:
        dial = errand.dial or self._dial_string(errand.person)
        if dial is None:
            return "unreachable"
        try:
            await self._ami.wait_connected(AWAY_S)
        except TimeoutError:
            return "unreachable"  # Asterisk is away; it is tried again
        await self._over(errand.person)
        count = next(self._count)
        channel = (
            errand.channel or f"{names.FOLLOW_UP_CALL}{datetime.now(UTC).timestamp():.0f}-{count}"
        )
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._calls[channel] = outcome
        self._lines[channel] = self._last[errand.person] = asyncio.Event()
        if errand.about:
            self._about[errand.about, errand.person] = channel
        else:
            self._by_press.add(channel)
        try:
            try:
                await self._originate(channel, errand, dial)
            except AmiTimeout:
                await self._known(channel)
            return await outcome
        except AmiUnavailable:
            if line := self._lines.pop(channel, None):
                line.set()
            return "unreachable"
        except asyncio.CancelledError:
            await asyncio.shield(self._hang_up(channel))
            raise
        finally:
            del self._calls[channel]
            self._came.pop(channel, None)
            self._by_press.discard(channel)
            self._about.pop((errand.about, errand.person), None)

    async def _known(self, channel: str) -> None:
        """Wait for the next connect, which tells whether Asterisk took an order unanswered.

        An outcome tells it, too.
        """
        heard = self._doubted[channel] = asyncio.Event()
        try:
            async with asyncio.timeout(AWAY_S):
                await heard.wait()
        except TimeoutError as error:
            raise AmiUnavailable("Asterisk stays away") from error
        finally:
            del self._doubted[channel]

    async def _over(self, person: str) -> None:
        """Wait until the last call to this person is over: one phone, one conversation."""
        last = self._last.get(person)
        if last is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ON_THE_LINE_S):
                    await last.wait()

    def _dial_string(self, person: str) -> str | None:
        plan, book = self._plans.plan, self._plans.book
        known = plan.people.get(person)
        numbers = {one: frozenset(contacts) for one, contacts in book.items()}
        via = known and people.contact(known, plan, numbers, datetime.now(UTC))
        return book[person][via] if via else None

    async def _originate(self, channel: str, errand: Errand, dial: str) -> None:
        """Place a call; AmiTimeout where Asterisk may have taken the order, and did not say so."""
        try:
            shown = outbound.shown(self._plans.plan, None)
            fields = errand.originate(channel, dial, shown)
            answer = await self._ami.action("Originate", **fields)
        except AmiUnavailable as error:
            raise AmiTimeout("the connection broke before the answer came") from error
        if not answer.ok:
            raise AmiUnavailable(answer.message)

    async def _hang_up(self, channel: str) -> None:
        try:
            await self._ami.action("Hangup", Channel=channel, Cause="16")
        except AmiUnavailable:
            log.warning("follow_up.not_hung_up")
