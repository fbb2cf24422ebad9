"""The daemon's heartbeat: a call to ourselves through Asterisk, and its result."""

from __future__ import annotations

import asyncio

import structlog

from dialplan import names
from pbx.asterisk.ami.client import AmiClient, AmiUnavailable
from pbx.base.clock import Clock
from pbx.base.watchdog import ALIVE, tell
from pbx.service.heartbeat_file import HeartbeatFile

EVERY_S = 5.0  # also the greatest age of the failsafe's data

log = structlog.get_logger()


class Heartbeat:
    """Sends heartbeats; `came` is set by the FastAGI script that a heartbeat calls."""

    def __init__(
        self, ami: AmiClient, came: asyncio.Event, file: HeartbeatFile, clock: Clock
    ) -> None:
        self._ami = ami
        self._came = came
        self._file = file
        self._clock = clock

    async def through(self) -> None:
        """Call ourselves through the real dialplan, which also updates the failsafe's data."""
        self._came.clear()
        await self._ami.action(
            "Originate",
            Channel=f"Local/s@{names.HEARTBEAT}/n",
            Context=names.HEARTBEAT,
            Exten="done",
            Priority="1",
            Async="true",
            Variable="CDR_PROP(disable)=1",  # the other half does so in the dialplan
        )
        async with asyncio.timeout(EVERY_S):
            await self._came.wait()

    async def beat(self) -> None:
        """Send one heartbeat, and write for other processes whether it arrived."""
        came = True
        try:
            await self._ami.wait_connected(EVERY_S)
            await self.through()
        except (AmiUnavailable, TimeoutError):
            came = False
            log.warning("heartbeat.missed")
        self._file.beat(self._clock.now(), came=came)
        if came or not self._ami.connected:  # a restart does not help without Asterisk
            tell(ALIVE)
