"""Dispatch Asterisk's events: the one table of which part handles which event."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta

from dialplan import names
from pbx.asterisk.ami.client import AmiClient, AmiUnavailable
from pbx.asterisk.ami.events import (
    AsteriskEvent,
    HangupEvent,
    HoldEvent,
    OriginateResponse,
    RegistryEvent,
    UserEvent,
    event_of,
)
from pbx.asterisk.ami.lanes import Lane
from pbx.asterisk.ami.protocol import AmiEvent
from pbx.base.clock import Clock
from pbx.calls.record.cdr import milliseconds
from pbx.calls.record.live_calls import under_way
from pbx.calls.record.recorder import Recorder
from pbx.calls.silence_watch import SilenceWatch
from pbx.escalation.dialer import FollowUpDialer
from pbx.escalation.outbound_calls import OutboundCalls
from pbx.escalation.trunk_alarm import TrunkAlarm

HEARD_S = 5.0  # for events from before the connection was lost


class Listener:
    """Dispatches events, and the live calls after each connect.

    Handlers that wait for the database run in separate queues ("lanes"), so they delay no others.
    """

    def __init__(
        self,
        dialer: FollowUpDialer,
        silence: SilenceWatch,
        recorder: Recorder,
        outbound_calls: OutboundCalls,
        trunk: TrunkAlarm,
        clock: Clock,
    ) -> None:
        self._dialer = dialer
        self._silence = silence
        self._recorder = recorder
        self._outbound_calls = outbound_calls
        self._trunk = trunk
        self._clock = clock
        self._recorded: Lane[AsteriskEvent] = Lane(recorder.event)
        self._patients: Lane[UserEvent | HangupEvent] = Lane(self._patient)

    async def event(self, raw: AmiEvent) -> None:
        """Dispatch one event; call this in the order of arrival."""
        event = event_of(raw, self._clock.now())
        match event:
            case HangupEvent():
                self._dialer.event(event)
                self._silence.event(event)
                if event.is_placed:
                    await self._patients.put(event)
            case UserEvent():
                self._dialer.event(event)
                if event.what == names.TALKED:
                    await self._patients.put(event)
            case OriginateResponse():
                self._dialer.event(event)
            case HoldEvent():
                self._silence.event(event)
            case RegistryEvent():
                self._trunk.registered(accepted=event.accepted)
        await self._recorded.put(event)

    async def run(self) -> None:
        """Process the lanes until canceled."""
        async with asyncio.TaskGroup() as lanes:
            lanes.create_task(self._recorded.run())
            lanes.create_task(self._patients.run())

    async def resync(self, ami: AmiClient) -> None:
        """After a connect, tell every part which calls are still live."""
        self._trunk.forget()
        # first the earlier events; do not wait longer if the database is slow
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HEARD_S):
                await self._recorded.done()
                await self._patients.done()
        ours = self._dialer.under_way
        live = await self._recorder.resync(lambda: live_calls(ami))
        self._dialer.resync(ours, live)
        await self._outbound_calls.resync(live)

    async def _patient(self, event: UserEvent | HangupEvent) -> None:
        """Note which patients answered when our people called them, and which calls ended."""
        if isinstance(event, HangupEvent):
            await self._outbound_calls.ended(event.unique, at=event.at)
        elif self._recorder.is_ours(event):
            ago = timedelta(milliseconds=milliseconds(event.up_ms))
            await self._outbound_calls.answered(event.about, event.at - ago)


async def live_calls(ami: AmiClient) -> frozenset[str]:
    """Ask Asterisk for the live calls; AmiUnavailable if it does not answer."""
    answer = await ami.action("Status")  # the AMI right `call` allows this action
    if not answer.ok:
        raise AmiUnavailable(f"Asterisk does not say which calls there are ({answer.message})")
    return under_way(event.fields for event in answer.events)
