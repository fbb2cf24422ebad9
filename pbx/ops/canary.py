"""A canary: one real test call to a number of ours, out over the trunk and back in over it.

Only the dialplan can tell such a call from a patient's (see its context `canary`): the call that
comes in must show our number and say a key that this one call's channel bears. Where that cannot be
told, our end is hung up here, and what then stays on the line is a patient's.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from dialplan import names
from pbx.asterisk.ami.client import AmiClient, AmiEvent
from pbx.ops.manager import Login, connected

RING_S = 25  # how long the carrier may take to bring the call back
COME_S = 10.0  # from its answer until it came in, or somebody else answered
SETTLE_S = 8.0  # how long a call that is in doubt is held, and some more
OVER_S = 30.0  # beside the time that it listens
SLACK_S = 3  # before the first word and after the last
KEY_DIGITS = 8


@dataclass(frozen=True)
class CanaryRequest:
    """The call to place: to `did`, one of our own; `record` is a path without its ending.

    It listens for so many seconds, and then presses `press`, if that is a key.
    """

    did: str
    record: Path
    listen_s: int
    press: str


@dataclass
class CanaryResult:
    """What became of it; `doubts` are the numbers of calls that were in doubt, by their ids.

    `came` is the number that it came in with, and `reported` the keys that the menu heard, once the
    control layer said what follows.
    """

    came: str | None = None
    answered: bool = False
    reported: str | None = None
    lost: bool = False
    over: bool = False
    doubts: dict[str, str] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    stayed: set[str] = field(default_factory=set)


async def place_canary(login: Login, token: str, wanted: CanaryRequest) -> CanaryResult:
    """Place it and follow it to its end; EngineError if Asterisk does not take it."""
    call = _Call(token)
    async with connected(login, call.hear) as client:
        await client.action("Originate", **_originate(call.channel, wanted))
        try:
            await call.follow(client, wanted.listen_s)
        finally:
            if not call.heard.over:
                await client.action("Hangup", Channel=call.channel, Cause="16")
    return call.heard


def _originate(channel: str, wanted: CanaryRequest) -> dict[str, str | list[str]]:
    key = "".join(secrets.choice("0123456789") for _ in range(KEY_DIGITS))
    return {
        "Channel": f"Local/out@{names.CANARY}/n",
        "ChannelId": channel,
        "Context": names.CANARY,
        "Exten": "calls",
        "Priority": "1",
        "Timeout": str(RING_S * 1000),
        "Async": "true",
        "Variable": [
            "CDR_PROP(disable)=1",
            f"{names.TRIAL}=calls",
            f"{names.DID}={wanted.did}",
            f"{names.DIAL}=PJSIP/{wanted.did}@{names.TRUNK_OUT}",
            f"{names.KEY}={key}",
            f"{names.LISTEN}={wanted.listen_s}",
            f"{names.PRESS}={wanted.press}",
            f"{names.RECORD}={wanted.record}",
        ],
    }


class _Call:
    """One canary, by Asterisk's events."""

    def __init__(self, token: str) -> None:
        self.channel = f"{names.FOLLOW_UP_CALL}{names.CANARY}-{secrets.token_hex(6)}"
        self.heard = CanaryResult()
        self._token = token
        self._news = asyncio.Event()

    async def follow(self, client: AmiClient, listen_s: int) -> None:
        """Wait until it is over; hang it up where another call might be ours, or nothing comes."""
        heard = self.heard
        began = RING_S + COME_S
        await self._until(lambda: heard.over or heard.answered or self._reported_apart, began)
        await self._until(lambda: heard.over or self._reported_apart, COME_S)
        if heard.came is not None:
            await self._until(lambda: heard.over, listen_s + OVER_S)
        elif heard.doubts:
            await client.action("Hangup", Channel=self.channel, Cause="16")
            await self._until(lambda: heard.doubts.keys() <= heard.gone | heard.stayed, SETTLE_S)
            heard.stayed |= heard.doubts.keys() - heard.gone

    @property
    def _reported_apart(self) -> bool:
        return self.heard.came is not None or bool(self.heard.doubts)

    async def _until(self, holds: Callable[[], bool], seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not holds():
                    self._news.clear()
                    await self._news.wait()

    def hear(self, event: AmiEvent) -> None:
        """Take one of Asterisk's events, if it is about this call."""
        ours = event.fields.get("Uniqueid", "") == self.channel
        if event.name == "UserEvent":
            self._word(event)
        elif event.name == "Hangup" and ours:
            self.heard.over = True
        elif event.name == "OriginateResponse" and ours:
            self.heard.answered = event.fields.get("Response") == "Success"
            self.heard.over = self.heard.over or not self.heard.answered
        self._news.set()

    def _word(self, event: AmiEvent) -> None:
        """Handle an event from our dialplan; ignore it if the token is wrong."""
        if not hmac.compare_digest(event.fields.get("Token", ""), self._token):
            return
        heard, call = self.heard, event.fields.get("Call", "")
        number = event.fields.get("CallerIDNum", "")
        match event.fields.get("What"):
            case names.CANARY_CAME:
                heard.came = number
            case names.CANARY_DOUBT:
                heard.doubts[call] = number
            case names.CANARY_GONE:
                heard.gone.add(call)
            case names.CANARY_STAYED:
                heard.stayed.add(call)
            case names.CANARY_REPORTED:
                heard.reported = event.fields.get("Key", "")
            case names.CANARY_LOST:
                heard.lost = True
