"""The escalator: calls people about urgent messages until somebody acknowledges, whatever happens.

Timers are rows of the database, so a restart forgets nothing: calls that were cut off are made
again, and what fell due meanwhile is done at once. A clock that is set back sets them back with it.
A double call is acceptable, a lost one is not.
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

LOOK_S = 1.0  # how often what other processes did is looked for
BATCH = 50  # messages at a time, so that routine ones never keep an urgent one waiting
ROUNDS = 10  # of these, begun in one transaction: whoever waits for the lock waits for no more
CALLED = timedelta(seconds=10)  # how long an overdue message is left alone whose patient is called
MOMENT_S = 0.1  # how soon is looked again at what is due and could not be done
BLIND_AFTER = 3  # failures of the database in a row, after which calls are made unwritten

log = structlog.get_logger()


class Tell(Protocol):
    """What tells people of a message by other ways than a call; it must return at once."""

    def __call__(self, message_id: str, what: str, people: tuple[str, ...]) -> None:
        """Tell these people, by id, `what` is: "breach", "overdue", "unreachable", "reminder"."""
        ...


def tell_the_log(message_id: str, what: str, people: tuple[str, ...]) -> None:
    """Write it into the log."""
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
        self._held: dict[str, datetime] = {}  # messages that are left alone until then
        self.latest = clock.now()  # what the clock said when timers were looked at last
        self._pauses = Pauses(0.2, LONGEST_PAUSE_S)

    @property
    def calling(self) -> frozenset[str]:
        """The messages about which people are being called now."""
        return self._calls.calling

    def notify(self) -> None:
        """Look at once: a message was opened, or somebody did something with one."""
        self._woken.set()

    async def run(self) -> None:
        """Escalate until canceled. What is then being dialed is dialed again by the next run."""
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
        """Bring timers back that a clock set which was ahead, and is right again."""
        try:
            found = await self._store.insist(after_start, self._plans.plan, self._clock.now())
        except Exception:  # whatever it is, the rest is done
            log.exception("escalator.failed")
            return
        if found:
            log.warning("escalator.timers_brought_back", records=found)

    async def _look(self) -> float:
        """Do what is due; return for how many seconds nothing will be."""
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
        """Say what time it is; where the clock was set back, timers are first set back with it."""
        now = self._clock.now()
        if now < self.latest:
            back = self.latest - now
            log.warning("escalator.clock_set_back", why=f"by {back}")
            try:
                await self._store.write(set_back, back, self._plans.plan, now)
            except (SQLAlchemyError, OfficeLineError):
                log.exception("escalator.unwritten")
                return self.latest  # until timers can be set back, they fire as if nothing had been
            self._held = {message: until - back for message, until in self._held.items()}
        self.latest = now
        return now

    def _assessed(self, view: MessageView, now: datetime) -> Round | None:
        """Say what is due with one message; None if that cannot be said."""
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
        """Do what is due with these messages; what goes wrong with one holds up no other."""
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
        """Leave a message alone for a while: looking at it again at once would fail again."""
        self._held[view.id] = self._clock.now() + timedelta(seconds=LONGEST_PAUSE_S)

    async def _reopen(self, steps: list[Round]) -> None:
        """Let messages climb again whose call back is overdue, and is not being made just now."""
        plan, move = self._plans.plan, message_progress.move
        longest = counted_since(plan, steps[0].at).longest
        called = await self._store.read(outbound.called_about, longest, steps[0].at)
        later = [(one.view, one.at + CALLED) for one in steps if one.view.id in called]
        await self._store.write(message_progress.put_off, later)
        for view, now in ((one.view, one.at) for one in steps if one.view.id not in called):
            by = (view.acknowledged_by,) if view.acknowledged_by else ()
            with contextlib.suppress(RefusedError):  # called back at this very moment
                await self._store.write(move, plan, view.id, "overdue", at=now)
                self._tell(view.id, "overdue", by)

    async def _remind(self, steps: list[Round]) -> None:
        """Remind the owners of messages that are open while the office is."""
        timers = [(step.view, step.due_at) for step in steps]
        owners = await self._store.write(message_progress.remind, timers, at=steps[0].at)
        for step, owner in zip(steps, owners, strict=True):
            self._tell(step.view.id, "reminder", (owner or self._plans.plan.office.inbox,))

    async def _put_off(self, steps: list[Round]) -> None:
        """Set the timers of messages that need nothing now."""
        timers = [(step.view, step.due_at) for step in steps]
        await self._store.write(message_progress.put_off, timers)

    async def _ring(self, steps: list[Round]) -> None:
        """Call everybody of these rounds who is not being called about the message already."""
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
            if ringing.taken:  # while this was being written
                ringing.end()
            if step.todo.breach:
                self._tell(step.view.id, "breach", step.who)
            if not step.who:
                self._tell(step.view.id, "unreachable", ())

    async def _begun(self, rounds: list[Round]) -> list[list[AttemptRow] | None]:
        """Write rounds before they are dialed; if nothing can be written, dial all the same."""
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
