"""Ongoing calls about messages, each until its outcome is written."""

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

LONGEST_S = 600.0  # longest call that nobody acknowledges
STOP_S = 3.0  # how long to wait for outcomes to be written when stopping

log = structlog.get_logger()


class PersonDialer(Protocol):
    """Calls a person about a message."""

    async def deliver(self, message_id: str, person: str, *, urgent: bool, attempt: int) -> Outcome:
        """Call somebody about a message; return the outcome as soon as it is known.

        An acknowledged call may continue after the return. Canceling this ends the call, because
        somebody else has taken the message. `attempt` is the id of its row, 0 if it has none.
        """
        ...

    def rings(self, message_id: str, person: str) -> bool:
        """Return whether their phone is ringing or answered about it, not waiting for its turn."""
        ...


@dataclass
class OngoingCalls:
    """A message's calls by person, until their outcomes are written."""

    calls: dict[str, asyncio.Task[Outcome]] = field(default_factory=dict)
    taken: bool = False  # one of the people acknowledged

    def end(self, but: str | None = None) -> None:
        """End the ongoing calls, except the one to this person."""
        for person, call in self.calls.items():
            if person != but:
                call.cancel()

    def settles(self) -> bool:
        """Return whether calls are ending now; until they have, no new call can begin."""
        ending = (call.done() or call.cancelling() for call in self.calls.values())
        return self.taken or any(ending)


class Calls:
    """Calls people and writes the outcomes; runs `over` after each call."""

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
        """Return the messages about which people are being called now."""
        return frozenset(self._ringing)

    def about(self, message: str) -> OngoingCalls:
        """Return a message's calls, which may be empty."""
        return self._ringing.get(message, OngoingCalls())

    async def stop(self) -> None:
        """End all calls, and write the outcomes that are known."""
        self._stopping = True
        for one in self._ringing.values():
            one.end()
        if self._followed:
            _, late = await asyncio.wait(self._followed, timeout=STOP_S)
            for follower in late:
                follower.cancel()

    async def end_taken(self) -> None:
        """End the calls about messages that somebody has acknowledged.

        Keep the call to that person, in which they may have done it, if it is not still waiting.
        """
        if not self._ringing:
            return
        found = await self._store.read(message_progress.standings, list(self._ringing))
        for message, stands in found.items():
            if stands.state not in RINGING and (ringing := self._ringing.get(message)):
                on_it = stands.by is not None and self._dialer.rings(message, stands.by)
                ringing.end(but=stands.by if on_it else None)

    def dial(self, attempt: AttemptRow, ringing: OngoingCalls) -> None:
        """Call one person, in parallel with others about the same message."""
        self._ringing[attempt.message] = ringing
        call = asyncio.create_task(self._delivered(attempt))
        ringing.calls[attempt.person] = call
        follower = asyncio.create_task(self._follow(attempt, ringing, call))
        self._followed.add(follower)
        follower.add_done_callback(self._followed.discard)

    async def _follow(
        self, attempt: AttemptRow, ringing: OngoingCalls, call: asyncio.Task[Outcome]
    ) -> None:
        """Wait for a call's outcome and write it; a call that our own stop ends has none."""
        await asyncio.wait({call})
        try:
            if not (call.cancelled() and self._stopping):
                await self._write_outcome(attempt, ringing, call)
        except Exception:  # after any error, calls about the message are tried again
            log.exception("escalator.failed", call=attempt.message)
        finally:
            del ringing.calls[attempt.person]
            if not ringing.calls:
                del self._ringing[attempt.message]
            self._over()  # the next step may be due at once

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
        """Call one person; never ring a phone twice at the same time."""
        message, person = attempt.message, attempt.person
        try:
            async with self._phones.setdefault(person, asyncio.Lock()), asyncio.timeout(LONGEST_S):
                return await self._dialer.deliver(message, person, urgent=True, attempt=attempt.id)
        except TimeoutError:
            return "no answer"
        except Exception:  # after any error, the next person is called
            log.exception("escalator.dialer", call=message)
            return "unreachable"

    async def _acknowledged(self, attempt: AttemptRow, ringing: OngoingCalls) -> Result:
        """End the other calls and write the acknowledgment; of two at once, the first counts."""
        ringing.taken = True
        ringing.end()
        move, now = message_progress.move, self._clock.now()
        plan, by = self._plans.plan, attempt.person
        try:
            await self._store.insist(move, plan, attempt.message, "acknowledged", at=now, person=by)
        except RefusedError:  # acknowledged before, perhaps by this person in the menu
            found = await self._store.read(message_progress.standings, [attempt.message])
            stands = found.get(attempt.message)
            return "acknowledged" if stands and by in stands.people else "too late"
        return "acknowledged"
