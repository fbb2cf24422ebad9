"""Calls that the office makes to its own people: about a message, to connect them, about a shift.

Each goes through the person's leg of the dialplan, so the office's number is shown, a voicemail
accepts nothing, and nothing of a message is heard before a press and the PIN.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import structlog

from dialplan import names
from pbx.ami.client import AmiClient, AmiUnavailable
from pbx.ami.protocol import AmiEvent
from pbx.call.conversation import Plans
from pbx.physicians.line_steps import LineState
from pbx.store.escalation import Outcome
from pbx.store.outbound import Request
from routing import outbound, people

RING_S = 20  # below a carrier's voicemail
ORIGINATE_S = RING_S + 20  # with the time to hear the whisper and press
CONFIRM_S = RING_S + 30  # what is heard of a shift is longer
ON_THE_LINE_S = 120.0  # how long nobody is called who still talks to us; then call waiting must do
AWAY_S = 15.0  # how long a call waits for an Asterisk that is away, as at our own start
REASON_S = 1.0  # the reason of a failure may come after the hangup
# What OriginateResponse gives as the reason of a failure: a control frame of Asterisk's
_REASONS: dict[str, Outcome] = {"5": "busy", "8": "unreachable", "0": "unreachable"}

log = structlog.get_logger()


@dataclass(frozen=True)
class _Errand:
    """Why a person is called: what they hear before they press 1, and where that leads.

    `channel` and `dial` are chosen where they are empty.
    """

    person: str
    about: str  # a message or a request; empty for a shift, which is settled by the press alone
    whisper: str
    context: str
    variable: str
    at_most_s: int = ORIGINATE_S
    channel: str = ""
    dial: str = ""


class RelayDialer:
    """Calls people by AMI; `events` tells it what became of its calls."""

    def __init__(self, ami: AmiClient, plans: Plans) -> None:
        self._ami = ami
        self._plans = plans
        self._count = itertools.count(1)
        self._calls: dict[str, asyncio.Future[Outcome]] = {}  # by the channel that we originated
        self._by_press: set[str] = set()  # of these, those that a pressed 1 settles
        self._about: dict[tuple[str, str], str] = {}  # message and person -> channel
        self._tasks: set[asyncio.Task[Outcome]] = set()
        self._lines: dict[str, asyncio.Event] = {}  # by channel, until it is hung up
        self._last: dict[str, asyncio.Event] = {}  # by person, whether their last call is over

    async def deliver(self, message_id: str, person: str, *, urgent: bool, attempt: int) -> Outcome:
        """Call somebody about a message; see `pbx.physicians.escalator.Dialer`."""
        del attempt  # the row is written before, and its outcome after, by who asked
        return await self._call(_about(LineState(person, message_id, "called"), urgent=urgent))

    async def confirm(self, person: str, say: Iterable[str]) -> Outcome:
        """Call somebody about a shift: they hear these prompts and press 1."""
        done = f"{names.SAY}=shift-confirmed"
        errand = _Errand(person, "", names.sounds(say), names.SHIFT, done, CONFIRM_S)
        return await self._call(errand)

    def connect(self, message_id: str, person: str) -> None:
        """Call a person back on their own phone, and then the patient of a message."""
        state = LineState(person, message_id, "called", "dial")
        task = asyncio.create_task(self._call(_about(state, urgent=True)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def call_back(self, request: Request) -> Outcome:
        """Call somebody on their mobile as a command asked; return when that call is over.

        Who is on the phone with us is busy: nobody is dialled later than was asked.
        """
        last = self._last.get(request.person)
        if last is not None and not last.is_set():
            return "busy"
        mobile = self._plans.book.get(request.person, {}).get("mobile")
        if mobile is None:
            return "unreachable"
        errand = _about(LineState(request.person, "", "called", request=request.id), urgent=False)
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
        """Tell whether no call of ours goes on."""
        return not self._calls

    def event(self, event: AmiEvent) -> None:
        """Take one of Asterisk's events about a channel of ours."""
        channel = event.fields.get("Uniqueid", "")
        if event.name == "Hangup" and (line := self._lines.pop(channel, None)):
            line.set()
        if channel not in self._calls:
            return
        if event.name == "Hangup" and event.fields.get("ChannelStateDesc") == "Up":
            self._settle(channel, "declined")
        elif event.name == "Hangup":
            asyncio.get_running_loop().call_later(REASON_S, self._settle, channel, "no answer")
        elif event.name == "OriginateResponse":
            if event.fields.get("Response") == "Failure":
                reason = event.fields.get("Reason", "")
                self._settle(channel, _REASONS.get(reason, "no answer"))
            elif channel in self._by_press:
                self._settle(channel, "acknowledged")

    def _settle(self, channel: str, outcome: Outcome) -> None:
        found = self._calls.get(channel)
        if found is not None and not found.done():
            found.set_result(outcome)

    async def _call(self, errand: _Errand) -> Outcome:
        dial = errand.dial or self._dial_string(errand.person)
        if dial is None:
            return "unreachable"
        await self._over(errand.person)
        count = next(self._count)
        channel = errand.channel or f"{names.RELAY_CALL}{datetime.now(UTC).timestamp():.0f}-{count}"
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._calls[channel] = outcome
        self._lines[channel] = self._last[errand.person] = asyncio.Event()
        if errand.about:
            self._about[errand.about, errand.person] = channel
        else:
            self._by_press.add(channel)
        try:
            await self._originate(channel, errand, dial)
            return await outcome
        except AmiUnavailable:
            self._lines.pop(channel).set()
            return "unreachable"  # Asterisk is away; it is tried again
        except asyncio.CancelledError:
            await asyncio.shield(self._hang_up(channel))
            raise
        finally:
            del self._calls[channel]
            self._by_press.discard(channel)
            self._about.pop((errand.about, errand.person), None)

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

    async def _originate(self, channel: str, errand: _Errand, dial: str) -> None:
        try:
            await self._ami.wait_connected(AWAY_S)
        except TimeoutError as error:
            raise AmiUnavailable("Asterisk stays away") from error
        answer = await self._ami.action(
            "Originate",
            Channel=f"Local/{errand.person}@{names.LEG}/n",
            ChannelId=channel,
            Context=errand.context,
            Exten="s",
            Priority="1",
            Timeout=str(errand.at_most_s * 1000),
            Async="true",
            Variable=[
                f"{names.TO}_{errand.person}={dial}",
                f"{names.RING}={RING_S}",
                f"{names.SHOW}={outbound.shown(self._plans.plan, None)}",
                f"{names.WHISPER}={errand.whisper}",
                errand.variable,
            ],
        )
        if not answer.ok:
            raise AmiUnavailable(answer.message)

    async def _hang_up(self, channel: str) -> None:
        try:
            await self._ami.action("Hangup", Channel=channel, Cause="16")
        except AmiUnavailable:
            log.warning("relay.not_hung_up")


def _about(state: LineState, *, urgent: bool) -> _Errand:
    """Call about a message, or to connect its patient."""
    whisper = "whisper-urgent" if urgent else "whisper-routine"
    matter = f"{names.MATTER_OF}={state.encode()}"
    return _Errand(state.person, state.message, whisper, names.PHYSICIAN, matter)
