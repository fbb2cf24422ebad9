"""Calls to the office's own people: about a message or a shift, or to connect them to a patient.

Each uses the person's leg of the dialplan: the office's number is shown, a voicemail cannot
accept, and a message is played only after a key press and the PIN.
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
from routing import people

ON_THE_LINE_S = 120.0  # wait so long for a person's last call; then rely on call waiting
AWAY_S = 15.0  # how long a call waits for a connection to Asterisk
REASON_S = 1.0  # the event with the reason may come after the one about the failure
# The result by hangup cause (Q.850) of the leg; any other cause means that the number does not work
# now. OriginateResponse does not give the reason if a Local channel fails.
_CAUSES: dict[str, Outcome] = {
    "0": "no answer",
    "16": "no answer",
    "17": "busy",
    "19": "no answer",
    "21": "declined",
}

log = structlog.get_logger()


class FollowUpDialer:
    """Calls people by AMI; `event` receives what happens to its calls."""

    def __init__(self, ami: AmiClient, plans: Plans) -> None:
        self._ami = ami
        self._plans = plans
        self._count = itertools.count(1)
        self._errands = 0  # ongoing ones, including those that wait for a phone
        self._calls: dict[str, asyncio.Future[Outcome]] = {}  # by originated channel
        self._came: dict[str, Outcome] = {}  # by channel, the result so far
        self._doubted: dict[str, asyncio.Event] = {}  # channels that may not exist
        self._by_press: set[str] = set()  # channels of calls that end with the press of 1
        self._about: dict[tuple[str, str], str] = {}  # message and person -> channel
        self._tasks: set[asyncio.Task[Outcome]] = set()
        self._lines: dict[str, asyncio.Event] = {}  # by channel, set when it is hung up
        self._last: dict[str, asyncio.Event] = {}  # by person, set when their last call is over

    async def deliver(self, message_id: str, person: str, *, urgent: bool, attempt: int) -> Outcome:
        """Call somebody about a message; see `pbx.escalation.ringing.PersonDialer`."""
        del attempt  # the caller of this method writes the row and its outcome
        state = MenuState(person, message_id, "called")
        return await self._call(about_message(state, urgent=urgent))

    def rings(self, message_id: str, person: str) -> bool:
        """Return whether their phone rings; see `pbx.escalation.ringing.PersonDialer`."""
        return (message_id, person) in self._about

    async def confirm(self, person: str, say: Iterable[str]) -> Outcome:
        """Call somebody about a shift: they hear these prompts and press 1."""
        done = f"{names.SAY}=shift-confirmed"
        errand = Errand(person, "", names.sounds(say), names.SHIFT, done, CONFIRM_S)
        return await self._call(errand)

    def connect(self, state: MenuState) -> None:
        """Call a person back on their own phone, and then a message's patient."""
        state = replace(state, origin="called", asked="dial", tries=0)
        task = asyncio.create_task(self._call(about_message(state, urgent=True)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def call_back(self, request: Request) -> Outcome:
        """Call somebody on their mobile for a command; return when the call is over.

        A person who is on the phone with us counts as busy, so that nobody is called late.
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
        """Note that this person acknowledged the message during our call."""
        channel = self._about.get((message_id, person), "")
        self._settle(channel, "acknowledged")

    def cannot(self, message_id: str, person: str) -> None:
        """Note that this person answered but cannot take the message, so that others are called."""
        channel = self._about.get((message_id, person), "")
        self._settle(channel, "unreachable")

    @property
    def idle(self) -> bool:
        """Return whether no call is ongoing or waiting."""
        return not self._errands

    def event(self, event: UserEvent | HangupEvent | OriginateResponse) -> None:
        """Handle one of Asterisk's events about our channels."""
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
        """Set the outcome of a call that nobody accepted, after its reason has had time to come."""
        self._settle(channel, self._came.get(channel, "unreachable"))

    @property
    def under_way(self) -> frozenset[str]:
        """Return the calls whose end we have not heard."""
        return frozenset(self._lines)

    def resync(self, before: frozenset[str], live: frozenset[str]) -> None:
        """End, after each connect, those of the calls `before` that are not in `live`."""
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
            return "unreachable"  # no connection to Asterisk; the escalator tries again
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
        """Wait for the next connect, which shows whether Asterisk executed an unanswered command.

        An outcome shows it, too.
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
        """Wait until the last call to this person is over, because they have one phone."""
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
        """Place a call; AmiTimeout if Asterisk did not answer but may have executed the command."""
        try:
            fields = errand.originate(channel, dial, self._plans.plan)
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
