"""Calls each person whose shift begins until they press 1; notifies the backup if they do not.

As in the escalator, timers are in the database: after a restart, interrupted calls are made again,
and a shift that nobody could be called about in time is recorded as missed. Patients' calls never
wait for this.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from pbx.base.clock import Clock
from pbx.base.errors import OfficeLineError
from pbx.calls.conversation import Plans
from pbx.db import shifts
from pbx.db.background import LONGEST_PAUSE_S, Background
from pbx.db.follow_ups import Outcome
from pbx.db.shifts import Result, ShiftRow
from pbx.escalation import shift_words
from routing import schedule, shift_start
from routing.model import Confirm, Plan
from routing.shift_start import Begin

LOOK_S = 1.0
BACK = timedelta(days=1)  # ignore shifts that began longer ago than this
AHEAD = timedelta(hours=1)  # how far ahead to compute the shifts that begin
STOP_S = 3.0  # how long to wait for outcomes to be written when stopping

log = structlog.get_logger()


class ShiftDialer(Protocol):
    """Calls a person about a shift."""

    async def confirm(self, person: str, say: Iterable[str]) -> Outcome:
        """Call somebody, play these prompts and ask for a 1, which means "acknowledged"."""
        ...


class ShiftCaller:
    """Watches for shifts that begin; `run` never ends by itself."""

    def __init__(self, engine: Engine, plans: Plans, dialer: ShiftDialer, clock: Clock) -> None:
        self._store = Background(engine)
        self._plans = plans
        self._dialer = dialer
        self._clock = clock
        self._calls: dict[int, asyncio.Task[None]] = {}  # by id of the row that the call is about
        self._noted: set[tuple[Begin, str]] = set()
        self._begins: list[Begin] = []
        self._begins_of: Plan | None = None
        self._begins_from = self._begins_to = clock.now()
        self._stopping = False

    async def run(self) -> None:
        """Call until canceled. Calls that this interrupts are made again by the next run."""
        try:
            await self._store.insist(shifts.take_up_shifts, self._clock.now())
            while True:
                pause = LOOK_S
                try:
                    await self.look()
                except (SQLAlchemyError, OfficeLineError):
                    log.exception("shift.database")
                    pause = LONGEST_PAUSE_S
                await asyncio.sleep(pause)
        finally:
            self._stopping = True
            for call in self._calls.values():
                call.cancel()
            if self._calls:
                await asyncio.wait(self._calls.values(), timeout=STOP_S)

    async def look(self) -> None:
        """Do what is due now."""
        now, plan = self._clock.now(), self._plans.plan
        await self._note(self._begun(plan, now), "oncall", now)
        rows = await self._store.read(shifts.active)
        unconfirmed = {
            row.view.schedule
            for row in rows
            if (row.view.role, row.view.state) == ("oncall", "unconfirmed")
        }
        await self._note(_backups(rows, plan, now), "backup", now)
        for gone in self._calls.keys() - {row.id for row in rows}:
            self._calls[gone].cancel()  # confirmed in another way meanwhile
        for row in rows:
            await self._step(row, plan, now, unconfirmed)

    def _begun(self, plan: Plan, now: datetime) -> list[Begin]:
        """List the shifts that began recently; computed anew only for a new plan or a new hour."""
        if plan is not self._begins_of or not self._begins_from <= now < self._begins_to:
            self._begins_of = plan
            self._begins_from, self._begins_to = now, now + AHEAD
            self._begins = [
                one
                for name in plan.schedules
                for one in shift_start.begun(plan, name, now - BACK, now + AHEAD)
            ]
        return [one for one in self._begins if one.start <= now]

    async def _note(self, begun: list[Begin], role: shift_start.Role, now: datetime) -> None:
        """Write a row for each person who has to confirm, once."""
        fresh = [one for one in begun if (one, role) not in self._noted]
        if fresh:
            await self._store.write(shifts.note_starts, fresh, role, at=now)
            self._noted |= {(one, role) for one in fresh}

    async def _step(self, row: ShiftRow, plan: Plan, now: datetime, unconfirmed: set[str]) -> None:
        todo = shift_start.shift_todo(row.view, plan, now, unconfirmed)
        match todo:
            case "relieved" | "too late":
                await self._store.write(shifts.happen, row, todo, at=now)
                log.info("shift.left", person=row.view.person, why=todo)
                if row.id in self._calls:
                    self._calls[row.id].cancel()
            case "call" if row.id not in self._calls:
                await self._call(row, plan, now)

    async def _call(self, row: ShiftRow, plan: Plan, now: datetime) -> None:
        """Call somebody, after writing the call to the database."""
        view, confirm = row.view, _confirm(plan, row)
        due_at = shift_start.next_call(view.state, confirm, now)
        end = shift_start.ends(plan, view.schedule, view.person, now)
        call = await self._store.write(shifts.begin_call, row, at=now, due_at=due_at, end=end)
        if call is None:
            return
        begins = shift_words.begins(now, end, plan.office.zone)
        say = begins if view.role == "oncall" else ("shift-unconfirmed",)
        task = asyncio.create_task(self._ask(row, confirm, call, say, now))
        self._calls[row.id] = task
        task.add_done_callback(lambda _: self._calls.pop(row.id, None))

    async def _ask(
        self, row: ShiftRow, confirm: Confirm, call: int, say: tuple[str, ...], began: datetime
    ) -> None:
        """Wait for a call's outcome and write it; a call that our own stop ends has none."""
        try:
            result: Result = await self._dialer.confirm(row.view.person, say)
        except asyncio.CancelledError:
            if not self._stopping:
                await self._store.insist(shifts.end_call, call, "canceled", self._clock.now())
            raise
        except Exception:  # after any error, the next call is made
            log.exception("shift.dialer", person=row.view.person)
            result = "unreachable"
        await self._ended(row, confirm, call, result, began)

    async def _ended(
        self, row: ShiftRow, confirm: Confirm, call: int, result: Result, began: datetime
    ) -> None:
        event = shift_start.happened(row.view, confirm, pressed=result == "acknowledged")
        after = shift_start.AFTER.get((row.view.state, event), row.view.state)
        state = await self._store.insist(
            shifts.happen,
            row,
            event,
            at=self._clock.now(),
            due_at=shift_start.next_call(after, confirm, began),
            call=call,
            result=result,
        )
        person, why = row.view.person, f"{row.view.role}: {result}"
        if state == "unconfirmed":
            log.error("shift.unconfirmed", person=person, why=why)
        else:
            log.info("shift.called", person=person, why=why)


def _backups(rows: list[ShiftRow], plan: Plan, now: datetime) -> list[Begin]:
    """List the backups of people who never confirmed, to notify them."""
    found = []
    for row in rows:
        view = row.view
        if (view.role, view.state) == ("oncall", "unconfirmed") and view.schedule in plan.schedules:
            backup = schedule.on_call(plan, view.schedule, now).backup
            if backup is not None:
                found.append(Begin(view.schedule, backup, view.start))
    return found


def _confirm(plan: Plan, row: ShiftRow) -> Confirm:
    """Return the schedule's confirmation settings; the defaults if it has none (handover)."""
    return plan.schedules[row.view.schedule].confirm or Confirm()
