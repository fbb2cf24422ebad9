"""Drill the failsafe: place a test call that nothing else handles, and see whom it would ring.

The call takes the real dialplan's path as if the control layer and the standby did not answer. What
the failsafe would dial is compared with what it should dial now. Phones ring only on request; then
the failsafe really dials, and a person who presses 1 hears that it was a drill.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from dialplan import names
from pbx.asterisk.ami.client import AmiClient, AmiEvent
from pbx.calls.conversation import Plans
from pbx.calls.legs import on_call_legs
from pbx.ops.manager import Login, connected

LONGEST_S = 20.0  # the two watchdogs need about four seconds if something hangs
RINGING_S = 300.0  # two dials of 140 s each in the failsafe, and the prompt
LOOK_S = 0.2
Ask = Callable[[str], str]


@dataclass(frozen=True)
class Drilled:
    """The result: whom the failsafe would ring, after how many seconds, and what is wrong.

    If phones really rang, `accepted` is who pressed 1, and `accepted_s` the seconds from the first
    ring until then.
    """

    rings: tuple[str, ...]
    took_s: float
    wrong: tuple[str, ...]
    accepted: str | None = None
    accepted_s: float | None = None


@dataclass(frozen=True)
class DrillCall:
    """Ring phones really; `token` is that of our dialplan's events."""

    token: str = field(repr=False)


def failsafe(
    ask: Ask, manager: Login, plans: Plans, now: datetime, ringing: DrillCall | None = None
) -> Drilled:
    """Run the drill until its call is over; `ask` sends a line to Asterisk's console. Blocks."""
    number = str(int(now.timestamp() * 1000))
    call = _Call(number, ringing)
    took = asyncio.run(_follow(call, manager, lambda: _reported(ask, number)))
    found = _reported(ask, number)
    if found is None:
        return Drilled((), took, ("the drill's call did not reach the failsafe",))
    rings = tuple(dict.fromkeys(re.findall(rf"Local/([a-z0-9_-]+)@{names.LEG}/", found)))
    wrong = _wrong(ask, rings, on_call_legs(plans.plan, plans.book, now))
    drilled = Drilled(rings, took, tuple(wrong))
    return drilled if ringing is None else call.assessed(drilled)


async def _follow(call: _Call, manager: Login, reported: Callable[[], str | None]) -> float:
    """Place the drill's call; return the seconds until it reached the failsafe."""
    began = time.monotonic()
    async with connected(manager, call.hear) as client:
        try:
            await call.place(client)
            while (reached := await asyncio.to_thread(reported)) is None:
                if time.monotonic() - began > LONGEST_S:
                    break
                await asyncio.sleep(LOOK_S)
            took = time.monotonic() - began
            if reached is not None:
                await call.ended()
        finally:
            await call.end(client)
    return took


class _Call:
    """The drill's call, followed by Asterisk's events if it rings phones."""

    def __init__(self, number: str, ringing: DrillCall | None) -> None:
        self._number = number
        self._ringing = ringing
        self._channel = f"{names.FOLLOW_UP_CALL}{names.DRILL}-{number}"
        self._over = asyncio.Event()
        self._rang_at: float | None = None
        self._accepted: tuple[str, float] | None = None

    async def place(self, client: AmiClient) -> None:
        """Place the call; AmiUnavailable if Asterisk refuses it."""
        really = "" if self._ringing is None else "ring"
        await client.action(
            "Originate",
            Channel=f"Local/s@{names.DRILL}/n",
            ChannelId=self._channel,
            Context=names.DRILL,
            Exten="done",
            Priority="1",
            Timeout=str(int(RINGING_S * 1000)),
            Async="true",
            Variable=[
                f"OL_DRILL={self._number}",
                f"{names.REALLY}={really}",
                "CDR_PROP(disable)=1",
            ],
        )

    async def ended(self) -> None:
        """Wait until no phone rings."""
        if self._ringing is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RINGING_S):
                    await self._over.wait()

    async def end(self, client: AmiClient) -> None:
        """Stop all ringing, for example after Ctrl-C."""
        if self._ringing is not None and not self._over.is_set():
            await client.action("Hangup", Channel=self._channel, Cause="16")

    def hear(self, event: AmiEvent) -> None:
        """Handle one of Asterisk's events, if it is about this call."""
        fields = event.fields
        if event.name == "Hangup" and fields.get("Uniqueid") == self._channel:
            self._over.set()
        elif event.name == "DialBegin" and fields.get("DestLinkedid") == self._channel:
            if fields.get("DestChannel", "").startswith("PJSIP/"):
                self._rang_at = self._rang_at or time.monotonic()
        elif fields.get("What") == names.LEG_ACCEPTED and fields.get("Call") == self._channel:
            token = "" if self._ringing is None else self._ringing.token
            if hmac.compare_digest(fields.get("Token", ""), token) and self._accepted is None:
                self._accepted = fields.get("Who", ""), time.monotonic()

    def assessed(self, drilled: Drilled) -> Drilled:
        """Return the result with who accepted."""
        if self._accepted is None:
            return replace(drilled, wrong=(*drilled.wrong, "nobody pressed 1"))
        who, at = self._accepted
        return replace(drilled, accepted=who, accepted_s=at - (self._rang_at or at))


def _reported(ask: Ask, number: str) -> str | None:
    """Return the legs that the drill's call has stored; None if it has not yet."""
    value = _value(ask, names.DB_DRILLED)
    return value if value is not None and value.split(" ")[0] == number else None


def _value(ask: Ask, key: str) -> str | None:
    match = re.search(r"^Value: (.*)$", ask(f"database get {names.DB_FAMILY} {key}"), re.MULTILINE)
    return match and match[1].strip()


def _wrong(ask: Ask, rings: tuple[str, ...], due: dict[str, str]) -> list[str]:
    """Return what is wrong, without telephone numbers."""
    wrong = [f"{one} is on call, but would not be rung" for one in due if one not in rings]
    wrong += [f"{one} would be rung, but is not on call" for one in rings if one not in due]
    wrong += [
        f"the number that would be dialed for {one} is not the one in the secrets file"
        for one in rings
        if one in due and _value(ask, f"{names.DB_TO}/{one}") != due[one]
    ]
    return wrong if rings else [*wrong, "nobody would be rung"]
