"""The escalator: calls people about urgent messages until somebody acknowledges.

Timers are rows of the database, so they survive a restart: interrupted calls are made again, and
what fell due meanwhile is done at once. If the clock is set back, so are the timers. Calling
twice is acceptable; not calling is not.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from pbx.base.clock import Clock
from pbx.base.errors import OfficeLineError
from pbx.base.pauses import Pauses
from pbx.calls.conversation import Plans
from pbx.db import follow_ups, message_progress, outbound
from pbx.db.background import LONGEST_PAUSE_S, Background
from pbx.db.follow_ups import AttemptRow, Round
from pbx.db.message_progress import RefusedError
from pbx.db.set_back import after_start, set_back
from pbx.escalation.outbound_calls import counted_since
from pbx.escalation.ringing import Calls, PersonDialer
from routing import follow_up
from routing.follow_up import MessageView

LOOK_S = 1.0  # how often to check for changes by other processes
BATCH = 50  # messages at a time, so that routine ones do not delay an urgent one
ROUNDS = 10  # rounds per transaction, so that others do not wait long for the lock
CALLED = timedelta(seconds=10)  # wait before reopening a message whose patient is being called
MOMENT_S = 0.1  # wait before retrying something due that could not be done
BLIND_AFTER = 3  # after this many consecutive database failures, call without writing first

log = structlog.get_logger()


class Tell(Protocol):
    """Notifies people about a message in other ways than a call; must return at once."""

    def __call__(self, message_id: str, what: str, people: tuple[str, ...]) -> None:
        """Notify these people (ids); `what` is "breach", "overdue", "unreachable" or "reminder"."""
        ...


def tell_the_log(message_id: str, what: str, people: tuple[str, ...]) -> None:
    """Write the notification to the log."""
    log.warning("message.reported", call=message_id, why=f"{what}: {', '.join(people)}")


class Escalator:
    """Watches the timers of all messages; `run` never ends by itself."""

    def __init__(
        self,
        engine: Engine,
        plans: Plans,
        dialer: PersonDialer,
        clock: Clock,
        tell: Tell = tell_the_log,
    ) -> None:
        self._store = Background(engine)
        self._plans = plans
        self._clock = clock
        self._tell = tell
        self._woken = asyncio.Event()
        self._calls = Calls(self._store, plans, dialer, clock, self.notify)
        self._held: dict[str, datetime] = {}  # messages to leave alone, and until when
        self.latest = clock.now()  # the time of the last look at the timers
        self._pauses = Pauses(0.2, LONGEST_PAUSE_S)

    @property
    def calling(self) -> frozenset[str]:
        """Return the messages about which people are being called now."""
        return self._calls.calling

    def notify(self) -> None:
        """Check at once, because a message was opened or changed."""
        self._woken.set()

    async def run(self) -> None:
        """Escalate until canceled. Calls that this interrupts are made again by the next run."""
        try:
            await self._store.insist(follow_ups.take_up_messages, self._clock.now())
            await self._bring_back()
            while True:
                self._woken.clear()
                try:
                    pause = await self._look()
                    self._pauses.reset()
                except (SQLAlchemyError, OfficeLineError):
                    log.exception("escalator.database")
                    pause = self._pauses.take()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):  # wait_for can lose a cancellation
                        await self._woken.wait()
        finally:
            await self._calls.stop()

    async def _bring_back(self) -> None:
        """Correct timers that were set while the clock was ahead."""
        try:
            found = await self._store.insist(after_start, self._plans.plan, self._clock.now())
        except Exception:  # after any error, do the rest
            log.exception("escalator.failed")
            return
        if found:
            log.warning("escalator.timers_brought_back", records=found)

    async def _look(self) -> float:
        """Do what is due; return the seconds until the next thing is due."""
        await self._calls.end_taken()
        now = await self._reported_time()
        self._held = {message: until for message, until in self._held.items() if until > now}
        limit = BATCH + len(self._held)
        views = await self._store.read(message_progress.due_messages, now, limit)
        due = [view for view in views if view.id not in self._held]
        does = {
            "ring": self._ring,
            "overdue": self._reopen,
            "remind": self._remind,
            "wait": self._put_off,
        }
        for first in range(0, len(due), ROUNDS):
            some = (self._assessed(view, now) for view in due[first : first + ROUNDS])
            steps = [step for step in some if step is not None]
            for what, do in does.items():
                await self._safely(do, [step for step in steps if step.todo.what == what])
        if len(views) == limit:
            return 0
        nearest = await self._store.read(message_progress.nearest)
        if nearest is None:
            return LOOK_S
        until = (nearest - self._clock.now()).total_seconds()
        return min(LOOK_S, until) if until > 0 else MOMENT_S

    async def _reported_time(self) -> datetime:
        """Return the time; if the clock was set back, set the timers back first."""
        now = self._clock.now()
        if now < self.latest:
            back = self.latest - now
            log.warning("escalator.clock_set_back", why=f"by {back}")
            try:
                await self._store.write(set_back, back, self._plans.plan, now)
            except (SQLAlchemyError, OfficeLineError):
                log.exception("escalator.unwritten")
                return self.latest  # keep the old time until the timers can be set back
            self._held = {message: until - back for message, until in self._held.items()}
        self.latest = now
        return now

    def _assessed(self, view: MessageView, now: datetime) -> Round | None:
        """Return what is due for one message; None after an error."""
        plan = self._plans.plan
        numbers = {person: frozenset(known) for person, known in self._plans.book.items()}
        try:
            todo = follow_up.todo_for(view, plan, numbers, now)
            return Round(view, todo, tuple(todo.who), now, follow_up.next_due(view, plan, now))
        except Exception:
            log.exception("escalator.failed", call=view.id)
            self._hold(view)
            return None

    async def _safely(
        self, do: Callable[[list[Round]], Awaitable[None]], steps: list[Round]
    ) -> None:
        """Do what is due for these messages; an error in one does not affect the others."""
        if not steps:
            return
        try:
            await do(steps)
        except (SQLAlchemyError, OfficeLineError):
            raise
        except Exception:
            if len(steps) == 1:
                log.exception("escalator.failed", call=steps[0].view.id)
                self._hold(steps[0].view)
                return
            for step in steps:
                await self._safely(do, [step])

    def _hold(self, view: MessageView) -> None:
        """Leave a message alone for a while, because retrying at once would fail again."""
        self._held[view.id] = self._clock.now() + timedelta(seconds=LONGEST_PAUSE_S)

    async def _reopen(self, steps: list[Round]) -> None:
        """Restart the escalation of messages whose call back is overdue and not being made now."""
        plan, move = self._plans.plan, message_progress.move
        longest = counted_since(plan, steps[0].at).longest
        called = await self._store.read(outbound.called_about, longest, steps[0].at)
        later = [(one.view, one.at + CALLED) for one in steps if one.view.id in called]
        await self._store.write(message_progress.put_off, later)
        for view, now in ((one.view, one.at) for one in steps if one.view.id not in called):
            by = (view.acknowledged_by,) if view.acknowledged_by else ()
            with contextlib.suppress(RefusedError):  # it was called back just now
                await self._store.write(move, plan, view.id, "overdue", at=now)
                self._tell(view.id, "overdue", by)

    async def _remind(self, steps: list[Round]) -> None:
        """Remind the owners of messages that are open during office hours."""
        timers = [(step.view, step.due_at) for step in steps]
        owners = await self._store.write(message_progress.remind, timers, at=steps[0].at)
        for step, owner in zip(steps, owners, strict=True):
            self._tell(step.view.id, "reminder", (owner or self._plans.plan.office.inbox,))

    async def _put_off(self, steps: list[Round]) -> None:
        """Set the timers of messages for which nothing is due now."""
        timers = [(step.view, step.due_at) for step in steps]
        await self._store.write(message_progress.put_off, timers)

    async def _ring(self, steps: list[Round]) -> None:
        """Call the people of these rounds who are not already being called about the message."""
        known = [(step, self._calls.about(step.view.id)) for step in steps]
        ready = [(step, ringing) for step, ringing in known if not ringing.settles()]
        rounds = [
            replace(step, who=tuple(one for one in step.who if one not in ringing.calls))
            for step, ringing in ready
        ]
        for (step, ringing), written in zip(ready, await self._begun(rounds), strict=True):
            if written is None:
                continue
            for attempt in written:
                self._calls.dial(attempt, ringing)
            if ringing.taken:  # somebody acknowledged during the write
                ringing.end()
            if step.todo.breach:
                self._tell(step.view.id, "breach", step.who)
            if not step.who:
                self._tell(step.view.id, "unreachable", ())

    async def _begun(self, rounds: list[Round]) -> list[list[AttemptRow] | None]:
        """Write rounds before dialing; if the database keeps failing, dial without it."""
        if not rounds:
            return []
        try:
            return await self._store.write(follow_ups.begin_rounds, rounds)
        except (SQLAlchemyError, OfficeLineError):
            if self._pauses.taken < BLIND_AFTER:
                raise
            log.exception("escalator.unwritten", call=rounds[0].view.id)
        for one in rounds:
            again = one.due_at or one.at + timedelta(seconds=LONGEST_PAUSE_S)
            self._held[one.view.id] = again
        return [
            [
                AttemptRow(
                    0, one.view.id, who, one.todo.who[who], one.todo.stage, one.at, None, None
                )
                for who in one.who
            ]
            for one in rounds
        ]
