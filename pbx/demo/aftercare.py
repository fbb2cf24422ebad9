"""Simulates the follow-up of messages in the demo: real timing, random people."""

from __future__ import annotations

import heapq
import random
from datetime import datetime, timedelta

from sqlalchemy import Engine

from pbx.base.clock import DemoClock
from pbx.calls.conversation import Plans
from pbx.db import follow_ups, message_progress
from pbx.db.follow_ups import Result
from pbx.db.message_progress import MessageMove, RefusedError
from routing import follow_up
from routing.follow_up import MessageView, Todo

TAKES = 0.65  # probability that a called person acknowledges a message
FRONT_DESK = "frontdesk"
AT_ONCE = 50
SECOND = timedelta(seconds=1)


class Aftercare:
    """Does what is due for each message; people call back and close what they acknowledged."""

    def __init__(self, engine: Engine, plans: Plans, clock: DemoClock, lot: random.Random) -> None:
        self._engine, self._plans, self._clock, self._lot = engine, plans, clock, lot
        self._deeds: list[tuple[datetime, str, MessageMove, str]] = []

    def until(self, end: datetime) -> None:
        """Do everything that is due up to a time (aware)."""
        while (at := self._next()) is not None and at <= end:
            self._clock.set(at + SECOND)
            now = self._clock.now()
            while self._deeds and self._deeds[0][0] <= now:
                _, message, act, person = heapq.heappop(self._deeds)
                self._move(message, act, now, person)
            for view in message_progress.due_messages(self._engine, now, AT_ONCE):
                self._step(view, now)

    def _next(self) -> datetime | None:
        timer = message_progress.nearest(self._engine)
        times = [self._deeds[0][0]] if self._deeds else []
        return min([*times, *([] if timer is None else [timer])], default=None)

    def _step(self, view: MessageView, now: datetime) -> None:
        plan = self._plans.plan
        numbers = {person: frozenset(known) for person, known in self._plans.book.items()}
        todo = follow_up.todo_for(view, plan, numbers, now)
        due_at = follow_up.next_due(view, plan, now)
        match todo.what:
            case "ring":
                self._ring(view, todo, now, due_at)
            case "overdue":
                self._move(view.id, "overdue", now)
            case "remind":
                message_progress.remind(self._engine, [(view, due_at)], at=now)
                self._later(view.id, FRONT_DESK, now, 5, 90)
            case "wait":
                message_progress.put_off(self._engine, [(view, due_at)])

    def _ring(self, view: MessageView, todo: Todo, now: datetime, due_at: datetime | None) -> None:
        """Call the people of a round; the first to acknowledge ends it."""
        rows = follow_ups.begin_round(
            self._engine, view, todo, list(todo.who), at=now, due_at=due_at
        )
        done = now + timedelta(seconds=self._lot.uniform(15, 40))
        taken = False
        for row in rows or ():
            takes = self._lot.random() < TAKES
            answer: Result = "acknowledged" if takes else "no answer"
            result: Result = "canceled" if taken else answer
            if takes and not taken:
                taken = True
                self._move(row.message, "acknowledged", done, row.person)
                self._later(row.message, row.person, done, 2, 25)
            follow_ups.end_attempt(self._engine, row.id, result, done)

    def _later(self, message: str, person: str, now: datetime, least: float, most: float) -> None:
        """Have somebody call back after some minutes, and then close the message."""
        at = now + timedelta(minutes=self._lot.uniform(least, most))
        heapq.heappush(self._deeds, (at, message, "called back", person))
        heapq.heappush(self._deeds, (at + timedelta(minutes=3), message, "closed", person))

    def _move(
        self, message: str, act: MessageMove, at: datetime, person: str | None = None
    ) -> None:
        try:
            message_progress.move(
                self._engine, self._plans.plan, message, act, at=at, person=person
            )
        except RefusedError:
            return  # somebody else was faster
