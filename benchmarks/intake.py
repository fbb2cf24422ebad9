"""How many of Asterisk's events a second become rows without loss, and a call's size there."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.ami_source import EVENTS, TOKEN, telling
from benchmarks.escalation import OnePlan
from dialplan import manager, names
from pbx.asterisk.ami.client import AmiClient, AmiEvent
from pbx.asterisk.ami.events import event_of
from pbx.asterisk.ami.lanes import Lane
from pbx.base.clock import SystemClock
from pbx.calls.callflow import CallFlow
from pbx.calls.conversation import Question
from pbx.calls.recent import RecentCallers
from pbx.calls.record.recorder import Recorder
from pbx.config.home import Home
from pbx.db.database import open_database
from pbx.db.writer import LogWriter

BACK_LINE = "+12125550101"
PATIENCE_S = 60.0


class Intake:
    """What the daemon listens with, from the client to the writer, on a database of its own."""

    def __init__(self, home: Home, port: int, calls: int, talk: timedelta) -> None:
        plans = OnePlan()
        self._talk = talk
        self.overflows = 0
        self.writer = LogWriter(lambda: open_database(home.database))
        engine = open_database(home.database)
        self._recorder = Recorder(engine, self.writer, home, plans, SystemClock(), TOKEN)
        self._flow = CallFlow(plans, RecentCallers())
        self._left = calls
        self.reported = asyncio.Event()
        self.lane = Lane(self._event)
        self.client = AmiClient(
            host="127.0.0.1",
            port=port,
            username="u",
            secret="s",  # noqa: S106  # of nobody
            on_overflow=self._overflow,
            keep=manager.FIELDS,
        )
        self.writer.start()

    async def _event(self, event: AmiEvent) -> None:
        call = event.fields.get("DestLinkedid", "")
        if event.name == "DialBegin":  # its question came before
            asked = Question(call, call, "1", BACK_LINE, names.ARRIVED, "", "", "+19175550123")
            self._recorder.turn(asked, self._flow.answer(asked, SystemClock().now()))
        over = event.name == "Hangup" and event.fields["Uniqueid"] == event.fields["Linkedid"]
        at = SystemClock().now() + (self._talk if over else timedelta())
        await self._recorder.event(event_of(event, at))
        self._left -= over
        if self._left == 0:
            self.reported.set()

    def _overflow(self) -> None:
        self.overflows += 1
        self.reported.set()


async def taken(folder: Path, rate: float, calls: int, talk_s: float) -> dict[str, Any]:
    """Tell of calls at so many events a second; return what became rows, and how fast.

    Each is over at once and is logged as if two had talked for `talk_s`; who talked for less than a
    few seconds was cut off, and leaves a message that is on the disk before the next event.
    """
    home = Home(folder)
    async with telling(rate, calls) as port:
        intake = Intake(home, port, calls, timedelta(seconds=talk_s))
        work = (intake.client.run(intake.lane.put), intake.lane.run())
        running = [asyncio.create_task(one) for one in work]
        await intake.client.wait_connected(10)
        began = perf_counter()
        await intake.client.action("Originate")
        with suppress(TimeoutError):
            await asyncio.wait_for(intake.reported.wait(), PATIENCE_S)
        heard = perf_counter() - began
        await asyncio.to_thread(intake.writer.flush, PATIENCE_S)
        took = perf_counter() - began
        for one in running:
            one.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await asyncio.to_thread(intake.writer.close)
    with closing(sqlite3.connect(home.database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        count = "SELECT count(*) FROM call WHERE outcome = 'connected'"
        whole = connection.execute(count).fetchone()[0]
        legs = connection.execute("SELECT count(*) FROM leg WHERE result = 'accepted'")
        kept = min(whole, legs.fetchone()[0])
    return {
        "talked_s": talk_s,
        "asked_events_s": rate,
        "calls": calls,
        "kept": kept,
        "lost": calls - kept,
        "overflows": intake.overflows,
        "heard_events_s": calls * EVENTS / heard,
        "durable_events_s": kept * EVENTS / took,
        "bytes_a_call": home.database.stat().st_size / calls,
    }
