"""Place a canary: a real test call to one of our numbers, out over the trunk and back in.

Only the dialplan can distinguish it from a patient's call (see its context `canary`): the incoming
call must show our number and send the key of our outgoing channel. If that is in doubt, we hang up
our end; a call that stays on the line after that is a patient's.
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

RING_S = 25  # how long the carrier may take to deliver the call to us
COME_S = 10.0  # from the answer until the call has come in, or somebody else answered
SETTLE_S = 8.0  # a little longer than a doubtful call is kept waiting
OVER_S = 30.0  # in addition to the time of listening
SLACK_S = 3  # for silence before the first word and after the last
KEY_DIGITS = 8


@dataclass(frozen=True)
class CanaryRequest:
    """The call to place: to `did`, one of our numbers; `record` is a path without its suffix.

    It listens for `listen_s` seconds and then presses the key `press`, if any.
    """

    did: str
    record: Path
    listen_s: int
    press: str


@dataclass
class CanaryResult:
    """The result; `doubts` maps the ids of doubtful calls to their numbers.

    `came` is the number that the call came in with; `reported` are the keys that the menu received,
    after the control layer has answered.
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
    """Place a canary and follow it to its end; EngineError if Asterisk refuses it."""
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
    """One canary, followed by Asterisk's events."""

    def __init__(self, token: str) -> None:
        self.channel = f"{names.FOLLOW_UP_CALL}{names.CANARY}-{secrets.token_hex(6)}"
        self.heard = CanaryResult()
        self._token = token
        self._news = asyncio.Event()

    async def follow(self, client: AmiClient, listen_s: int) -> None:
        """Wait until it is over; hang up if another call might be ours, or if nothing comes in."""
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
        """Handle one of Asterisk's events, if it is about this call."""
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
