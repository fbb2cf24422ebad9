"""The daemon is killed in every state of a message: the next call comes when it was due."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, get_args

import pytest
from sqlalchemy import Engine

from pbx.config.plan import load
from pbx.db import follow_ups, message_progress, messages
from pbx.db.database import open_database
from pbx.db.message_progress import MessageMove
from pbx.demo.carrier.handset import refuses
from pbx.demo.stage import MOBILES
from routing.follow_up import AFTER, RINGING, Event, MessageView, State, Todo
from routing.model import Plan
from tests.support.office_up import DEADLINE, ROOT, Up, office_up, until

PLAN = load(ROOT / "config/office.toml").plan
LATE = timedelta(seconds=5)
WAYS: dict[State, tuple[MessageMove, ...]] = {
    "open": (),
    "delivered": ("delivered",),
    "acknowledged": ("acknowledged",),
    "called back": ("acknowledged", "called back"),
}

NUMBERS = count(1)


def _walk(
    engine: Engine, plan: Plan, message: str, state: State, event: Event, due: datetime
) -> None:
    """Bring a new message through one line of the transition table, with its timer at `due`.

    Who is overdue is so at `due`, which then must not lie ahead.
    """
    callback = timedelta(seconds=next(iter(plan.escalations.values())).follow_up.callback_s)
    number = f"+1917444{next(NUMBERS):04d}"  # of its own, or it would join another message
    made: dict[str, Any] = {
        "at": due - callback - timedelta(minutes=5),
        "urgency": "urgent",
        "callback_number": number,
        "recording": None,
        "due_at": due,
    }
    messages.open_message(engine, message_id=message, call=message, **made)
    called = MessageView(message, "urgent", "open", made["at"])
    ring = Todo("ring", who={"lee": "mobile"})
    rows = follow_ups.begin_round(engine, called, ring, ["lee"], at=made["at"], due_at=due)
    for row in rows or ():
        follow_ups.end_attempt(engine, row.id, "no answer", made["at"])
    for act in (*WAYS[state], event):
        if act == "joined":
            other = messages.open_message(engine, message_id=f"{message}+", call="again", **made)
            assert other == message
        elif act in get_args(MessageMove):
            at = due if act == "overdue" else due - callback
            again = due if act == "cut off" else None
            message_progress.move(engine, plan, message, act, at=at, person="lee", due_at=again)


def test_every_state_is_reached() -> None:
    """A new state of the table must be walked to, or this file proves less than it says."""
    assert {state for state, _ in AFTER} == set(WAYS)


@pytest.mark.long
async def test_killed_in_every_state_the_next_call_comes_when_due() -> None:
    """Twice: the timers run out after the restart, and while nobody is there to see it."""
    with tempfile.TemporaryDirectory(prefix="officeline-up-") as name:
        async with office_up(Path(name)) as up:
            for number in MOBILES.values():
                up.carrier.answers(number, refuses(486))
            engine = open_database(up.home.database)
            try:
                await _killed(up, engine, "before", pause_s=0, due_in_s=8)
                await _killed(up, engine, "across", pause_s=6, due_in_s=4)
            finally:
                engine.dispose()


async def _killed(up: Up, engine: Engine, name: str, *, pause_s: float, due_in_s: float) -> None:
    due = datetime.now(UTC) + timedelta(seconds=due_in_s)
    made = {}
    for place, (state, event) in enumerate(AFTER):
        message = f"{name}{place}"
        when = datetime.now(UTC) if event == "overdue" else due
        await asyncio.to_thread(_walk, engine, PLAN, message, state, event, when)
        made[message] = (AFTER[state, event], when)
    await asyncio.sleep(1.5)  # the daemon has looked, and waits
    served = up.reported("daemon.serving")
    os.kill(up.process.pid, signal.SIGSTOP)
    os.kill(up.daemon_pid(), signal.SIGKILL)
    await asyncio.sleep(pause_s)
    os.kill(up.process.pid, signal.SIGCONT)
    await until(lambda: up.reported("daemon.serving") > served)
    back = datetime.now(UTC)
    for message, (state, when) in made.items():
        rows = await _next_call(engine, message, wanted=state in (*RINGING, "acknowledged"))
        for row in rows[1:2]:
            assert when <= row.started_at <= max(when, back) + LATE, (message, state, row)
    for message, (state, _) in made.items():
        if state in {"called back", "closed"}:
            assert len(await asyncio.to_thread(follow_ups.attempts, engine, message)) == 1, state


async def _next_call(engine: Engine, message: str, *, wanted: bool) -> list[follow_ups.AttemptRow]:
    """Wait for the second attempt about a message, where there must be one."""
    async with asyncio.timeout(DEADLINE):
        while (
            len(rows := await asyncio.to_thread(follow_ups.attempts, engine, message)) < 1 + wanted
        ):
            await asyncio.sleep(0.1)
    return rows
