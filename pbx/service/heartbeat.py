"""The daemon's heartbeat: a call to ourselves through Asterisk, and what it came to."""

from __future__ import annotations

import asyncio

import structlog

from dialplan import names
from pbx.asterisk.ami.client import AmiClient, AmiUnavailable
from pbx.base.clock import Clock
from pbx.base.watchdog import ALIVE, tell
from pbx.service.heartbeat_file import HeartbeatFile

EVERY_S = 5.0  # also how old the failsafe's knowledge may be

log = structlog.get_logger()


class Heartbeat:
    """Beats when asked to; `came` is set by the script that a beat runs into."""

    def __init__(
        self, ami: AmiClient, came: asyncio.Event, file: HeartbeatFile, clock: Clock
    ) -> None:
        self._ami = ami
        self._came = came
        self._file = file
        self._clock = clock

    async def through(self) -> None:
        """Call ourselves through the real dialplan, so that the failsafe knows whom to ring."""
        self._came.clear()
        await self._ami.action(
            "Originate",
            Channel=f"Local/s@{names.HEARTBEAT}/n",
            Context=names.HEARTBEAT,
            Exten="done",
            Priority="1",
            Async="true",
            Variable="CDR_PROP(disable)=1",  # the other half of the Local channel says so itself
        )
        async with asyncio.timeout(EVERY_S):
            await self._came.wait()

    async def beat(self) -> None:
        """Beat once, and leave for others whether it came through."""
        came = True
        try:
            await self._ami.wait_connected(EVERY_S)
            await self.through()
        except (AmiUnavailable, TimeoutError):
            came = False
            log.warning("heartbeat.missed")
        self._file.beat(self._clock.now(), came=came)
        if came or not self._ami.connected:  # without Asterisk another start fixes nothing
            tell(ALIVE)
