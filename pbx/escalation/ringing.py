"""The calls about messages that go on, each until what came of it is written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from pbx.base.clock import Clock
from pbx.calls.conversation import Plans
from pbx.db import follow_ups, message_progress
from pbx.db.background import Background
from pbx.db.follow_ups import AttemptRow, Outcome, Result
from pbx.db.message_progress import RefusedError
from routing.follow_up import RINGING

LONGEST_S = 600.0  # of one call that nobody acknowledges
STOP_S = 3.0  # how long the outcomes of calls may take to be written at the end

log = structlog.get_logger()


class PersonDialer(Protocol):
    """What calls a person."""

    async def deliver(self, message_id: str, person: str, *, urgent: bool, attempt: int) -> Outcome:
        """Call somebody about a message; return what came of it, as soon as that is certain.

        A call that was acknowledged may go on after the return. When canceled, the call ends: the
        message is taken by somebody else. `attempt` is the id of its row, 0 if it has none.
        """
        ...

    def rings(self, message_id: str, person: str) -> bool:
        """Tell whether their phone rings, or is answered, about it: no call that waits for that."""
        ...


@dataclass
class OngoingCalls:
    """A message's calls, by person, until their outcome is written."""

    calls: dict[str, asyncio.Task[Outcome]] = field(default_factory=dict)
    taken: bool = False  # one of them acknowledged

    def end(self, but: str | None = None) -> None:
        """End the calls that go on, except to this person."""
        for person, call in self.calls.items():
            if person != but:
                call.cancel()

    def settles(self) -> bool:
        """Tell whether calls are ending now: until then nobody can be called anew."""
        ending = (call.done() or call.cancelling() for call in self.calls.values())
        return self.taken or any(ending)


class Calls:
    """Calls people and writes what came of it; `over` is told when one has ended."""

    def __init__(
        self,
        store: Background,
        plans: Plans,
        dialer: PersonDialer,
        clock: Clock,
        over: Callable[[], None],
    ) -> None:
        self._store = store
        self._plans = plans
        self._dialer = dialer
        self._clock = clock
        self._over = over
        self._ringing: dict[str, OngoingCalls] = {}
        self._followed: set[asyncio.Task[None]] = set()
        self._phones: dict[str, asyncio.Lock] = {}
        self._stopping = False

    @property
    def calling(self) -> frozenset[str]:
        """The messages about which people are being called now."""
        return frozenset(self._ringing)

    def about(self, message: str) -> OngoingCalls:
        """Return a message's calls; there may be none."""
        return self._ringing.get(message, OngoingCalls())

    async def stop(self) -> None:
        """End all calls, and write what is known of them."""
        self._stopping = True
        for one in self._ringing.values():
            one.end()
        if self._followed:
            _, late = await asyncio.wait(self._followed, timeout=STOP_S)
            for follower in late:
                follower.cancel()

    async def end_taken(self) -> None:
        """End the calls about messages that somebody has taken up.

        Except the one in which they perhaps did it: theirs, unless it still waits for their phone.
        """
        if not self._ringing:
            return
        found = await self._store.read(message_progress.standings, list(self._ringing))
        for message, stands in found.items():
            if stands.state not in RINGING and (ringing := self._ringing.get(message)):
                on_it = stands.by is not None and self._dialer.rings(message, stands.by)
                ringing.end(but=stands.by if on_it else None)

    def dial(self, attempt: AttemptRow, ringing: OngoingCalls) -> None:
        """Call one person, beside the others who are called about the message."""
        self._ringing[attempt.message] = ringing
        call = asyncio.create_task(self._delivered(attempt))
        ringing.calls[attempt.person] = call
        follower = asyncio.create_task(self._follow(attempt, ringing, call))
        self._followed.add(follower)
        follower.add_done_callback(self._followed.discard)

    async def _follow(
        self, attempt: AttemptRow, ringing: OngoingCalls, call: asyncio.Task[Outcome]
    ) -> None:
        """Wait for a call's outcome and write it; one that our own end cuts off has none."""
        await asyncio.wait({call})
        try:
            if not (call.cancelled() and self._stopping):
                await self._write_outcome(attempt, ringing, call)
        except Exception:  # whatever it is, the message is called about again
            log.exception("escalator.failed", call=attempt.message)
        finally:
            del ringing.calls[attempt.person]
            if not ringing.calls:
                del self._ringing[attempt.message]
            self._over()  # the next stage may be due at once

    async def _write_outcome(
        self, attempt: AttemptRow, ringing: OngoingCalls, call: asyncio.Task[Outcome]
    ) -> None:
        result: Result = "canceled" if call.cancelled() else call.result()
        if result == "acknowledged":
            result = await self._acknowledged(attempt, ringing)
        if attempt.id:
            end = follow_ups.end_attempt
            await self._store.insist(end, attempt.id, result, self._clock.now())

    async def _delivered(self, attempt: AttemptRow) -> Outcome:
        """Call one person, whose phone we ring once at a time."""
        message, person = attempt.message, attempt.person
        try:
            async with self._phones.setdefault(person, asyncio.Lock()), asyncio.timeout(LONGEST_S):
                return await self._dialer.deliver(message, person, urgent=True, attempt=attempt.id)
        except TimeoutError:
            return "no answer"
        except Exception:  # whatever it is, the next in turn is called
            log.exception("escalator.dialer", call=message)
            return "unreachable"

    async def _acknowledged(self, attempt: AttemptRow, ringing: OngoingCalls) -> Result:
        """End the other calls and write the acknowledgment; of two at once the first counts."""
        ringing.taken = True
        ringing.end()
        move, now = message_progress.move, self._clock.now()
        plan, by = self._plans.plan, attempt.person
        try:
            await self._store.insist(move, plan, attempt.message, "acknowledged", at=now, person=by)
        except RefusedError:  # taken up before: by this one too, where the telephone wrote it
            found = await self._store.read(message_progress.standings, [attempt.message])
            stands = found.get(attempt.message)
            return "acknowledged" if stands and by in stands.people else "too late"
        return "acknowledged"
