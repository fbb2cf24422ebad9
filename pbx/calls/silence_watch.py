"""Ends a conversation whose caller is gone: no packet of audio came from there for a minute.

Asterisk's own limit is long on a patient's end, for one who waits may send nothing (ADR 29). While
the control layer is dead, the other end's own limit holds, and whoever hears nothing hangs up.
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
COUNT = "CHANNEL(rtcp,rxcount)"  # packets of audio that came on a channel
CAUSE = "44"  # what Asterisk gives for a channel without audio

log = structlog.get_logger()


class SilenceWatch:
    """Looks at the callers who talk to somebody; `talking` names these calls."""

    def __init__(self, ami: AmiClient, talking: Callable[[], Collection[str]]) -> None:
        self._ami = ami
        self._talking = talking
        self._heard: dict[str, tuple[str, float]] = {}  # how many packets came, and since when
        self._holding: dict[str, str] = {}  # the calls in which one holds the other, by channel

    def event(self, event: HoldEvent | HangupEvent) -> None:
        """Hear who puts the other on hold: until that is over, nobody has to say anything."""
        if isinstance(event, HoldEvent) and event.begins:
            self._holding[event.unique] = event.call
        else:
            self._holding.pop(event.unique, None)

    async def run(self) -> None:
        """Look until canceled."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self.look(time.monotonic())
            except AmiUnavailable:
                self._heard.clear()  # what came meanwhile nobody knows
            except Exception:
                log.exception("silence.failed")  # whatever it is, the line goes on

    async def look(self, now: float) -> None:
        """Ask for each call how much came; end those from which nothing came for long."""
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
