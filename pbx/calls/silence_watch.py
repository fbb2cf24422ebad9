"""Ends a conversation if no audio packet has come from the caller for a minute.

Asterisk's own limit is long for patients, because a waiting caller may send nothing (ADR 29).
While the control layer is down, only the limit of the other end applies.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection

import structlog

from pbx.asterisk.ami.client import AmiClient, AmiUnavailable
from pbx.asterisk.ami.events import HangupEvent, HoldEvent

LOOK_S = 5.0
SILENT_S = 60.0
COUNT = "CHANNEL(rtcp,rxcount)"  # audio packets received on a channel
CAUSE = "44"  # Asterisk's hangup cause for a channel without audio

log = structlog.get_logger()


class SilenceWatch:
    """Watches callers who are talking to somebody; `talking` returns the ids of these calls."""

    def __init__(self, ami: AmiClient, talking: Callable[[], Collection[str]]) -> None:
        self._ami = ami
        self._talking = talking
        self._heard: dict[str, tuple[str, float]] = {}  # packets, and since when as many
        self._holding: dict[str, str] = {}  # calls on hold, by channel

    def event(self, event: HoldEvent | HangupEvent) -> None:
        """Note who put the other on hold; silence is normal until the hold ends."""
        if isinstance(event, HoldEvent) and event.begins:
            self._holding[event.unique] = event.call
        else:
            self._holding.pop(event.unique, None)

    async def run(self) -> None:
        """Check until canceled."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self.look(time.monotonic())
            except AmiUnavailable:
                self._heard.clear()  # the packets since then were not counted
            except Exception:
                log.exception("silence.failed")  # after any error, keep watching

    async def look(self, now: float) -> None:
        """Read each call's packet count; end the calls that received nothing for too long."""
        calls = set(self._talking()) - set(self._holding.values())
        self._heard = {call: held for call, held in self._heard.items() if call in calls}
        for call in calls:
            answer = await self._ami.action("Getvar", Channel=call, Variable=COUNT)
            count = answer.fields.get("Value", "")
            if not count.isdigit():
                self._heard.pop(call, None)
                continue
            before, since = self._heard.setdefault(call, (count, now))
            if count != before:
                self._heard[call] = (count, now)
            elif now - since >= SILENT_S:
                log.warning("call.silent", call=call)
                await self._ami.action("Hangup", Channel=call, Cause=CAUSE)
